"""Add, Sub, Mul, Div of two values or with a constant."""

from __future__ import annotations

import numpy as np

from ...graph import Add, Elementwise, Mul, Unary
from ..affine import Float64
from ..importer import Importer
from ..nodes import Node, Refused, handles


def _sides(importer: Importer, node: Node) -> tuple[bool, bool]:
    """Return which operands are constant."""
    return importer.raw(node, 0) is not None, importer.raw(node, 1) is not None


@handles("Add", "Sub")
def add(importer: Importer, node: Node) -> None:
    """Two values, or a value and a constant of any broadcastable shape."""
    sign = -1 if node.op == "Sub" else 1
    constant = _sides(importer, node)
    if not any(constant):
        a, b = importer.value(node, 0), importer.value(node, 1)
        importer.add(Add(**importer.named(node, a, b), signs=(1, sign)))
        return
    index = constant.index(True)
    x = importer.value(node, 1 - index)
    signs = (sign, 1) if index == 0 else (1, sign)  # of x, of the constant
    shift = importer.constant(node, index, "operand")
    if importer.affine(node, x, float(signs[0]), signs[1] * shift):
        return
    operand = importer.operand(node.inputs[index], shift)
    importer.add(Add(**importer.named(node, x, operand), signs=signs))


@handles("Mul")
def mul(importer: Importer, node: Node) -> None:
    """Two values, or a value and a constant of any broadcastable shape."""
    constant = _sides(importer, node)
    if not any(constant):
        importer.add(Mul(**importer.named(node, importer.value(node, 0), importer.value(node, 1))))
        return
    index = constant.index(True)
    _scale(importer, node, 1 - index, node.inputs[index], importer.constant(node, index, "operand"))


@handles("Div")
def div(importer: Importer, node: Node) -> None:
    """By a constant without zeros; by a value, whose reciprocal is a table of 256 entries."""
    if importer.raw(node, 1) is None:
        _by_value(importer, node)
        return
    divisor = importer.constant(node, 1, "divisor")
    if not divisor.all():
        raise Refused("its constant divisor has zeros")
    _scale(importer, node, 0, node.inputs[1], 1 / divisor)


def _by_value(importer: Importer, node: Node) -> None:
    divisor, dividend = importer.value(node, 1), importer.raw(node, 0)
    shape = importer.shape(divisor)
    if dividend is not None:
        if dividend.size != 1 or shape != importer.shape(node.output):
            raise Refused("it divides several constants by a value; only a single constant is supported")
        importer.unary(node, divisor, "Reciprocal", importer.scalar(node, 0, 1.0, "dividend"))
        return
    inverse = importer.computed("Reciprocal", (divisor,), f"{node.output}#inverse", shape)
    importer.add(Elementwise(**importer.named(node, divisor, output=inverse),
                             unary=Unary("Reciprocal", (1.0,))))
    importer.add(Mul(**importer.named(node, importer.value(node, 0), inverse)))


@handles("Sum")
def sum_(importer: Importer, node: Node) -> None:
    """Of any number of values, without constants."""
    total, *others = (importer.value(node, i) for i in range(len(node.inputs)))
    for i, other in enumerate(others, start=1):
        partial = None
        if i < len(others):
            shape = np.broadcast_shapes(importer.shape(total), importer.shape(other))
            partial = importer.computed("Add", (total, other), f"{node.output}#{i}", shape)
        importer.add(Add(**importer.named(node, total, other, output=partial)))
        total = partial or node.output
    if not others:
        importer.alias(node, total)


def _scale(importer: Importer, node: Node, index: int, name: str, scale: Float64) -> None:
    x = importer.value(node, index)
    if not importer.affine(node, x, scale, 0.0):
        importer.add(Mul(**importer.named(node, x, importer.operand(name, scale))))
