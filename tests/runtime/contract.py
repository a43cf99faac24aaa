"""What every device must do. A subclass gives the fixture `device`: an opened one for pal-e32."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from pal_edge.container import KnownAnswer, known_answer_input
from pal_edge.errors import DeviceError, EngineError, InputError, TargetError
from pal_edge.numeric import decode, encode
from pal_edge.runtime import Device, InferenceSession
from pal_edge.spec.targets import TARGETS
from tests.driver.small_model import model, run_numpy

Feed = dict[str, np.ndarray]
MODEL = model()
IMAGE, MASK = MODEL.inputs
SCORES, FEATURES = MODEL.outputs


def feed(samples: int = 1, seed: int = 0) -> Feed:
    """Return float inputs [samples, ...] that codes represent."""
    rng = np.random.default_rng(seed)
    return {t.name: decode(rng.integers(0, 256, (samples, *t.shape[1:])).astype(np.uint8), t.bias)
            for t in MODEL.inputs}


def expected_codes(values: Feed) -> dict[str, np.ndarray]:
    """Return the output codes by the numpy engine; both maps lie as NHWC."""
    found: dict[str, list[np.ndarray]] = {SCORES.name: [], FEATURES.name: []}
    for image, mask in zip(values["image"], values["mask"], strict=True):
        data = encode(image.transpose(1, 2, 0), IMAGE.bias).tobytes() + encode(mask, MASK.bias).tobytes()
        out = np.frombuffer(run_numpy(MODEL, data), np.uint8)
        found["scores"].append(out[:17])
        found["features"].append(out[34:].reshape(4, 4, 3).transpose(2, 0, 1))
    return {name: np.stack(parts) for name, parts in found.items()}


class DeviceContract:
    """Subclass it as Test<device> and define `device`."""

    large_arena = 700_000  # bytes: a model of which the device holds one, but not two

    @pytest.fixture
    def session(self, device: Device):
        with InferenceSession(MODEL, device) as session:
            yield session

    def test_codes_are_those_of_the_numpy_engine(self, session: InferenceSession) -> None:
        values = feed(5)
        codes = {t.name: encode(values[t.name], t.bias) for t in MODEL.inputs}
        scores, features = session.run_codes(None, codes)
        wanted = expected_codes(values)
        assert scores.dtype == features.dtype == np.uint8
        np.testing.assert_array_equal(scores, wanted["scores"])
        np.testing.assert_array_equal(features, wanted["features"])

    def test_values_are_the_decoded_codes(self, session: InferenceSession) -> None:
        values = feed(3)
        wanted = expected_codes(values)
        for tensor, found in zip(MODEL.outputs, session.run(None, values), strict=True):
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, decode(wanted[tensor.name], tensor.bias))

    def test_outputs_by_name_in_the_order_asked(self, session: InferenceSession) -> None:
        scores, features = session.run(None, feed())
        again = session.run(["features", "scores", "features"], feed())
        for found, wanted in zip(again, (features, scores, features), strict=True):
            np.testing.assert_array_equal(found, wanted)
        with pytest.raises(InputError, match="'logits' is no output; the model's outputs are 'scores', 'features'"):
            session.run(["logits"], feed())

    def test_ports_describe_themselves(self, session: InferenceSession) -> None:
        image, mask = session.get_inputs()
        assert (image.name, image.shape, image.type) == ("image", ("N", 3, 4, 4), "tensor(float)")
        assert mask.shape == ("N", 1, 4, 4)
        assert [port.name for port in session.get_outputs()] == ["scores", "features"]

    @pytest.mark.parametrize("change", [
        lambda a: a.astype(np.float64),
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
        lambda a: a.tolist(),
        lambda a: a[::-1][::-1],
    ], ids=["float64", "fortran", "strided", "lists", "reversed"])
    def test_any_float_array_will_do(self, session: InferenceSession, change: Callable) -> None:
        values = feed(2)
        for found, wanted in zip(session.run(None, {k: change(v) for k, v in values.items()}),
                                 session.run(None, values), strict=True):
            np.testing.assert_array_equal(found, wanted)

    def test_float16_is_converted(self, session: InferenceSession) -> None:
        halves = {name: value.astype(np.float16) for name, value in feed(2).items()}
        for found, wanted in zip(session.run(None, halves),
                                 session.run(None, {k: v.astype(np.float32) for k, v in halves.items()}),
                                 strict=True):
            np.testing.assert_array_equal(found, wanted)

    @pytest.mark.parametrize(("change", "message"), [
        ({"mask": None}, "input 'mask' is missing"),
        ({"extra": np.zeros(1, np.float32)}, "'extra' is no input"),
        ({"mask": np.zeros((1, 4, 4, 1), np.float32)}, r"has shape \[1, 4, 4, 1\]; wanted \[N, 1, 4, 4\]"),
        ({"mask": np.zeros((4, 4), np.float32)}, r"has shape \[4, 4\]"),
        ({"mask": np.zeros((2, 1, 4, 4), np.float32)}, "differ in their batch size"),
        ({"mask": np.zeros((1, 1, 4, 4), np.int32)}, "is int32, not float"),
        ({"mask": np.zeros((1, 1, 4, 4), np.uint8)}, "is uint8, not float"),
        ({"mask": np.full((1, 1, 4, 4), np.nan, np.float32)}, "'mask' has NaN"),
        ({"image": np.zeros((0, 3, 4, 4), np.float32), "mask": np.zeros((0, 1, 4, 4), np.float32)},
         "the batch is empty"),
        ({"mask": "text"}, "not float"),
    ])
    def test_a_wrong_input_is_named(self, session: InferenceSession, change: Feed, message: str) -> None:
        wrong = {name: value for name, value in (feed() | change).items() if value is not None}
        for call in (session.run, lambda _, values: session.run_async(None, values).result()):
            with pytest.raises(InputError, match=message):
                call(None, wrong)
        session.run(None, feed())

    def test_infinities_saturate(self, session: InferenceSession) -> None:
        values = feed()
        large = values | {"mask": np.where(values["mask"] > 0, np.inf, -np.inf).astype(np.float32)}
        finite = values | {"mask": np.where(values["mask"] > 0, 1e38, -1e38).astype(np.float32)}
        for found, wanted in zip(session.run(None, large), session.run(None, finite), strict=True):
            np.testing.assert_array_equal(found, wanted)

    def test_codes_must_be_bytes(self, session: InferenceSession) -> None:
        with pytest.raises(InputError, match="codes of 'image' are float32, not uint8"):
            session.run_codes(None, feed())

    def test_a_batch_is_its_samples(self, session: InferenceSession) -> None:
        values = feed(4)
        batch = session.run(None, values)
        assert session.counters.inferences == 4
        per_inference = session.counters.cycles / 4
        for i in range(4):
            for found, wanted in zip(session.run(None, {k: v[i : i + 1] for k, v in values.items()}), batch,
                                     strict=True):
                np.testing.assert_array_equal(found, wanted[i : i + 1])
            assert session.counters.cycles_per_inference == per_inference

    def test_counters_agree_with_the_profile(self, session: InferenceSession) -> None:
        costs = session.profile(feed())
        counters = session.counters
        assert [cost.name for cost in costs] == [layer.name for layer in MODEL.layers]
        assert all((cost.cycles > 0) == (cost.op != "SOFTMAX") for cost in costs)
        assert sum(cost.cycles for cost in costs) < counters.cycles
        assert 0 < counters.mac_cycles < counters.cycles
        assert counters.bytes_read > len(MODEL.commands) * 64 and counters.bytes_written > 0

    def test_the_known_answer(self, session: InferenceSession) -> None:
        assert session.self_test()

    def test_a_wrong_known_answer_is_found(self, device: Device) -> None:
        output = bytes([MODEL.known_answer.output[0] ^ 1]) + MODEL.known_answer.output[1:]
        with InferenceSession(replace(MODEL, known_answer=KnownAnswer(7, output)), device) as session:
            assert session.self_test() is False

    def test_without_known_answer_or_trace_it_says_so(self, device: Device) -> None:
        with InferenceSession(replace(MODEL, known_answer=None), device) as session:
            with pytest.raises(InputError, match="no known-answer test"):
                session.self_test()
            with pytest.raises(InputError, match="no TRACE section"):
                session.trace(feed())

    def test_sessions_share_the_device_from_threads(self, device: Device) -> None:
        values = [feed(2, seed) for seed in range(8)]
        wanted = [expected_codes(each)["scores"] for each in values]
        barrier = threading.Barrier(4)

        def work(session: InferenceSession, first: int) -> None:
            barrier.wait()
            for i in range(24):
                at = (first + i) % len(values)
                codes = {t.name: encode(values[at][t.name], t.bias) for t in MODEL.inputs}
                np.testing.assert_array_equal(session.run_codes(["scores"], codes)[0], wanted[at])

        with InferenceSession(MODEL, device) as one, InferenceSession(MODEL, device) as other, \
                ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(work, session, i) for i, session in enumerate((one, other, one, other))]:
                done.result()

    def test_async_keeps_the_order(self, session: InferenceSession) -> None:
        values = [feed(1, seed) for seed in range(10)]
        order: list[int] = []
        futures: list[Future] = [session.run_async(None, each, lambda _, i, error: order.append(i), i)
                                 for i, each in enumerate(values)]
        for future, each in zip(futures, values, strict=True):
            for found, wanted in zip(future.result(), session.run(None, each), strict=True):
                np.testing.assert_array_equal(found, wanted)
        assert order == list(range(10))

    def test_a_closed_session_says_so_and_frees_its_memory(self, device: Device) -> None:
        for _ in range(200):  # far more than fit at once, were they not freed
            session = InferenceSession(MODEL, device)
            session.close()
        session.close()
        for call in (lambda: session.run(None, feed()), session.self_test, lambda: session.profile(feed())):
            with pytest.raises(DeviceError, match="the session is closed"):
                call()

    def test_a_closed_device_says_so(self, device: Device) -> None:
        session = InferenceSession(MODEL, device)
        device.close()
        device.close()
        for call in (lambda: session.run(None, feed()), session.self_test,
                     lambda: session.run_async(None, feed()), lambda: InferenceSession(MODEL, device)):
            with pytest.raises(DeviceError, match="the device is closed"):
                call()
        session.close()

    def test_full_memory_is_an_error_and_no_harm(self, device: Device) -> None:
        large = replace(MODEL, arena_size=self.large_arena, known_answer=None)
        with InferenceSession(large, device):
            needed = f"needs {str(self.large_arena)[:2]}.* bytes of device memory, .* are free"
            with pytest.raises(DeviceError, match=needed):
                InferenceSession(large, device)
            with InferenceSession(MODEL, device) as small:
                assert small.self_test()
        with InferenceSession(large, device) as again:
            again.run(None, feed())

    def test_a_model_for_another_target_is_refused(self, device: Device) -> None:
        for name in set(TARGETS) - {device.target.name}:
            with pytest.raises(TargetError, match=f"model for {name} on a {device.target.name}"):
                InferenceSession(replace(MODEL, target=TARGETS[name]), device)
        with InferenceSession(MODEL, device) as session:  # the memory came back
            assert session.self_test()

    def test_an_engine_error_names_the_layer(self, session: InferenceSession, device: Device) -> None:
        self.damage_command(session, 5)
        with pytest.raises(EngineError, match="command 5 of layer 'layer5': unknown opcode") as caught:
            session.run(None, feed())
        assert caught.value.command == 5
        with InferenceSession(MODEL, device) as other:
            assert other.self_test()

    def damage_command(self, session: InferenceSession, index: int) -> None:
        """Make the loaded command's opcode one that the engine does not know."""
        raise NotImplementedError

    def test_the_regions_as_bytes(self, session: InferenceSession) -> None:
        data = known_answer_input(3, MODEL.input_size)
        assert session.run_region(data) == run_numpy(MODEL, data)
        with pytest.raises(DeviceError, match="an argument is out of its range"):
            session.run_region(data + b"\0")

