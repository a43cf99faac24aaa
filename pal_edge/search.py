"""Ranges of activations by what they do to the final outputs, measured on the simulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .compiler import Compilation
from .compiler.scales import adjustable, settled
from .quality import final_values, measure

STEPS = (-8, 8)  # sixteenths of an octave that a value's bias is moved by
GAIN_DB = 0.1  # that a move must bring: less is chance
MAX_TRIALS = 400  # compilations; values beyond that keep their bias
Progress = Callable[[str, int, int], None]


def search(start: Compilation, progress: Progress | None = None) -> Compilation:
    """Return the compilation with every bias moved that makes the final outputs better.

    Values are tried in order, each once up and once down; what helps is kept before the next is tried.

    Args:
        start: with the weights that the result is to have.
        progress: called as progress("search", done, total).
    """
    final = final_values(start.graph)
    trials = [(name, step) for name in adjustable(start.graph) for step in STEPS][:MAX_TRIALS]
    best, reached = start, _final_db(start, final)
    for done, (name, step) in enumerate(trials, 1):
        biases = dict(best.scales.biases)
        biases[name] += step
        moved = replace(best, scales=settled(start.graph, biases))
        decibel = _final_db(moved, final)
        if decibel > reached + GAIN_DB:
            best, reached = moved, decibel
        if progress:
            progress("search", done, len(trials))
    return best


def _final_db(compilation: Compilation, final: list[str]) -> float:
    (quality,) = measure([compilation.model()], compilation.float_model, final, compilation.feeds)
    return quality.final
