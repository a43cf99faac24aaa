"""Calibration: run the float model in ONNX Runtime and observe every value that needs a scale."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from ..errors import CalibrationError, ModelError
from .graph import Graph
from .quantize.observer import LogHistogram

RANDOM_SAMPLES = 8
TOGETHER = 1 << 17  # elements of one value
Feed = dict[str, NDArray[np.float32]]
Progress = Callable[[str, int, int], None]


def samples(graph: Graph, calibration: Mapping[str, Any] | str) -> list[Feed]:
    """Return one feed a sample, each array in the exact shape of its input; checks names, shapes, values.

    Raises CalibrationError.
    """
    if isinstance(calibration, str):
        if calibration != "random":
            raise CalibrationError(f'calibration "{calibration}" is unknown; give arrays by input name, or "random"')
        warnings.warn("calibrating on random data: accuracy will suffer; give real samples", stacklevel=3)
        generator = np.random.default_rng(0)
        return [{name: generator.standard_normal(graph.shapes[name]).astype(np.float32) for name in graph.inputs}
                for _ in range(RANDOM_SAMPLES)]
    wanted, given = set(graph.inputs), set(calibration)
    if wanted != given:
        missing, extra = sorted(wanted - given), sorted(given - wanted)
        problem = f"lacks input {missing[0]!r}" if missing else f"has {extra[0]!r}, which is no input"
        raise CalibrationError(f"calibration {problem}; the model's inputs are {', '.join(map(repr, graph.inputs))}")
    split = {name: _split(name, calibration[name], graph.shapes[name]) for name in graph.inputs}
    counts = {name: len(array) for name, array in split.items()}
    if len(set(counts.values())) != 1:
        raise CalibrationError(f"calibration arrays differ in their number of samples: {counts}")
    return [{name: split[name][i] for name in graph.inputs} for i in range(next(iter(counts.values())))]


def _split(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return [samples, *shape]."""
    array = np.asarray(value)
    if array.dtype.kind != "f":
        raise CalibrationError(f"calibration for {name!r} is {array.dtype}, not float; "
                               "apply the model's preprocessing and pass float32")
    if array.shape == shape:
        array = array[None]
    elif array.shape[1:] == shape[1:] and shape and shape[0] == 1:
        array = array[:, None]
    elif array.shape[1:] != shape:
        raise CalibrationError(f"calibration for {name!r} has shape {list(array.shape)}; "
                               f"wanted [samples, {', '.join(map(str, shape[1:] if shape[:1] == (1,) else shape))}]")
    if not len(array):
        raise CalibrationError(f"calibration for {name!r} holds no samples")
    bad = np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))
    if len(bad):
        raise CalibrationError(f"calibration for {name!r} has NaN or infinity in sample {bad[0]}")
    return np.ascontiguousarray(array, np.float32)


def open_session(model: onnx.ModelProto, values: list[str]) -> ort.InferenceSession:
    """Return a float session that also outputs `values`."""
    extended = onnx.ModelProto()
    extended.CopyFrom(model)
    known = {output.name for output in extended.graph.output}
    extended.graph.output.extend(onnx.ValueInfoProto(name=name) for name in values if name not in known)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    # Fusions may drop a value that is asked for; basic ones do not.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    try:
        return ort.InferenceSession(extended.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises many types of its own
        line = str(error).splitlines()[0]
        raise ModelError(f"ONNX Runtime cannot load the model for calibration: {line}") from error


def observed_values(graph: Graph) -> list[str]:
    """Return the computed values whose ranges are needed, in order."""
    names: list[str] = []
    for layer in graph.layers:
        names += [name for name in (layer.before_table, layer.output) if name is not None]
    return list(dict.fromkeys(names))


def observe(graph: Graph, model: onnx.ModelProto, feeds: list[Feed], progress: Progress | None = None,
            ) -> dict[str, LogHistogram]:
    """Return a histogram for every input, computed value and constant operand."""
    values = observed_values(graph)
    histograms = {name: LogHistogram() for name in (*graph.inputs, *values, *graph.constants)}
    for name, constant in graph.constants.items():
        histograms[name].add(constant)
    # A histogram costs more than a small value's samples: those are counted together.
    waiting: dict[str, list[NDArray[np.float32]]] = {name: [] for name in histograms}
    for feed, outputs in zip(feeds, _runs(open_session(model, values), values, feeds, progress), strict=True):
        for name, array in (*feed.items(), *zip(values, outputs, strict=True)):
            waiting[name].append(np.asarray(array, np.float32).reshape(-1))
            if array.size * len(waiting[name]) >= TOGETHER:
                histograms[name].add(np.concatenate(waiting[name]))
                waiting[name].clear()
    for name, arrays in waiting.items():
        if arrays:
            histograms[name].add(np.concatenate(arrays))
    return histograms


def _runs(session: ort.InferenceSession, values: list[str], feeds: list[Feed], progress: Progress | None,
          ) -> Iterator[list[NDArray[np.float32]]]:
    for index, feed in enumerate(feeds):
        try:
            results = session.run(values, feed)
        except Exception as error:  # ONNX Runtime raises many types of its own
            line = str(error).splitlines()[0]
            raise ModelError(f"ONNX Runtime cannot run the model for calibration: {line}") from error
        yield results
        if progress:
            progress("calibrate", index + 1, len(feeds))
