"""Add, Sub, Mul, Div of two values or with a constant."""

from __future__ import annotations

from ...graph import Add, Mul
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
    """By a constant without zeros; or of a single constant by a value, a table of 256 entries."""
    if importer.raw(node, 1) is None:
        if importer.raw(node, 0) is None or importer.shape(node.inputs[1]) != importer.shape(node.output):
            raise Refused("it divides by a computed value; only a single constant may be so divided")
        importer.unary(node, importer.value(node, 1), "Reciprocal", importer.scalar(node, 0, 1.0, "dividend"))
        return
    divisor = importer.constant(node, 1, "divisor")
    if not divisor.all():
        raise Refused("its constant divisor has zeros")
    _scale(importer, node, 0, node.inputs[1], 1 / divisor)


def _scale(importer: Importer, node: Node, index: int, name: str, scale: Float64) -> None:
    x = importer.value(node, index)
    if not importer.affine(node, x, scale, 0.0):
        importer.add(Mul(**importer.named(node, x, importer.operand(name, scale))))
