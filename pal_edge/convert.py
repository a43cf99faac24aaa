"""From ONNX to a finished model: compile, measure on the simulator, keep the best, seal the known answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, get_args

import onnx

from . import compiler
from .container import KnownAnswer, Model, known_answer_input
from .errors import ModelError
from .quality import Quality, final_values, measure
from .runtime import InferenceSession
from .search import search
from .spec.targets import DEFAULT_TARGET
from .version import __version__

KAT_SEEDS = range(1, 5)
Progress = Callable[[str, int, int], None]
Optimize = Literal["default", "none", "search"]


def convert(model: str | os.PathLike[str] | onnx.ModelProto, calibration: Mapping[str, Any] | str,
            *, target: str = DEFAULT_TARGET, optimize: Optimize = "default",
            shrink: float = 0.0, progress: Progress | None = None) -> Model:
    """Quantize and compile an ONNX model.

    Args:
        model: path or ModelProto, opsets 11 to current, float, a dynamic batch allowed.
        calibration: {input name: float array [samples, ...]} of typical, preprocessed inputs, or
            "random", which warns.
        target: key of `pal_edge.spec.targets.TARGETS`.
        optimize: "default" rounds weights with error feedback, corrects biases, and keeps the plain
            quantization if that answers better on the calibration data; "none" quantizes plainly;
            "search" also tries other ranges of every value on the simulator, which takes minutes for
            large models.
        shrink: make the file smaller at some cost in accuracy: how much relative output error of a layer one
            bit a weight is worth. 0 is lossless; 5e-4 saves a fifth to a third. The cost in SQNR is in the
            trace, under "quantizer".
        progress: called as progress(stage, done, total).

    Returns a Model: `.save(path)`, `.to_bytes()`, `.report`; accepted by InferenceSession.
    Raises ModelError, UnsupportedError (lists every node), CalibrationError.
    """
    if not 0 <= shrink < 1:
        raise ModelError(f"shrink {shrink} is out of range; 0 is lossless, 0.0005 saves a fifth to a third")
    if optimize not in get_args(Optimize):
        raise ModelError(f"optimize {optimize!r} is unknown; known: {', '.join(get_args(Optimize))}")
    plain = compiler.prepare(model, calibration, target, progress, __version__,
                             {"optimize": optimize, "shrink": shrink})
    candidates = {"plain": plain.model()}
    if optimize != "none":
        better = plain.improved(progress)
        candidates["improved"] = better.model()
        if optimize == "search":
            candidates["searched"] = search(better, progress).model()
    if shrink:
        candidates["shrunk"] = plain.improved(progress, shrink).model()
    found = measure(list(candidates.values()), plain.float_model, final_values(plain.graph), plain.feeds,
                    progress)
    qualities = dict(zip(candidates, found, strict=True))
    best = max(qualities, key=lambda name: qualities[name].final)  # the plainer of equals
    kept = "shrunk" if shrink else best
    figures = {f"{name}_db": _rounded(quality) for name, quality in qualities.items()} | {"kept": kept}
    return _sealed(candidates[kept], qualities[kept], figures, plain.feeds[0])


def _sealed(model: Model, quality: Quality, figures: dict[str, Any], feed: Mapping[str, Any]) -> Model:
    """Return the model with its known answer and all figures."""
    with InferenceSession(replace(model, pieces=())) as session:  # coded once, at the end
        known_answer = _known_answer(model, session)
        profile = session.profile(feed)
    trace = {**model.trace, "cycles": session.counters.cycles, "quantizer": figures}
    trace["layers"] = [
        {**entry, "cycles": cost.cycles, **({"sqnr_db": quality.values[entry["value"]]}
                                            if entry["value"] in quality.values else {})}
        for entry, cost in zip(model.trace["layers"], profile, strict=True)]
    return replace(model, trace=trace, known_answer=known_answer,
                   provenance={**model.provenance, "quantizer": figures})


def _rounded(quality: Quality) -> float | None:
    """Return dB for the records, None where there is no error (JSON knows no infinity)."""
    return round(quality.final, 2) if quality.final < float("inf") else None


def _known_answer(model: Model, session: InferenceSession) -> KnownAnswer:
    """Return the answer of the seed that tells most: the one with the most different output codes."""
    answers = [KnownAnswer(seed, session.run_region(known_answer_input(seed, model.input_size)))
               for seed in KAT_SEEDS]
    return max(answers, key=lambda answer: (len(set(answer.output)), -answer.seed))
