"""QuantizeLinear and DequantizeLinear around values: PAL quantizes itself, so only their range remains."""

from __future__ import annotations

import numpy as np

from ...graph import Clip
from ..fusion import Saturation
from ..importer import Importer
from ..nodes import Node, Refused, handles


@handles("QuantizeLinear", runs="free")
def quantize(importer: Importer, node: Node) -> None:
    """In a pair with DequantizeLinear; the pair becomes the clip to its range."""
    importer.value(node)
    if node.output in importer.outputs:
        raise Refused("its integers are an output of the graph; add DequantizeLinear behind it")
    importer.quantized[node.output] = node


@handles("DequantizeLinear", runs="free")
def dequantize(importer: Importer, node: Node) -> None:
    """Of constants, or in a pair with QuantizeLinear."""
    pair = importer.quantized.get(node.inputs[0])
    if pair is None:
        raise Refused(f"its input {node.inputs[0]!r} does not come from QuantizeLinear")
    x = importer.value(pair)
    same = (layer for layer in importer.layers if isinstance(layer, Saturation) and layer.pair == pair.output)
    earlier = next(same, None)
    if earlier:  # one range serves all readers
        importer.alias(node, earlier.output)
        return
    importer.add(Saturation(**importer.named(node, x), clip=_range(importer, node, pair), pair=pair.output))


def _range(importer: Importer, node: Node, pair: Node) -> Clip:
    """Return what the integers can hold; everything where the scale is not one constant."""
    scale, zero = importer.raw(node, 1), importer.raw(node, 2)
    kind = importer.facts.types[pair.output].tensor_type.elem_type
    bounds = _BOUNDS.get(kind)
    if scale is None or scale.size != 1 or bounds is None or (zero is not None and zero.size != 1):
        return Clip()
    offset = 0.0 if zero is None else float(zero.astype(np.float64).reshape(()))
    step = float(scale.reshape(()))
    return Clip((bounds[0] - offset) * step, (bounds[1] - offset) * step)


_BOUNDS = {2: (0, 255), 3: (-128, 127), 4: (0, 65535), 5: (-32768, 32767)}  # uint8, int8, uint16, int16
