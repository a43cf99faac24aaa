"""A session runs the model on the simulator with ONNX Runtime's habits, and refuses what does not fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pal_edge import InferenceSession
from pal_edge.container import KnownAnswer
from pal_edge.errors import ContainerError, DeviceError, EngineError, InputError
from pal_edge.numeric import decode, encode
from pal_edge.runtime.device import SIM_BASE, SimDevice
from pal_edge.spec.status import EngineError as Code
from tests.driver import small_model

Feed = dict[str, Any]
MODEL = small_model.model()


@pytest.fixture
def session() -> Iterator[InferenceSession]:
    with InferenceSession(MODEL) as opened:
        yield opened


def floats(samples: int, seed: int = 0) -> Feed:
    """Return a feed whose values lie within the codes' range."""
    rng = np.random.default_rng(seed)
    shapes = {"image": (samples, 3, 4, 4), "mask": (samples, 1, 4, 4)}
    return {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


def codes_of(feed: Feed) -> Feed:
    return {tensor.name: encode(feed[tensor.name], tensor.bias) for tensor in MODEL.inputs}


def by_numpy(feed: Feed) -> list[np.ndarray]:
    """Return the output codes of one sample of codes, in logical shapes, from the numpy engine."""
    region = feed["image"][0].transpose(1, 2, 0).tobytes() + feed["mask"].tobytes()
    found = np.frombuffer(small_model.run_numpy(MODEL, region), np.uint8)
    channels = small_model.CHANNELS
    features = found[2 * channels :].reshape(1, 4, 4, 3).transpose(0, 3, 1, 2)
    return [found[:channels].reshape(1, channels), features]


def test_inputs_and_outputs_are_described_as_in_onnx_runtime(session: InferenceSession) -> None:
    image, mask = session.get_inputs()
    assert (image.name, tuple(image.shape), image.type, image.bias) == ("image", ("N", 3, 4, 4), "tensor(float)", -90)
    assert mask.name == "mask"
    assert [(each.name, tuple(each.shape)) for each in session.get_outputs()] == [
        ("scores", ("N", 17)), ("features", ("N", 3, 4, 4))]


def test_codes_in_give_the_codes_of_the_numpy_engine(session: InferenceSession) -> None:
    for seed in range(20):
        feed = codes_of(floats(1, seed))
        found = session.run_codes(None, feed)
        for codes, wanted in zip(found, by_numpy(feed), strict=True):
            assert codes.dtype == np.uint8
            np.testing.assert_array_equal(codes, wanted)


def test_floats_are_encoded_and_decoded_with_the_biases_of_the_tensors(session: InferenceSession) -> None:
    feed = floats(1)
    found = session.run(None, feed)
    codes = session.run_codes(None, codes_of(feed))
    for values, tensor, code in zip(found, MODEL.outputs, codes, strict=True):
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, decode(code, tensor.bias))


def test_a_batch_gives_what_its_samples_give_alone(session: InferenceSession) -> None:
    feed = floats(5)
    together = session.run(None, feed)
    cycles = session.counters
    assert [array.shape for array in together] == [(5, 17), (5, 3, 4, 4)]
    for i in range(5):
        alone = session.run(None, {name: array[i : i + 1] for name, array in feed.items()})
        for one, all_ in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one[0], all_[i])
    assert cycles.inferences == 5
    assert cycles.cycles == 5 * session.counters.cycles == 5 * cycles.cycles_per_inference
    assert 0 < session.counters.mac_cycles < session.counters.cycles


def test_outputs_are_chosen_by_name_in_the_order_asked_for(session: InferenceSession) -> None:
    feed = floats(2)
    scores, features = session.run(None, feed)
    again = session.run(["features", "scores"], feed)
    np.testing.assert_array_equal(again[0], features)
    np.testing.assert_array_equal(again[1], scores)
    assert len(session.run(["scores"], feed)) == 1


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_are_converted(session: InferenceSession, dtype: type) -> None:
    feed = {name: array.astype(dtype) for name, array in floats(1).items()}
    wanted = session.run(None, {name: array.astype(np.float32) for name, array in feed.items()})
    for found, value in zip(session.run(None, feed), wanted, strict=True):
        np.testing.assert_array_equal(found, value)


def test_infinities_and_what_is_beyond_float32_saturate(session: InferenceSession) -> None:
    huge = floats(1)["image"]
    feeds = [{"image": np.full(huge.shape, value, kind), "mask": np.ones((1, 1, 4, 4), np.float32)}
             for value, kind in ((np.inf, np.float32), (1e300, np.float64), (3e38, np.float32))]
    first, *others = (session.run(["features"], feed)[0] for feed in feeds)
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_arrays_of_any_memory_layout_are_taken(session: InferenceSession) -> None:
    feed = floats(3)
    strided = {name: np.asfortranarray(np.repeat(array, 2, axis=0))[::2] for name, array in feed.items()}
    for found, wanted in zip(session.run(None, strided), session.run(None, feed), strict=True):
        np.testing.assert_array_equal(found, wanted)


def changed(**arrays: Any) -> Callable[[], Feed]:
    return lambda: {**floats(2), **arrays}


@pytest.mark.parametrize(("feed", "message"), [
    (lambda: {"image": floats(2)["image"]}, "input 'mask' is missing; the model's inputs are 'image', 'mask'"),
    (changed(masc=np.zeros(1)), "'masc' is no input; the model's inputs are 'image', 'mask'"),
    (changed(mask=np.zeros((2, 4, 4), np.float32)), r"'mask' has shape \[2, 4, 4\]; wanted \[N, 1, 4, 4\]"),
    (changed(mask=np.zeros((2, 1, 4, 5), np.float32)), r"'mask' has shape \[2, 1, 4, 5\]"),
    (changed(image=np.zeros((2, 3, 4, 4), np.int32)), "'image' is int32, not float.*pass float32"),
    (changed(image=np.full((2, 3, 4, 4), "x")), "'image' is <U1, not float"),
    (changed(image=np.full((2, 3, 4, 4), np.nan, np.float32)), "'image' has NaN"),
    (changed(image=np.zeros((3, 3, 4, 4), np.float32)), "differ in their batch size.*'image': 3, 'mask': 2"),
    (lambda: {name: array[:0] for name, array in floats(1).items()}, "the batch is empty"),
])
def test_arrays_that_do_not_fit_are_refused(session: InferenceSession, feed: Callable[[], Feed], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        session.run(None, feed())
    assert "\n" not in str(caught.value)
    session.run(None, floats(1))


def test_codes_must_be_uint8(session: InferenceSession) -> None:
    with pytest.raises(InputError, match="codes of 'image' are float32, not uint8"):
        session.run_codes(None, floats(1))


def test_an_unknown_output_is_refused(session: InferenceSession) -> None:
    with pytest.raises(InputError, match="'score' is no output; the model's outputs are 'scores', 'features'"):
        session.run(["score"], floats(1))


def test_a_profile_has_every_layer_on_one_clock(session: InferenceSession) -> None:
    costs = session.profile(floats(1))
    assert [cost.name for cost in costs] == [layer.name for layer in MODEL.layers]
    on_engine = [cost for cost in costs if cost.op != "SOFTMAX"]
    assert all(cost.cycles == cost.end - cost.start > 0 for cost in on_engine)
    assert all(before.end <= after.start for before, after in pairwise(on_engine))
    assert on_engine[-1].end <= session.counters.cycles
    assert all(cost.cycles == 0 for cost in costs if cost.op == "SOFTMAX")


def test_a_trace_gives_the_codes_of_each_layer_in_logical_shape() -> None:
    command = MODEL.commands[0]
    axes = [[2, 4, 1, command.ofm_row], [3, 4, 1, command.ofm_px], [1, 17, 1, 1]]
    first = {"value": "first", "region": int(command.ofm_region), "offset": command.ofm_offset, "element": 1,
             "axes": axes, "shape": [1, 17, 4, 4], "first_command": 0, "command_count": 1}
    last = {"value": "scores", "region": 3, "offset": 0, "element": 1, "axes": [[1, 17, 1, 1]], "shape": [1, 17],
            "first_command": 1, "command_count": len(MODEL.commands) - 1}
    traced = replace(MODEL, trace={"layers": [first, last]})
    feed = floats(1)
    with InferenceSession(traced) as session:
        found = session.trace(feed)
        np.testing.assert_array_equal(found["scores"], session.run_codes(["scores"], codes_of(feed))[0])
    only_first = replace(MODEL, commands=(replace(command, ofm_region=3),), layers=MODEL.layers[:1],
                         output_size=1000, known_answer=None)
    region = codes_of(feed)["image"][0].transpose(1, 2, 0).tobytes() + bytes(16)
    wanted = np.frombuffer(small_model.run_numpy(only_first, region), np.uint8)[: 16 * 17]
    np.testing.assert_array_equal(found["first"][0], wanted.reshape(4, 4, 17).transpose(2, 0, 1))


def test_a_trace_needs_its_section_and_one_sample(session: InferenceSession) -> None:
    with pytest.raises(InputError, match="no TRACE section; convert it again"):
        session.trace(floats(1))
    with pytest.raises(InputError, match="one sample is wanted here, not a batch of 2"):
        session.profile(floats(2))


def test_the_known_answer_tells_right_from_wrong(session: InferenceSession) -> None:
    assert session.self_test()
    assert MODEL.known_answer is not None
    answer = bytearray(MODEL.known_answer.output)
    answer[-1] ^= 1
    with InferenceSession(replace(MODEL, known_answer=KnownAnswer(7, bytes(answer)))) as other:
        assert not other.self_test()
    with (InferenceSession(replace(MODEL, known_answer=None)) as other,
          pytest.raises(InputError, match="no known-answer test")):
        other.self_test()


def test_a_model_is_given_as_path_bytes_or_object(tmp_path: Path) -> None:
    path = tmp_path / "small.pal"
    MODEL.save(path)
    wanted = None
    for given in (path, str(path), path.read_bytes(), MODEL):
        with InferenceSession(given) as session:
            found = session.run(["scores"], floats(1))[0]
        wanted = found if wanted is None else wanted
        np.testing.assert_array_equal(found, wanted)
    with pytest.raises(ContainerError, match="absent.pal"):
        InferenceSession(tmp_path / "absent.pal")
    with pytest.raises(ContainerError, match="not a PAL model"):
        InferenceSession(b"GIF89a")


def test_a_closed_session_says_so() -> None:
    session = InferenceSession(MODEL)
    session.close()
    session.close()
    for use in (lambda: session.run(None, floats(1)), session.self_test, lambda: session.profile(floats(1))):
        with pytest.raises(DeviceError, match="closed"):
            use()


def test_an_engine_error_names_command_layer_and_reason() -> None:
    with SimDevice(memory=1 << 20, target=MODEL.target.name) as device, InferenceSession(MODEL, device) as session:
        list_ = session.loaded.native.commands - SIM_BASE
        device._memory[list_ + 5 * 64] = 99  # an opcode that no engine has, behind a CPU command
        with pytest.raises(EngineError, match="command 5 of layer 'layer5': unknown opcode") as caught:
            session.run(None, floats(1))
        error = caught.value
        assert (error.code, error.command, error.layer) == (Code.OPCODE, 5, "layer5")
        device._memory[list_ + 5 * 64] = MODEL.commands[5].opcode
        assert session.self_test()


def test_sessions_share_a_device_from_many_threads() -> None:
    feeds = [floats(1, seed) for seed in range(8)]
    other = replace(MODEL, constants=bytes(code ^ 1 if i >= 360 else code for i, code in enumerate(MODEL.constants)))
    with SimDevice(memory=1 << 20, target=MODEL.target.name) as device:
        sessions = [InferenceSession(model, device) for model in (MODEL, other)]
        jobs = [(session, feed) for session in sessions for feed in feeds]
        wanted = [session.run(None, feed) for session, feed in jobs]
        assert not np.array_equal(wanted[0][1], wanted[8][1])
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda job: job[0].run(None, job[1]), jobs * 20))
        for outputs, answer in zip(found, wanted * 20, strict=True):
            for one, two in zip(outputs, answer, strict=True):
                np.testing.assert_array_equal(one, two)


def test_async_runs_give_futures_in_order_and_call_back(session: InferenceSession) -> None:
    seen: list[tuple[Any, Any, str]] = []
    feeds = [floats(1, seed) for seed in range(6)]
    futures = [session.run_async(None, feed, lambda *call: seen.append(call), i) for i, feed in enumerate(feeds)]
    for future, feed in zip(futures, feeds, strict=True):
        np.testing.assert_array_equal(future.result(60)[0], session.run(None, feed)[0])
    failed = session.run_async(None, {}, lambda *call: seen.append(call), 6)
    with pytest.raises(InputError, match="'image' is missing"):
        failed.result(60)
    session.close()
    assert [user for _, user, _ in seen] == list(range(7))
    assert re.match("input 'image' is missing", seen[-1][2]) and seen[-1][0] is None
    assert all(error == "" for _, _, error in seen[:-1])
