"""MatMul and Gemm."""

from __future__ import annotations

import math

import numpy as np

from ...graph import Dense, FloatArray, Reshape
from ..affine import Float64
from ..importer import Importer
from ..nodes import Node, Refused, handles


@handles("MatMul")
def matmul(importer: Importer, node: Node) -> None:
    """The right operand constant, a matrix or vector."""
    x = importer.value(node)
    weight = importer.weight(node, 1, "right operand")
    if weight.ndim > 2 and math.prod(weight.shape[:-2]) == 1 and weight.ndim <= len(importer.shape(x)):
        weight = weight.reshape(weight.shape[-2:])
    if weight.ndim > 2:
        raise Refused(f"its right operand has shape {list(weight.shape)}; only one matrix is supported")
    if weight.ndim == 2:
        _dense(importer, node, x, weight, np.zeros(weight.shape[1]))
        return
    shape = (*importer.shape(x)[:-1], 1)
    column = importer.reshaped(node.output, shape, f"{node.output}#column")
    _dense(importer, node, x, weight[:, None], np.zeros(1), column)
    importer.add(Reshape(**importer.named(node, column)))


@handles("Gemm")
def gemm(importer: Importer, node: Node) -> None:
    """B and C constant, C one row; transA only where A has a single row or column."""
    x = importer.value(node)
    shape = importer.shape(x)
    if node.integer("transA", 0):
        if 1 not in shape:
            raise Refused("transA is not supported; transpose the input with Transpose before it")
        flipped = importer.reshaped(x, shape[::-1], f"{node.output}#a")
        importer.add(Reshape(**importer.named(node, x, output=flipped)))
        x = flipped
    weight = importer.weight(node, 1, "operand B")
    if (alpha := node.number("alpha", 1.0)) != 1:
        weight = (weight * np.float64(alpha)).astype(np.float32)
    if node.integer("transB", 0):
        weight = weight.T
    bias = np.zeros(weight.shape[1])
    if node.has_input(2):
        c = importer.constant(node, 2, "operand C") * node.number("beta", 1.0)
        if c.ndim == 2 and c.shape[0] > 1:
            raise Refused(f"its operand C has shape {list(c.shape)}; only one row is supported: "
                          "use MatMul and Add")
        bias = np.broadcast_to(c.reshape(-1), bias.shape)
    _dense(importer, node, x, weight, bias)


def _dense(importer: Importer, node: Node, x: str, weight: FloatArray, bias: Float64,
           output: str | None = None) -> None:
    importer.add(Dense(**importer.named(node, x, output=output), weight=weight, bias=bias.astype(np.float32)))
