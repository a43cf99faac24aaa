"""Quantizer quality as a graph-to-graph pass: weights that already lie on the PAL grid, corrected biases.

The passes see float weights and return float weights; `quantize_channels` finds the very same codes again,
so nothing behind them knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import onnx

from ..calibrate import Feed
from ..graph import Graph
from ..scales import Scales
from .rounding import improved
from .statistics import collect, eligible

__all__ = ["improve"]


def improve(graph: Graph, scales: Scales, model: onnx.ModelProto, feeds: list[Feed],
            progress: Callable[[str, int, int], None] | None = None, shrink: float = 0.0) -> Graph:
    """Return the graph with weights rounded for least output error and biases corrected.

    Args:
        graph: float weights.
        scales: of its values.
        model: the float model that the graph came from.
        feeds: calibration samples; the first few are used.
        progress: called as progress("improve", done, total).
        shrink: relative output error that one bit a weight is worth, 0 for the least error.
    """
    total = len(eligible(graph))
    better = {}
    for done, (layer, statistics) in enumerate(collect(graph, scales, model, feeds), 1):
        better[layer.name] = improved(layer, statistics, shrink)
        if progress:
            progress("improve", done, total)
    return replace(graph, layers=[better.get(layer.name, layer) for layer in graph.layers])
