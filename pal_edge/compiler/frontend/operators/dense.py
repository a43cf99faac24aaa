"""MatMul and Gemm."""

from __future__ import annotations

import math

import numpy as np

from ...graph import Dense, MatMul, Reshape, Transpose
from ..affine import Float64
from ..importer import Importer
from ..nodes import Node, handles
from .arithmetic import Operand, computed, operand_of, product_of, shape_of, sum_of


@handles("MatMul")
def matmul(importer: Importer, node: Node) -> None:
    """Of values, or of a value and a constant; vectors, matrices and batches of them."""
    a, b = operand_of(importer, node, 0), operand_of(importer, node, 1)
    rows, columns = shape_of(importer, a), shape_of(importer, b)
    a = a if len(rows) > 1 else _as(importer, node, a, (1, *rows), "a")
    b = b if len(columns) > 1 else _as(importer, node, b, (*columns, 1), "b")
    if min(len(rows), len(columns)) > 1:
        _product(importer, node, a, b, node.output)
        return
    rows, columns = shape_of(importer, a), shape_of(importer, b)
    shape = (*np.broadcast_shapes(rows[:-2], columns[:-2]), rows[-2], columns[-1])
    matrix = importer.reshaped(node.output, shape, f"{node.output}#matrix")
    _product(importer, node, a, b, matrix)
    importer.add(Reshape(**importer.named(node, matrix)))


def _as(importer: Importer, node: Node, operand: Operand, shape: tuple[int, ...], name: str) -> Operand:
    if not isinstance(operand, str):
        return operand.reshape(shape)
    matrix = importer.reshaped(operand, shape, f"{node.output}#{name}")
    importer.add(Reshape(**importer.named(node, operand, output=matrix)))
    return matrix


def _product(importer: Importer, node: Node, a: Operand, b: Operand, output: str) -> None:
    """Append the product of two matrices, or batches of them."""
    if not isinstance(a, str):  # a b = (b^T a^T)^T
        flipped = _flipped(importer, node, b, f"{output}#b")
        rank = len(importer.shape(output))
        product = importer.transposed(output, _swap(rank), f"{output}#flipped")
        _product(importer, node, flipped, np.swapaxes(a, -1, -2), product)
        importer.add(Transpose(**importer.named(node, product, output=output), perm=_swap(rank)))
        return
    if not isinstance(b, str) and math.prod(b.shape[:-2]) == 1 and b.ndim <= len(importer.shape(a)):
        _dense(importer, node, a, b.reshape(b.shape[-2:]), np.zeros(b.shape[-1]), output)
        return
    right = b if isinstance(b, str) else importer.operand(f"{output}#operand", b)
    importer.add(MatMul(**importer.named(node, a, right, output=output)))


def _swap(rank: int) -> tuple[int, ...]:
    return (*range(rank - 2), rank - 1, rank - 2)


def _flipped(importer: Importer, node: Node, operand: Operand, name: str) -> Operand:
    """Return the operand with its last two axes exchanged."""
    if not isinstance(operand, str):
        return np.swapaxes(operand, -1, -2)
    perm = _swap(len(importer.shape(operand)))
    flipped = importer.transposed(operand, perm, name)
    importer.add(Transpose(**importer.named(node, operand, output=flipped), perm=perm))
    return flipped


@handles("Gemm")
def gemm(importer: Importer, node: Node) -> None:
    """Of values and constants."""
    a, b = operand_of(importer, node, 0), operand_of(importer, node, 1)
    alpha, beta = node.number("alpha", 1.0), node.number("beta", 1.0)
    shape, output = importer.shape(node.output), node.output
    c = operand_of(importer, node, 2) if node.has_input(2) else np.zeros(1)
    row = None if isinstance(c, str) or (c.ndim == 2 and c.shape[0] > 1) else c.reshape(-1) * beta
    names = tuple(node.inputs[:2])
    flips = {"transA": node.integer("transA", 0), "transB": node.integer("transB", 0)}
    folded = isinstance(a, str) and not isinstance(b, str) and row is not None
    added = not folded and (row is None or row.any())
    product = _gemm(importer, names, f"{output}#product", shape, alpha=alpha, **flips) if added else output
    if flips["transA"]:
        a = _flipped(importer, node, a, f"{output}#a")
    if flips["transB"]:
        b = _flipped(importer, node, b, f"{output}#b")
    if not isinstance(b, str):
        b = b * alpha
    elif not isinstance(a, str):
        a = a * alpha
    if folded:
        assert isinstance(a, str) and not isinstance(b, str) and row is not None
        _dense(importer, node, a, b, np.broadcast_to(row, shape[1:]), product)
    elif isinstance(a, str) and isinstance(b, str) and alpha != 1:
        plain = _gemm(importer, names, f"{output}#plain", shape, **flips)
        _product(importer, node, a, b, plain)
        product_of(importer, node, plain, np.array(alpha), product)
    else:
        _product(importer, node, a, b, product)
    if added:
        if isinstance(c, str) and beta != 1:
            scaled = computed(importer, "Mul", (c, np.array(beta)), f"{output}#c")
            product_of(importer, node, c, np.array(beta), scaled)
            c = scaled
        sum_of(importer, node, product, c if isinstance(c, str) else c * beta)


def _gemm(importer: Importer, names: tuple[str, ...], name: str, shape: tuple[int, ...], **attributes: float) -> str:
    """Name the product of a Gemm's first two inputs."""
    return importer.computed("Gemm", names, name, shape, **attributes)


def _dense(importer: Importer, node: Node, x: str, weight: Float64, bias: Float64, output: str) -> None:
    importer.add(Dense(**importer.named(node, x, output=output), weight=weight.astype(np.float32),
                       bias=bias.astype(np.float32)))
