"""Softmax."""

from __future__ import annotations

import math

from ...graph import Reshape, Softmax
from ..importer import Importer
from ..nodes import Node, handles


@handles("Softmax", runs="CPU")
def softmax(importer: Importer, node: Node) -> None:
    """Over one axis."""
    x = importer.value(node)
    shape = importer.shape(x)
    if importer.opset >= 13:
        axis = node.integer("axis", -1) % len(shape)
        importer.add(Softmax(**importer.named(node, x), axis=axis))
        return
    # Until opset 12, all axes from `axis` on are one.
    axis = node.integer("axis", 1)
    axis = axis % len(shape) if axis < len(shape) else axis
    long = [a for a in range(axis, len(shape)) if shape[a] > 1]
    if len(long) <= 1:
        importer.add(Softmax(**importer.named(node, x), axis=long[0] if long else len(shape) - 1))
        return
    matrix = (math.prod(shape[:axis]), math.prod(shape[axis:]))
    before = importer.reshaped(x, matrix, f"{node.output}#rows")
    after = importer.reshaped(node.output, matrix, f"{node.output}#softmax")
    importer.add(Reshape(**importer.named(node, x, output=before)))
    importer.add(Softmax(**importer.named(node, before, output=after), axis=1))
    importer.add(Reshape(**importer.named(node, after)))
