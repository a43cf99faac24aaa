"""The virtual board: flashing beside the bare line, sizes of the firmware, inference over the link."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import pal_edge
from pal_edge.board import connect
from pal_edge.board.flash import FlashResult, flash_image, flash_model
from pal_edge.container import Model
from pal_edge.link import open_transport
from pal_edge.spec.virtual_board import ID as BOARD_ID

from ..virtual_board.boards import temporary
from .tasks import ROOT, Task

FIRMWARE = ROOT / "firmware"
LINE_BYTES = 200_000  # over the serial line: some six seconds
JUNK = b"\xaa"  # neither text nor part of a frame: the board drops it


def random_model(size: int, seed: int = 0, kinds: int = 256) -> Model:
    """Return a model of about `size` bytes, whose weights take `kinds` values."""
    rng = np.random.default_rng(seed)
    weights = rng.choice(rng.standard_normal(kinds), (size // 256, 256)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "random",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, weights.shape[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 256])], [numpy_helper.from_array(weights, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    samples = rng.standard_normal((4, weights.shape[0]), np.float32)
    compiled = pal_edge.convert(model, {"x": samples}, optimize="none")
    return replace(compiled, pieces=())  # constants as they are: what entropy coding does is not measured here


def raw_rate(uri: str, count: int = LINE_BYTES) -> float:
    """Return bytes a second of bytes that the board only drops: written, then an answer awaited."""
    with connect(uri) as board:
        board.identify()
    with open_transport(uri) as line:
        start = perf_counter()
        left = memoryview(JUNK * count)
        while left:
            left = left[line.write(left, 1.0):]
        _answer(line)
        return count / (perf_counter() - start)


def _answer(line: Any) -> None:
    """Wait until the board has worked through all that was written before: `name%` is answered in its turn."""
    line.write(b"\0\0name%", 1.0)
    heard = b""
    while b"m-ready" not in heard:
        heard += line.read(5.0)


def flashing() -> None:
    """Print the rates of flashing, each beside the bare line in the same run."""
    with temporary() as running:
        serial, usb = f"serial:{running.serial}", running.usb
        raw = raw_rate(serial)
        print(f"\nflashing the virtual board\n  serial, bare line            {raw / 1e3:10.1f} kB/s")
        incompressible = random_model(LINE_BYTES).to_bytes()
        with connect(serial) as board:
            _show("serial, incompressible", flash_model(board, "a", incompressible), raw)
            _show("serial, compressible", flash_model(board, "b", random_model(LINE_BYTES, 1, 4).to_bytes()), raw)
        with connect(usb) as board:
            large = random_model(2 << 20, 2).to_bytes()
            _show("USB, incompressible", flash_model(board, "c", large), 1e6)
            _show_update("model, 1 % changed", flash_model(board, "c", _changed(large)))
            _show_update("firmware, 1 % changed", flash_image(board, _changed_firmware()))


def _show(name: str, result: FlashResult, reference: float) -> None:
    rate = result.size / result.seconds
    print(f"  {name:<28} {rate / 1e3:10.1f} kB/s  {rate / reference:6.2f}x", flush=True)


def _show_update(name: str, result: FlashResult) -> None:
    moved = result.sent + result.received
    print(f"  {name:<28} {moved / result.size:10.2%} of {result.size:,} bytes transferred (wanted: below 5 %)",
          flush=True)


def _changed(data: bytes) -> bytes:
    """Return the model with 1 % of its constants changed, in one run."""
    model = Model.from_bytes(data)
    count = len(model.constants) // 100
    middle = len(model.constants) // 2 & ~3
    flipped = bytes(each ^ 1 for each in model.constants[middle : middle + count])
    return replace(model, constants=model.constants[:middle] + flipped + model.constants[middle + count:],
                   known_answer=None).to_bytes()


def _changed_firmware() -> bytes:
    """Return the firmware with 1 % of its code changed, signed anew."""
    out = FIRMWARE / "build" / "virt"
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "application.bin"
        code = bytearray((out / "application.bin").read_bytes())
        middle, count = len(code) // 2, len(code) // 100
        code[middle : middle + count] = np.random.default_rng(0).bytes(count)
        binary.write_bytes(code)
        signed = Path(folder) / "application.signed.bin"
        sign = [sys.executable, "-m", "imgtool.main", "sign", "--key", str(FIRMWARE / "build/keys/development.pem"),
                "--header-size", "0x100", "--pad-header", "--slot-size", "0x40000", "--align", "1", "--load-addr",
                "0x00100000", "--version", "99.0.0", "--security-counter", "1", "--custom-tlv", "0x00a0",
                "0x" + BOARD_ID.to_bytes(4, "little").hex(), str(binary), str(signed)]
        subprocess.run(sign, check=True, capture_output=True)
        return signed.read_bytes()


def sizes() -> None:
    """Print code and RAM of the virtual board's firmware, beside their limits."""
    print("\nfirmware of the virtual board, bytes (code, RAM)")
    done = subprocess.run(["make", "-s", "-C", str(FIRMWARE), "BOARD=virt", "sizes"], check=True,
                          capture_output=True, text=True)
    for line in done.stdout.splitlines():
        print(f"  {line}", flush=True)


def inference(tasks: list[Task], samples: int = 20) -> None:
    """Print whether the board's answers are the simulator's, and what a call costs over each line."""
    with temporary() as running:
        print(f"\ninference on the virtual board, {samples} samples; engine time is modelled, the rest is this host's")
        for task in tasks:
            inputs, _ = task.data()
            model = pal_edge.convert(task.model, {task.input: task.typical(inputs)}, optimize="none")
            with pal_edge.InferenceSession(model) as session:
                (wanted,) = session.run(None, {task.input: inputs[:samples]})
            with pal_edge.InferenceSession(model, device=running.usb) as session:
                start = perf_counter()
                (found,) = session.run(None, {task.input: inputs[:samples]})
                wall = (perf_counter() - start) / samples
                engine = session.engine_seconds / samples
            same = "bit-identical" if np.array_equal(found, wanted) else "DIFFERENT"
            print(f"  {task.name:<6} {same}; engine {engine * 1e3:7.3f} ms, host wall {wall * 1e3:7.2f} ms", flush=True)
