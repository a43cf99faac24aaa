"""Arithmetic of values and constants, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph import Add, Clip, Elementwise, Mul, Unary
from ..affine import Float64
from ..importer import Importer
from ..nodes import Node, Refused, handles
from .movement import widened

Operand = str | Float64  # a value's name, or a constant


def operand_of(importer: Importer, node: Node, index: int) -> Operand:
    """Return an input: a value's name, or a finite constant."""
    if importer.raw(node, index) is not None:
        return importer.constant(node, index, "operand")
    return importer.value(node, index)


def shape_of(importer: Importer, operand: Operand) -> tuple[int, ...]:
    return importer.shape(operand) if isinstance(operand, str) else operand.shape


def _pair(importer: Importer, node: Node, a: Operand, b: Operand, output: str) -> tuple[tuple[str, str], bool]:
    """Return the operands as layers take them, the first one as large as the result, and whether they swapped."""
    target = np.broadcast_shapes(shape_of(importer, a), shape_of(importer, b))
    better = isinstance(b, str) and shape_of(importer, a) != target == shape_of(importer, b)
    swapped = better or not isinstance(a, str)
    first, second = (b, a) if swapped else (a, b)
    assert isinstance(first, str)  # nodes of constants alone are folded
    first = widened(importer, node, first, target, f"{output}#wide")
    if not isinstance(second, str):
        second = importer.operand(f"{output}#operand", second)
    return (first, second), swapped


def sum_of(importer: Importer, node: Node, a: Operand, b: Operand, signs: tuple[int, int] = (1, 1),
           output: str | None = None, clip: Clip | None = None) -> None:
    """Append sign_a * a + sign_b * b, clipped."""
    if clip is None:
        for x, constant, sign, other in ((a, b, signs[0], signs[1]), (b, a, signs[1], signs[0])):
            if isinstance(x, str) and not isinstance(constant, str) and \
                    importer.affine(node, x, float(sign), constant * other, output):
                return
    pair, swapped = _pair(importer, node, a, b, output or node.output)
    signs = (signs[1], signs[0]) if swapped else signs
    importer.add(Add(**importer.named(node, *pair, output=output), signs=signs, clip=clip))


def product_of(importer: Importer, node: Node, a: Operand, b: Operand, output: str | None = None) -> None:
    """Append a * b."""
    for x, constant in ((a, b), (b, a)):
        if isinstance(x, str) and not isinstance(constant, str) and importer.affine(node, x, constant, 0.0, output):
            return
    pair, _ = _pair(importer, node, a, b, output or node.output)
    importer.add(Mul(**importer.named(node, *pair, output=output)))


def computed(importer: Importer, op: str, operands: tuple[Operand, ...], name: str, **attributes: Any) -> str:
    """Name the broadcast result of an ONNX operator that the source lacks."""
    names = tuple(o if isinstance(o, str) else importer.stored(o.astype(np.float32), f"{name}#constant")
                  for o in operands)
    shape = np.broadcast_shapes(*(shape_of(importer, o) for o in operands))
    return importer.computed(op, names, name, shape, **attributes)


@handles("Add", "Sub")
def add(importer: Importer, node: Node) -> None:
    """Of values and constants of any shapes that broadcast."""
    sum_of(importer, node, operand_of(importer, node, 0), operand_of(importer, node, 1),
           (1, -1 if node.op == "Sub" else 1))


@handles("Mul")
def mul(importer: Importer, node: Node) -> None:
    """Of values and constants of any shapes that broadcast."""
    product_of(importer, node, operand_of(importer, node, 0), operand_of(importer, node, 1))


@handles("Div")
def div(importer: Importer, node: Node) -> None:
    """By a constant without zeros, or by a value, whose reciprocal is a table."""
    if importer.raw(node, 1) is not None:
        divisor = importer.constant(node, 1, "divisor")
        if not divisor.all():
            raise Refused("its constant divisor has zeros")
        product_of(importer, node, importer.value(node, 0), 1 / divisor)
        return
    value, dividend = importer.value(node, 1), importer.raw(node, 0)
    if dividend is not None and dividend.size == 1 and importer.shape(value) == importer.shape(node.output):
        importer.unary(node, value, "Reciprocal", importer.scalar(node, 0, 1.0, "dividend"))
        return
    inverse = importer.computed("Reciprocal", (value,), f"{node.output}#inverse", importer.shape(value))
    importer.add(Elementwise(**importer.named(node, value, output=inverse), unary=Unary("Reciprocal", (1.0,))))
    product_of(importer, node, operand_of(importer, node, 0), inverse)


def _operands(importer: Importer, node: Node) -> list[Operand]:
    """Return all inputs, the values first."""
    operands = [operand_of(importer, node, i) for i in range(len(node.inputs))]
    return sorted(operands, key=lambda o: not isinstance(o, str))


@handles("Sum", "Mean")
def sum_(importer: Importer, node: Node) -> None:
    """Of any number of values and constants."""
    total, *others = _operands(importer, node)
    scale = 1 / len(node.inputs) if node.op == "Mean" else 1.0
    result = None
    if scale != 1 and others:
        result = importer.computed("Sum", node.inputs, f"{node.output}#sum", importer.shape(node.output))
    for i, other in enumerate(others, start=1):
        output = result
        if i < len(others):
            output = computed(importer, "Add", (total, other), f"{node.output}#{i}")
        sum_of(importer, node, total, other, output=output)
        total = output or node.output
    if result or not others:
        importer.affine(node, str(total), scale, 0.0) if result else importer.alias(node, str(total))


@handles("Max", "Min")
def extreme(importer: Importer, node: Node) -> None:
    """Of any number of values and constants; a clip where all but one are single constants."""
    high = node.op == "Max"
    operands = _operands(importer, node)
    bounds = [float(o.reshape(())) for o in operands if not isinstance(o, str) and o.size == 1]
    largest = importer.shape(node.output)
    others = [o for o in operands if isinstance(o, str) or o.size > 1]
    if np.broadcast_shapes(*(shape_of(importer, o) for o in others)) != largest:
        others[0] = widened(importer, node, str(others[0]), largest, f"{node.output}#wide")
    limit = None
    if bounds:
        limit = Clip(low=max(bounds)) if high else Clip(high=min(bounds))
    total, *rest = others
    for i, other in enumerate(rest, start=1):
        last = i == len(rest) and limit is None
        output = None if last else computed(importer, node.op, (total, other), f"{node.output}#{i}")
        _extreme_of_two(importer, node, total, other, high, output)
        total = output or node.output
    if limit:
        importer.clip(node, str(total), limit.low, limit.high)
    elif not rest:
        importer.alias(node, str(total))


def _extreme_of_two(importer: Importer, node: Node, a: Operand, b: Operand, high: bool, output: str | None) -> None:
    """max(a, b) = b + max(a - b, 0); min(a, b) = b + min(a - b, 0)."""
    name = output or node.output
    apart = computed(importer, "Sub", (a, b), f"{name}#apart")
    kept = computed(importer, "Max" if high else "Min", (apart, np.zeros(())), f"{name}#kept")
    sum_of(importer, node, a, b, (1, -1), kept, Clip(low=0.0) if high else Clip(high=0.0))
    sum_of(importer, node, kept, b, output=output)


@handles("Where")
def where(importer: Importer, node: Node) -> None:
    """With a constant condition."""
    condition = importer.raw(node, 0)
    if condition is None:
        raise Refused("its condition is computed; only a constant one is supported: write it with Relu, Max or Min")
    a, b = operand_of(importer, node, 1), operand_of(importer, node, 2)
    mask = condition.astype(np.float64)
    parts: list[Operand] = []
    for operand, keep, name in ((a, mask, "yes"), (b, 1 - mask, "no")):
        if isinstance(operand, str):
            part = computed(importer, "Mul", (operand, keep), f"{node.output}#{name}")
            product_of(importer, node, operand, keep, part)
            parts.append(part)
        else:
            parts.append(np.asarray(operand * keep))
    sum_of(importer, node, parts[0], parts[1])
