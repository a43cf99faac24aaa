"""Accuracy, size, cycles and speed of the MLPerf Tiny models, float beside PAL."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import onnxruntime

import pal_edge

from .tasks import CALIBRATION_SAMPLES, Floats, Task

BATCH = 500  # inputs at a time: progress, and memory in bounds
HEAD = ("task", "metric", "float", "PAL", "file KiB", "MACs", "cycles", "convert s", "sim GMAC/s")
WIDTHS = (5, 8, 8, 8, 10, 12, 10, 11, 12)


def in_float(task: Task, inputs: Floats) -> Floats:
    session = onnxruntime.InferenceSession(task.model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: inputs[i : i + BATCH]})[0]
                           for i in range(0, len(inputs), BATCH)])


def on_pal(model: pal_edge.Model, inputs: Floats) -> tuple[Floats, float]:
    """Return the simulated engine's answers and the seconds they took."""
    with pal_edge.InferenceSession(model) as session:
        name = session.get_inputs()[0].name
        start = perf_counter()
        answers = [session.run(None, {name: inputs[i : i + BATCH]})[0] for i in range(0, len(inputs), BATCH)]
        return np.concatenate(answers), perf_counter() - start


def measure(task: Task) -> tuple[str, ...]:
    inputs, labels = task.data()
    start = perf_counter()
    model = pal_edge.convert(task.model, {task.input: task.typical(inputs)})
    converted = perf_counter() - start
    answers, seconds = on_pal(model, inputs)
    report = model.report
    return (task.name, task.metric, f"{task.score(inputs, in_float(task, inputs), labels):.4f}",
            f"{task.score(inputs, answers, labels):.4f}", f"{report.file_bytes / 1024:.1f}",
            f"{report.macs:,}", f"{report.cycles:,}", f"{converted:.1f}",
            f"{report.macs * len(inputs) / seconds / 1e9:.2f}")


def print_table(tasks: list[Task]) -> None:
    """Print a row a task as soon as it is known."""
    print(f"MLPerf Tiny, all samples of the sets given; calibrated on {CALIBRATION_SAMPLES}")
    print("".join(f"{name:>{width}}" for name, width in zip(HEAD, WIDTHS, strict=True)))
    for task in tasks:
        row = zip(measure(task), WIDTHS, strict=True)
        print("".join(f"{cell:>{width}}" for cell, width in row), flush=True)
