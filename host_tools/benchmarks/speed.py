"""Speed of the tools themselves, each figure beside a reference measured in the same run."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, quantize_static

import pal_edge
from pal_edge.bench import bench

from .tasks import CALIBRATION_SAMPLES, Floats, Task

REPEATS = 3  # the quickest counts
RUNS = 200


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Gives ONNX Runtime's quantizer one sample at a time."""

    def __init__(self, name: str, samples: Floats) -> None:
        self._feeds = iter([{name: samples[i : i + 1]} for i in range(len(samples))])

    def get_next(self) -> dict[str, Floats] | None:
        return next(self._feeds, None)


def quickest(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the seconds of the quickest of several runs."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return min(times)


def conversion(task: Task) -> None:
    """Print how long a conversion takes beside ONNX Runtime's static int8 quantization."""
    samples = task.typical(task.data()[0])
    logging.getLogger().setLevel(logging.ERROR)  # its advice to preprocess: both get the same file

    def by_onnxruntime(method: CalibrationMethod) -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):  # it chats
            quantize_static(task.model, Path(folder) / "int8.onnx", _Reader(task.input, samples), per_channel=True,
                            quant_format=QuantFormat.QDQ, calibrate_method=method)

    print(f"\nconversion of {task.name} with {CALIBRATION_SAMPLES} samples, seconds; the quickest of {REPEATS}")
    references = {name: quickest(lambda method=method: by_onnxruntime(method))  # type: ignore[misc]
                  for name, method in (("MinMax", CalibrationMethod.MinMax), ("Entropy", CalibrationMethod.Entropy))}
    for name, seconds in references.items():
        print(f"  ONNX Runtime static int8, {name:<8} {seconds:8.2f}")
    for optimize in ("default", "none"):
        mine = quickest(lambda optimize=optimize: pal_edge.convert(  # type: ignore[misc]
            task.model, {task.input: samples}, optimize=optimize))
        ratios = ", ".join(f"{mine / seconds:.2f}x {name}" for name, seconds in references.items())
        print(f"  pal-edge, optimize={optimize:<14} {mine:8.2f}  {ratios}", flush=True)


def simulation(task: Task) -> None:
    """Print the simulator's speed beside ONNX Runtime in float, each on one thread."""
    inputs = task.typical(task.data()[0])
    model = pal_edge.convert(task.model, {task.input: inputs}, optimize="none")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(task.model, options, providers=["CPUExecutionProvider"])
    macs = model.report.macs
    in_float = quickest(lambda: session.run(None, {task.input: inputs[:1]}), RUNS)
    measured = bench(model, {task.input: inputs[:1]}, runs=RUNS)
    print(f"\n{task.name}, one sample, one thread, GMAC/s; the quickest of {RUNS}")
    for name, seconds in (("ONNX Runtime, float", in_float), ("pal-edge, sim", measured.latency.min)):
        print(f"  {name:<28} {macs / seconds / 1e9:6.2f}  ({seconds * 1e3:.2f} ms)")
    print(f"  {'  of it the engine (median)':<28} {measured.gmacs:6.2f}", flush=True)


def overhead() -> None:
    """Print what a session's call costs beside the engine, on a model that does next to nothing."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
        [numpy_helper.from_array(np.random.default_rng(0).standard_normal((16, 4), np.float32), "w")])
    tiny = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(tiny)
    samples = np.random.default_rng(1).standard_normal((8, 16), np.float32)
    result = bench(pal_edge.convert(tiny, {"x": samples}, optimize="none"), {"x": samples[:1]}, runs=2000)
    split = result.split
    print("\none call of a session, a model of 64 MACs, microseconds, medians (wanted: python and copy below 50)")
    print(f"  latency {result.latency.median * 1e6:.1f}; python {split.python * 1e6:.1f}, "
          f"copy {split.copy * 1e6:.1f}, driver {split.driver * 1e6:.1f}, engine {split.engine * 1e6:.1f}", flush=True)
