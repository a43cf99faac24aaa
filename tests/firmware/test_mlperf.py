"""The serial protocol of MLPerf Tiny's runner, on models with the inputs and outputs of its four tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pal_edge.board import flash_model
from pal_edge.container import LayerEntry, Model, Tensor
from pal_edge.errors import DeviceError
from pal_edge.runtime import InferenceSession
from pal_edge.spec.commands import Command, Opcode
from pal_edge.spec.registers import Region
from pal_edge.spec.targets import TARGETS

from .host_board import HostBoard
from .runner import Runner

TARGET = TARGETS["pal-e32"]
SHAPES = {"kws01": (49, 10, 1), "ic01": (32, 32, 3), "vww01": (96, 96, 3)}
CLASSES = {"kws01": 12, "ic01": 10, "vww01": 2}
BIASES = {"kws01": -30, "ic01": 1, "vww01": -127, "ad01": -20}  # of inputs, in which their values lie
OUTPUT_BIAS = -127


def floats(task: str, raw: bytes) -> np.ndarray:
    """Return the float input of the reference model for the bytes that the runner sends, with a batch of 1."""
    if task == "ad01":
        return np.frombuffer(raw, np.float32)[None]
    if task == "kws01":
        x = (np.frombuffer(raw, np.int8).astype(np.float32) - np.float32(83)) * np.float32(0.5847029)
    else:
        x = np.frombuffer(raw, np.uint8).astype(np.float32)
        if task == "vww01":
            x *= np.float32(1 / 255)
    return x.reshape(1, *SHAPES[task])


def sample(task: str, seed: int = 0) -> bytes:
    rng = np.random.default_rng(seed)
    return rng.normal(-2, 3, 640).astype("<f4").tobytes() if task == "ad01" else rng.bytes(int(np.prod(SHAPES[task])))


def model(task: str, order: tuple[int, ...] = (0, 1, 2, 3)) -> Model:
    """One convolution over the whole input; for ad01 the input again, half of it clipped."""
    act = {"act_min": -127, "act_max": 127}
    rng = np.random.default_rng(3)
    if task == "ad01":
        maps = {f"{each}_{field}": value for each in ("ifm", "ofm") for field, value in
                {"h": 1, "w": 1, "c": 640, "px": 640, "row": 640}.items()}
        step = Command(opcode=Opcode.MAP, layer=0, act_min=-45, act_max=45, **maps,
                       ifm_region=int(Region.INPUT), ofm_region=int(Region.OUTPUT))
        tensors = (Tensor("input", Region.INPUT, (1, 640), (0, 1), BIASES[task], 0),
                   Tensor("output", Region.OUTPUT, (1, 640), (0, 1), BIASES[task], 0))
        return Model(target=TARGET, commands=(step,), constants=bytes(4), tensors=tensors, arena_size=64, sram_size=64,
                     layers=(LayerEntry("copy", "", 0, 1, 0),), input_size=640, output_size=640)
    h, w, c = SHAPES[task]
    classes = CLASSES[task]
    params = -(-6 * classes // 4) * 4
    biases = rng.integers(-10, 10, classes).astype("<i4").tobytes()
    offsets = np.full(classes, -160 if task == "kws01" else -220, "<i2").tobytes()
    weights = rng.integers(60, 100, h * w * c * classes).astype(np.uint8) | rng.choice([0, 128], h * w * c * classes)
    step = Command(opcode=Opcode.CONV, layer=0, **act, kh=h, kw=w, stride_y=1, stride_x=1, dilation_y=1, dilation_x=1,
                   ifm_region=int(Region.INPUT), ifm_h=h, ifm_w=w, ifm_c=c, ifm_px=c, ifm_row=w * c,
                   ofm_region=int(Region.OUTPUT), ofm_h=1, ofm_w=1, ofm_c=classes, ofm_px=classes, ofm_row=classes,
                   params=0, weights=params)
    tensors = (Tensor("input", Region.INPUT, (1, h, w, c), order, BIASES[task], 0),
               Tensor("output", Region.OUTPUT, (1, classes), (0, 1), OUTPUT_BIAS, 0))
    return Model(target=TARGET, commands=(step,), tensors=tensors, layers=(LayerEntry("all", "", 0, 1, 0),),
                 constants=(biases + offsets).ljust(params, b"\0") + weights.astype(np.uint8).tobytes(),
                 arena_size=64, sram_size=64, input_size=h * w * c, output_size=classes)


@pytest.fixture
def runner(host: HostBoard) -> Iterator[Runner]:
    with Runner(host.path) as runner:
        assert runner.name() == "pal-edge-host"  # behind the line that tells of the start
        yield runner


def flash(host: HostBoard, task: str, made: Model | None = None) -> None:
    with host.connect(host.usb) as board:
        flash_model(board, f"model of {task}", (made or model(task)).to_bytes(), label=task)


def expected(task: str, raw: bytes) -> np.ndarray:
    """Return the results by the simulator."""
    given = floats(task, raw)
    with InferenceSession(model(task)) as session:
        (output,) = session.run(None, {"input": given})
    return np.array([((output - given) ** 2).mean()]) if task == "ad01" else output[0]


@pytest.mark.parametrize("task", ["kws01", "ic01", "vww01", "ad01"])
def test_the_runner_gets_the_simulators_results(host: HostBoard, runner: Runner, task: str) -> None:
    flash(host, task)
    assert runner.model() == task and runner.profile()
    seen = set()
    for seed in range(2):
        raw = sample(task, seed)
        assert runner.load(raw) == ["m-load-done", "m-ready"]
        found = runner.infer(1, 0)
        wanted = expected(task, raw)
        np.testing.assert_allclose(found["results"], wanted, atol=0.0006, rtol=1e-6)
        assert found["end_time"] >= found["start_time"]
        seen.add(tuple(found["results"]))
    assert len(seen) == 2 and max(map(max, seen)) > 0.01


def test_an_input_that_lies_otherwise_in_memory(host: HostBoard, runner: Runner) -> None:
    """Channels first: the model's codes are permuted, not its input."""
    flash(host, "ic01", model("ic01", order=(0, 3, 1, 2)))
    raw = sample("ic01")
    runner.load(raw)
    turned = floats("ic01", raw).transpose(0, 3, 1, 2)
    with InferenceSession(model("ic01")) as session:
        (wanted,) = session.run(None, {"input": turned.reshape(1, *SHAPES["ic01"])})
    np.testing.assert_allclose(runner.infer(1, 0)["results"], wanted[0], atol=0.0006)


def test_a_series_says_where_it_is(host: HostBoard, runner: Runner) -> None:
    flash(host, "kws01")
    runner.load(sample("kws01"), piece=26)
    lines = runner.infer(7, 3)["lines"]
    stages = [line for line in lines if not line.startswith(("m-lap-us-", "m-results"))]
    assert stages == ["m-warmup-start-3", "m-warmup-done", "m-infer-start-7", "m-infer-done", "m-ready"]
    assert [line[:9] for line in lines[3:5]] == ["m-lap-us-"] * 2
    assert runner.command("results") == [lines[-2], "m-ready"]


def test_bytes_are_told_again(host: HostBoard, runner: Runner) -> None:
    flash(host, "kws01")
    assert runner.command("db load 10") == ["m-[Expecting 10 bytes]", "m-ready"]
    assert runner.command("db 00112233445566778899AAbb")[0] == "m-load-done"  # more than expected is dropped
    assert runner.command("db print") == ["m-buffer-00-11-22-33-44-55-66-77", "m-buffer-88-99", "m-ready"]
    assert runner.command("db print 2 9") == ["m-buffer-99", "m-ready"]


def test_without_a_model_it_says_so(runner: Runner) -> None:
    assert runner.name() and runner.model() is None
    lines = runner.command("infer 1 0")
    assert lines[0].startswith("e-[No model with the label of a benchmark") and lines[-1] == "m-ready"


def test_one_of_several_models_is_chosen(host: HostBoard, runner: Runner) -> None:
    for task in ("kws01", "ic01", "ad01"):
        flash(host, task)
    assert runner.model() == "kws01"
    for task in ("ic01", "ad01", "kws01"):
        assert f"m-model-[{task}]" in runner.command(f"model {task}")
        runner.load(sample(task))
        np.testing.assert_allclose(runner.infer(1, 0)["results"], expected(task, sample(task)), atol=0.0006, rtol=1e-6)
    assert runner.command("model vww01")[0].startswith("e-[No model") and runner.model() == "kws01"
    assert runner.command("model sww01")[0] == "e-[Command 'model' requires ad01, ic01, kws01 or vww01]"


@pytest.mark.parametrize("command", [
    "", "unknown", "x" * 200, "db", "db load", "db load 0", "db load x", "db load 99999999999", "db load 2000000000",
    "db 00", "db load 4%db 0", "db load 4%db 0g", "db load 4%db load 1%db 11%db 11", "db print 1 1", "infer",
    "infer 0", "infer -1", "infer 1 x", "infer 99999999999", "results", "model", "model x", "infer 1 1",
])  # fmt: skip
def test_refusals_end_with_ready(host: HostBoard, runner: Runner, command: str) -> None:
    flash(host, "kws01")
    *before, last = command.split("%")
    for each in before:
        runner.command(each)
    lines = runner.command(last)
    assert len(lines) == 2 and lines[0].startswith("e-[") and lines[1] == "m-ready"
    runner.load(sample("kws01"))
    assert len(runner.infer(1, 1)["results"]) == 12


def test_the_wrong_size_is_refused(host: HostBoard, runner: Runner) -> None:
    flash(host, "kws01")
    for size in (1, 489, 491):
        runner.load(bytes(size))
        assert runner.command("infer 1 0")[0] == "e-[Input has another size than 490]"


def test_numbers_that_are_none_are_refused(host: HostBoard, runner: Runner) -> None:
    flash(host, "ad01")
    runner.load(np.full(640, np.nan, "<f4").tobytes())
    assert runner.command("infer 1 0") == ["e-[an argument is out of its range; nothing was changed]", "m-ready"]
    runner.load(np.full(640, np.inf, "<f4").tobytes())
    assert "m-infer-done" in runner.command("infer 1 0")


def test_help_and_a_persons_line_ends(runner: Runner) -> None:
    assert any("infer N" in line for line in runner.command("\r\nhelp\r\n"))
    (lap, _) = runner.command(" timestamp ")
    assert lap.startswith("m-lap-us-")


def test_a_hosts_session_pins_and_the_runners_does_not(host: HostBoard, runner: Runner) -> None:
    flash(host, "kws01")
    runner.load(sample("kws01"))
    assert runner.infer(1, 0)["results"]
    with host.connect(host.usb) as board:
        free = board.identify().memory_free
        board.remove("model of kws01")
        assert board.identify().memory_free > free and not board.models()
    assert runner.command("infer 1 0")[0].startswith("e-[No model")
    with host.connect(host.usb) as board, pytest.raises(DeviceError):
        board.remove("model of kws01")


def test_a_host_on_the_serial_line_takes_over(host: HostBoard) -> None:
    flash(host, "kws01")
    with Runner(host.path) as runner:
        runner.load(sample("kws01"))
        assert runner.infer(1, 0)["results"]
    with host.connect() as board:
        assert board.identify().memory_free == board.identify().memory_size
    with Runner(host.path) as runner:
        assert runner.command("infer 1 0")[0].startswith("e-[Input")
        runner.load(sample("kws01"))
        assert runner.infer(1, 0)["results"]


def test_markers_bracket_what_a_meter_measures(tmp_path: Path) -> None:
    markers = tmp_path / "markers"
    with (HostBoard(tmp_path / "flash.bin", "--target", TARGET.name, "--markers", str(markers)) as host,
          Runner(host.path) as runner):
        flash(host, "kws01")
        runner.load(sample("kws01"))
        before = len(markers.read_bytes())
        runner.infer(2, 0)
        stamp, inference, engine = 4, 1, 3  # the last one is both
        assert list(markers.read_bytes()[before:]) == [
            stamp, 0, *[inference, engine, inference, 0] * 2, stamp, 0]  # fmt: skip
