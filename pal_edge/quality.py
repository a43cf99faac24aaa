"""How well models answer: simulator against the float model on calibration samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np
import onnx
from numpy.typing import NDArray

from .compiler.calibrate import Feed, open_session
from .compiler.graph import ArgMax, Graph, Softmax
from .container import Model
from .numeric import decode
from .runtime import InferenceSession

SAMPLES = 8  # of the calibration data
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Quality:
    """Of one model: SQNR in dB by value name where there is an error, and over the final values."""

    values: dict[str, float]
    final: float


def final_values(graph: Graph) -> list[str]:
    """Return the outputs, but what a last Softmax or ArgMax takes in place of its result."""
    makers = {layer.output: layer for layer in graph.layers}
    names = []
    for name in graph.outputs:
        maker = makers.get(name)
        names.append(maker.inputs[0] if isinstance(maker, Softmax | ArgMax) else name)
    return list(dict.fromkeys(names))


def measure(models: Sequence[Model], float_model: onnx.ModelProto, final: Sequence[str],
            feeds: Sequence[Feed], progress: Progress | None = None) -> list[Quality]:
    """Return each model's quality.

    Args:
        models: of one graph, with their traces.
        float_model: with batch 1.
        final: values whose errors count in `Quality.final`, each in relation to its own signal.
        feeds: calibration samples; the first SAMPLES are used.
        progress: called as progress("measure", done, total).
    """
    entries = [{e["value"]: e for e in model.trace["layers"] if e["sources"] and e["element"] == 1} for model in models]
    values = list(entries[0])
    if not values:  # ONNX Runtime would take an empty list for all outputs
        return [Quality({}, math.inf) for _ in models]
    reference = open_session(float_model, values)
    signal = np.zeros(len(values))
    noise = np.zeros((len(models), len(values)))
    feeds = feeds[:SAMPLES]
    with ExitStack() as stack:
        sessions = [stack.enter_context(InferenceSession(replace(model, pieces=())))  # coding costs time here
                    for model in models]
        pool = stack.enter_context(ThreadPoolExecutor(len(models)))  # the simulator runs without the GIL
        for done, feed in enumerate(feeds, 1):
            exact = dict(zip(values, reference.run(values, feed), strict=True))
            signal += [_energy(exact[value]) for value in values]
            traces = pool.map(InferenceSession.trace, sessions, [feed] * len(sessions))
            for codes, mine, total in zip(traces, entries, noise, strict=True):
                total += [_energy(exact[value] - decode(codes[value], mine[value]["bias"]))
                          for value in values]
            if progress:
                progress("measure", done, len(feeds))
    return [_quality(values, signal, total, final) for total in noise]


def _energy(x: NDArray[np.floating]) -> float:
    return float(np.square(x, dtype=np.float64).sum())


def _quality(values: Sequence[str], signal: NDArray[np.float64], noise: NDArray[np.float64],
             final: Sequence[str]) -> Quality:
    known = {value: n / s for value, s, n in zip(values, signal, noise, strict=True) if s > 0}
    ratios = [known[value] for value in final if value in known]
    mean = float(np.mean(ratios)) if ratios else 0.0
    by_value = {value: round(_decibel(ratio), 2) for value, ratio in known.items() if ratio > 0}
    return Quality(by_value, _decibel(mean))


def _decibel(noise_to_signal: float) -> float:
    return -10 * math.log10(noise_to_signal) if noise_to_signal > 0 else math.inf
