"""Which bias every value's codes have: measured ranges, and values that must share one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..spec.arithmetic import SOFTMAX_OUTPUT_BIAS
from .graph import Graph, Layer, Pool, Reshape, Select, Softmax, Transpose
from .quantize.observer import LogHistogram

# Unseen data exceeds calibration's largest values, and saturation costs more than it looks: as long as the
# error on calibration data hardly grows, the range may end up to an octave above what was seen.
HEADROOM = 16
TOLERANCE = 0.05


@dataclass(frozen=True)
class Scales:
    """The bias of every value, in sixteenths of an octave."""

    biases: Mapping[str, int]

    def bias(self, value: str) -> int:
        return self.biases[value]


def choose(graph: Graph, ranges: Mapping[str, LogHistogram]) -> Scales:
    """Least-error biases with headroom; what only moves values keeps its input's, softmax has its own."""
    biases = {name: histogram.best_bias() if name in graph.constants
              else histogram.best_bias(HEADROOM, TOLERANCE) for name, histogram in ranges.items()}
    return settled(graph, biases)


def settled(graph: Graph, biases: Mapping[str, int]) -> Scales:
    """Return the biases with those replaced that follow from another value or from the format."""
    biases = dict(biases)
    for layer in graph.layers:
        if isinstance(layer, Softmax):
            # Codes are for the probabilities that occur: those of many classes are small.
            biases[layer.output] = min(max(biases[layer.output], SOFTMAX_OUTPUT_BIAS - 255), SOFTMAX_OUTPUT_BIAS)
        elif _moves(layer):
            biases[layer.output] = biases[layer.inputs[0]]
    return Scales(biases)


def adjustable(graph: Graph) -> list[str]:
    """Return the inputs and computed values whose bias is a choice, in order."""
    computed = [name for layer in graph.layers for name in (layer.before_table, layer.output)
                if name is not None and not (name == layer.output and (isinstance(layer, Softmax) or _moves(layer)))]
    return list(dict.fromkeys((*graph.inputs, *computed)))


def _moves(layer: Layer) -> bool:
    if isinstance(layer, Reshape | Transpose):
        return True
    plain = not layer.clip and not layer.unary
    return plain and ((isinstance(layer, Pool) and layer.kind == "max")
                      or (isinstance(layer, Select) and layer.fill == 0))
