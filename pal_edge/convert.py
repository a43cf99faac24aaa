"""From ONNX to a finished model: compile, then measure on the simulator and seal the known answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from . import compiler
from .compiler.calibrate import open_session
from .container import KnownAnswer, Model, known_answer_input
from .numeric import decode
from .runtime import InferenceSession
from .spec.targets import DEFAULT_TARGET
from .version import __version__

QUALITY_SAMPLES = 16  # of the calibration data, for the SQNR column
KAT_SEEDS = range(1, 9)
Progress = Callable[[str, int, int], None]


def convert(model: str | os.PathLike[str] | onnx.ModelProto, calibration: Mapping[str, Any] | str,
            *, target: str = DEFAULT_TARGET, progress: Progress | None = None) -> Model:
    """Quantize and compile an ONNX model.

    Args:
        model: path or ModelProto, opsets 11 to current, float, a dynamic batch allowed.
        calibration: {input name: float array [samples, ...]} of typical, preprocessed inputs, or
            "random", which warns.
        target: key of `pal_edge.spec.targets.TARGETS`.
        progress: called as progress(stage, done, total).

    Returns a Model: `.save(path)`, `.to_bytes()`, `.report`; accepted by InferenceSession.
    Raises ModelError, UnsupportedError (lists every node), CalibrationError.
    """
    compiled = compiler.compile_model(model, calibration, target, progress, __version__)
    with InferenceSession(compiled.model) as session:
        quality = _quality(compiled, session, progress)
        known_answer = _known_answer(compiled.model, session)
        profile = session.profile({name: array for name, array in compiled.feeds[0].items()})
    trace = dict(compiled.model.trace)
    trace["cycles"] = session.counters.cycles
    trace["layers"] = [
        {**entry, "cycles": cost.cycles, **quality.get(entry["value"], {})}
        for entry, cost in zip(trace["layers"], profile, strict=True)]
    return replace(compiled.model, trace=trace, known_answer=known_answer)


def _quality(compiled: compiler.Compiled, session: InferenceSession, progress: Progress | None,
             ) -> dict[str, dict[str, float]]:
    """Return SQNR in dB of every layer's output, from exact arithmetic against the float model."""
    entries = [e for e in compiled.model.trace["layers"] if e["sources"] and e["element"] == 1]
    values = list(dict.fromkeys(e["value"] for e in entries))
    if not values:  # ONNX Runtime would take an empty list for all outputs
        return {}
    reference = open_session(compiled.float_model, values)
    signal, noise = dict.fromkeys(values, 0.0), dict.fromkeys(values, 0.0)
    feeds = compiled.feeds[:QUALITY_SAMPLES]
    for index, feed in enumerate(feeds):
        codes = session.trace(feed)
        for entry, exact in zip(entries, reference.run([e["value"] for e in entries], feed), strict=True):
            actual = decode(codes[entry["value"]], entry["bias"])
            signal[entry["value"]] += float(np.square(exact, dtype=np.float64).sum())
            noise[entry["value"]] += float(np.square(exact - actual, dtype=np.float64).sum())
        if progress:
            progress("measure", index + 1, len(feeds))
    return {value: {"sqnr_db": round(float(10 * np.log10(signal[value] / noise[value])), 2)}
            for value in values if noise[value] > 0 and signal[value] > 0}


def _known_answer(model: Model, session: InferenceSession) -> KnownAnswer:
    """Return the answer of the seed that tells most: the one with the most different output codes."""
    answers = [KnownAnswer(seed, session.run_region(known_answer_input(seed, model.input_size)))
               for seed in KAT_SEEDS]
    return max(answers, key=lambda answer: (len(set(answer.output)), -answer.seed))
