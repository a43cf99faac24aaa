"""Recognise a function of one variable that an exporter wrote as several nodes.

SiLU as x * sigmoid(x), Gelu around Erf, and their like come in many spellings. So nothing here looks
at spellings: every group of pointwise layers that depends on a single value is evaluated on a grid
and compared with the functions that are known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..graph import Add, Elementwise, Layer, Mul, Unary
from ..unary import Array, apply
from .affine import Affine
from .fusion import Saturation
from .importer import Importer

_GRID = np.concatenate([np.linspace(-12, 12, 481), [-0.01, 0.01, -40.0, 40.0]])
_TOLERANCE = 2e-4  # per 1 + |y|: far below a PAL8 step, above what float16 constants do to a function
_LAYERS_MAX = 12  # no spelling is longer

_KNOWN = (
    Unary("Elu", (1.0,)), Unary("Gelu"), Unary("GeluTanh"), Unary("HardSigmoid", (1 / 6, 0.5)),
    Unary("HardSigmoid", (0.2, 0.5)), Unary("HardSwish"), Unary("Mish"), Unary("SiLU", (1.0,)),
    Unary("SiLU", (1.702,)), Unary("Sigmoid"), Unary("Softplus"), Unary("Softsign"), Unary("Tanh"),
)
PATTERNS = tuple(dict.fromkeys(unary.name for unary in _KNOWN))
_CURVES = [(unary, apply(unary.name, _GRID, unary.parameters)) for unary in _KNOWN]


@dataclass(frozen=True)
class _Curve:
    """A value as a function of another, on the grid, and the layers between the two."""

    y: Array
    layers: frozenset[int]


def recognise(importer: Importer) -> None:
    """Replace every such group in `importer.layers` by one Elementwise layer."""
    layers = importer.layers
    curves = _curves(importer)
    readers: dict[str, set[int]] = defaultdict(set)
    for index, layer in enumerate(layers):
        for name in layer.inputs:
            readers[name].add(index)
    dropped: set[int] = set()
    found: dict[int, Layer] = {}
    for end in reversed(range(len(layers))):
        groups = sorted(curves.get(layers[end].output, {}).items(), key=lambda item: -len(item[1].layers))
        for source, curve in groups:
            inner = curve.layers - {end}
            values = {layers[i].output for i in inner}
            private = values.isdisjoint(importer.outputs) and all(readers[v] <= curve.layers for v in values)
            unary = _match(curve.y) if inner and private and dropped.isdisjoint(curve.layers) else None
            if unary:
                names = (name for i in sorted(curve.layers) for name in layers[i].sources)
                found[end] = Elementwise(name=layers[end].name, inputs=(source,), output=layers[end].output,
                                         sources=tuple(dict.fromkeys(names)), unary=unary)
                dropped |= curve.layers
                break
    importer.layers = [found.get(i, layer) for i, layer in enumerate(layers)
                       if i in found or i not in dropped]


def _match(y: Array) -> Unary | None:
    def error(known: Array) -> float:
        return float(np.max(np.abs(y - known) / (1 + np.abs(known))))

    best, curve = min(_CURVES, key=lambda pair: error(pair[1]))
    return best if error(curve) < _TOLERANCE else None


def _curves(importer: Importer) -> dict[str, dict[str, _Curve]]:
    """Return, for every value, its curves over the values that it depends on pointwise."""
    curves: dict[str, dict[str, _Curve]] = {}

    def over(name: str) -> dict[str, _Curve]:
        return {name: _Curve(_GRID, frozenset()), **curves.get(name, {})}

    for index, layer in enumerate(importer.layers):
        shape = importer.shape(layer.output)
        if any(importer.shape(name) != shape for name in layer.inputs):
            continue
        operands = [over(name) for name in layer.inputs]
        shared = [s for s in operands[0] if all(s in operand for operand in operands)]
        results = {}
        for source in shared:
            members = frozenset({index}).union(*(operand[source].layers for operand in operands))
            if len(members) <= _LAYERS_MAX:
                for y in _evaluated(layer, [operand[source].y for operand in operands]):
                    results[source] = _Curve(y, members)
        curves[layer.output] = results
    return curves


def _evaluated(layer: Layer, x: list[Array]) -> Iterator[Array]:
    """Yield the layer's result, nothing for a layer that is not pointwise."""
    match layer:
        case Saturation():
            return
        case Elementwise(unary=Unary() as unary):
            yield apply(unary.name, x[0], unary.parameters)
        case Elementwise(clip=clip) if clip is not None:
            yield np.clip(x[0], clip.low, clip.high)
        case Affine(axis=None):
            yield x[0] * layer.scale + layer.shift
        case Add():
            yield layer.signs[0] * x[0] + layer.signs[1] * x[1]
        case Mul():
            yield x[0] * x[1]
