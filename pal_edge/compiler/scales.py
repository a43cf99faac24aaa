"""Which bias every value's codes have: measured ranges, and values that must share one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..spec.arithmetic import SOFTMAX_OUTPUT_BIAS
from .graph import Graph, Pool, Reshape, Softmax, Transpose
from .quantize.observer import LogHistogram


@dataclass(frozen=True)
class Scales:
    """The bias of every value, in sixteenths of an octave."""

    biases: Mapping[str, int]

    def bias(self, value: str) -> int:
        return self.biases[value]


def choose(graph: Graph, ranges: Mapping[str, LogHistogram]) -> Scales:
    """Least-error biases; views and max pooling keep their input's, softmax has its own."""
    biases = {name: histogram.best_bias() for name, histogram in ranges.items()}
    for layer in graph.layers:
        if isinstance(layer, Softmax):
            biases[layer.output] = SOFTMAX_OUTPUT_BIAS
        elif isinstance(layer, Reshape | Transpose) or (
                isinstance(layer, Pool) and layer.kind == "max" and not layer.clip and not layer.unary):
            biases[layer.output] = biases[layer.inputs[0]]
    return Scales(biases)
