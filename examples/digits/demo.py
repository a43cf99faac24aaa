"""From an ONNX file to answers on a board: `make demo`."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import data
import numpy as np
import onnxruntime
from numpy.typing import NDArray

import pal_edge
from pal_edge.board import connect, flash_model
from pal_edge.cli import output
from pal_edge.cli.convert import show
from pal_edge.link.virtual import boards

BOARD_SAMPLES = 20
ONNX = Path(__file__).with_name("digits.onnx")
CALIBRATION_SAMPLES = 64


def accuracy(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> str:
    right = int((probabilities.argmax(axis=1) == labels).sum())
    return f"{right / len(labels):.2%} ({right} of {len(labels)})"


def main() -> None:
    train, held_out = data.load()

    print(f"Converting {ONNX.name}, calibrated on {CALIBRATION_SAMPLES} of the training digits\n")
    model = pal_edge.convert(ONNX, {"image": train.images[:CALIBRATION_SAMPLES]})
    show(model.report)

    float_session = onnxruntime.InferenceSession(ONNX, providers=["CPUExecutionProvider"])
    (in_float,) = float_session.run(None, {"image": held_out.images})
    with pal_edge.InferenceSession(model, device="sim") as session:
        start = perf_counter()
        (on_pal,) = session.run(None, {"image": held_out.images})
        simulated = perf_counter() - start

    report = model.report
    print(f"\nThe {len(held_out.labels)} held-out digits, in float and on the simulated {report.target}\n")
    output.table(("", "float (ONNX Runtime)", "PAL"), (
        ("accuracy", accuracy(in_float, held_out.labels), accuracy(on_pal, held_out.labels)),
        ("model file", output.size(ONNX.stat().st_size), output.size(report.file_bytes)),
        ("cycles an inference", "", f"{report.cycles:,}"),
        ("time an inference", "", output.duration(report.seconds)),
    ))
    same = float((in_float.argmax(axis=1) == on_pal.argmax(axis=1)).mean())
    print(f"\nSame answer on {same:.2%} of them. The simulation took {output.duration(simulated)}.")
    on_a_board(model, held_out.images[:BOARD_SAMPLES], on_pal[:BOARD_SAMPLES])


def on_a_board(model: pal_edge.Model, images: NDArray[np.float32], wanted: NDArray[np.float32]) -> None:
    """Flash the model onto a virtual board and run it there, by its name."""
    tools = boards()
    assert tools is not None  # installed with the package
    with tools.temporary(target=model.target.name) as running:
        print(f"\nA virtual board: QEMU runs the firmware; serial line {running.serial}, {running.usb}\n")
        with connect(running.usb) as board:
            print(board.identify().summary)
            flashed = flash_model(board, "digits", model.to_bytes())
        with pal_edge.InferenceSession("digits", device=running.usb) as session:
            (found,) = session.run(None, {"image": images})
            engine = session.engine_seconds / len(images)
        rate = flashed.size / flashed.seconds
    same = "bit for bit the simulator's" if np.array_equal(found, wanted) else "NOT the simulator's"
    print(f"flashed {output.size(flashed.size)} at {output.size(int(rate))}/s; {len(images)} digits: answers {same}, "
          f"{output.duration(engine)} of engine time each")
    if not np.array_equal(found, wanted):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
