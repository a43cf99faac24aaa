"""MatMul and Gemm."""

from __future__ import annotations

import math

import numpy as np

from ...graph import Dense, FloatArray, MatMul, Reshape, Transpose
from ..affine import Float64
from ..importer import Importer
from ..nodes import Node, Refused, handles


@handles("MatMul")
def matmul(importer: Importer, node: Node) -> None:
    """One operand constant (a matrix or vector), or both computed, with any leading axes."""
    if importer.raw(node, 0) is not None:
        _constant_left(importer, node)
        return
    x = importer.value(node)
    if importer.raw(node, 1) is None:
        _computed(importer, node, x, importer.value(node, 1))
        return
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


def _computed(importer: Importer, node: Node, a: str, b: str) -> None:
    if min(len(importer.shape(a)), len(importer.shape(b))) < 2:
        raise Refused("it multiplies by a computed vector; reshape it to a matrix")
    importer.add(MatMul(**importer.named(node, a, b)))


def _constant_left(importer: Importer, node: Node) -> None:
    """a x = (x^T a^T)^T."""
    x = importer.value(node, 1)
    weight, shape = importer.weight(node, 0, "left operand"), importer.shape(x)
    if weight.ndim != 2 or len(shape) < 2:
        raise Refused(f"its left operand has shape {list(weight.shape)}; only a matrix times matrices is supported")
    swap = (*range(len(shape) - 2), len(shape) - 1, len(shape) - 2)
    flipped = importer.transposed(x, swap, f"{node.output}#x")
    importer.add(Transpose(**importer.named(node, x, output=flipped), perm=swap))
    product = importer.transposed(node.output, swap, f"{node.output}#flipped")
    _dense(importer, node, flipped, weight.T, np.zeros(len(weight)), product)
    importer.add(Transpose(**importer.named(node, product), perm=swap))


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
