"""Add, Mul, and functions of one variable."""

from __future__ import annotations

import numpy as np

from ...numeric import encode
from ...spec.arithmetic import FRACTION_BITS, MAGNITUDE_MAX, SIGN_MASK, UNIT_OCTAVES
from ...spec.commands import FLAG_TABLE, Opcode
from ...spec.registers import Region
from ..graph import Add, Elementwise, Layer, Mul
from ..layout import Layout
from ..program import Buffer, Placed
from ..quantize.tables import unary_table
from .context import Context, Finish, Unlowerable, lowers


@lowers(Elementwise)
def lower_elementwise(context: Context, layer: Elementwise) -> int:
    x = context.placed[layer.inputs[0]]
    y = context.define(layer, x.layout)
    finish, offset = context.finish(layer), 0
    if layer.unary is not None:
        table = unary_table(layer.unary, x.bias, y.bias, layer.clip)
        finish = Finish(x.bias, -127, 127, FLAG_TABLE, context.program.constants.add(table))
    else:
        offset = x.bias - y.bias
    sizes = [f.size for f in x.layout.factors]
    context.elementwise(Opcode.MAP, x, y, sizes, x.strides, y.strides, offset=offset, **finish.fields())
    return 0


def scale_codes(bias_a: int, bias_b: int, signs: tuple[int, int]) -> tuple[int, int, int]:
    """Return (scale, scale2, unit): codes worth exactly 1 for each operand in a common unit.

    An operand with bias b and scale code m adds in units of 2^((unit)/16 - 1) with unit = b - m, so
    m = b - unit. The larger gets m = 127; one more than 7.9 octaves smaller rounds as in encode.
    """
    unit = max(bias_a, bias_b) - MAGNITUDE_MAX
    codes = []
    for bias, sign in zip((bias_a, bias_b), signs, strict=True):
        magnitude = bias - unit
        if magnitude < 1:
            magnitude = 1 if magnitude >= 1 - (1 << FRACTION_BITS) else 0
        codes.append(magnitude | (SIGN_MASK if sign < 0 and magnitude else 0))
    return codes[0], codes[1], unit


@lowers(Add)
def lower_add(context: Context, layer: Add) -> int:
    a, b, signs = *_operands(context, layer), layer.signs
    if layer.inputs[0] in context.graph.constants:
        signs = signs[1], signs[0]
    finish = context.finish(layer)
    scale, scale2, unit = scale_codes(a.bias, b.bias, signs)
    _pair(context, layer, Opcode.ADD, a, b, scale=scale, scale2=scale2,
          offset=unit - finish.bias - (UNIT_OCTAVES << FRACTION_BITS), **finish.fields())
    return 2 * int(np.prod(context.shape(layer.output)))


@lowers(Mul)
def lower_mul(context: Context, layer: Mul) -> int:
    a, b = _operands(context, layer)
    finish = context.finish(layer)
    _pair(context, layer, Opcode.MUL, a, b, offset=a.bias + b.bias - finish.bias, **finish.fields())
    return 0


def _operands(context: Context, layer: Layer) -> tuple[Placed, Placed]:
    """Return the operands, the one with the output's full shape first."""
    names = list(layer.inputs)
    shape = context.shape(layer.output)
    if names[0] in context.graph.constants:
        names.reverse()
    full = context.placed[names[0]]
    if full.layout.shape != shape:
        raise Unlowerable("the first operand must have the shape of the result; broadcast only the second")
    if names[1] in context.graph.constants:
        return full, _constant(context, names[1], full.layout)
    return full, context.placed[names[1]]


def _constant(context: Context, name: str, like: Layout) -> Placed:
    """Store a constant operand in the physical order of the value that it meets."""
    value = context.graph.constants[name]
    shape = (1,) * (len(like.shape) - value.ndim) + value.shape
    layout = _restricted(like, shape)
    bias = context.scales.bias(name)
    codes = encode(value.reshape(-1)[layout.flat_index()], bias)
    buffer = Buffer(name, layout.size, Region.MODEL, context.program.constants.add(codes))
    return Placed.dense(buffer, layout, bias)


def _restricted(like: Layout, shape: tuple[int, ...]) -> Layout:
    """Return the order of `like` for a shape in which some axes are 1."""
    return Layout(shape, tuple(f for f in like.factors if shape[f.axis] > 1))


def _pair(context: Context, layer: Layer, opcode: Opcode, a: Placed, b: Placed, **fields: int) -> None:
    """Emit a two-operand command; b is copied into a's physical order if it lies otherwise."""
    shape = a.layout.shape
    narrow = (1,) * (len(shape) - len(b.layout.shape)) + b.layout.shape
    if any(n not in (1, s) for n, s in zip(narrow, shape, strict=True)):
        raise Unlowerable(f"shapes {shape} and {b.layout.shape} do not broadcast")
    widened = b.layout.reshape(narrow)
    wanted = _restricted(a.layout, narrow)
    if widened is None or widened.factors != wanted.factors or not b.is_dense:
        source = context.copied(b, b.layout, f"{layer.name}#b") if widened is None else b.seen_as(widened)
        b = context.copied(source, wanted, f"{layer.name}#operand")
    else:
        b = b.seen_as(wanted)
    y = context.define(layer, a.layout)
    steps = iter(b.strides)
    b_strides = [next(steps) if narrow[f.axis] > 1 else 0 for f in a.layout.factors]
    context.elementwise(opcode, a, y, [f.size for f in a.layout.factors], a.strides, y.strides,
                        b, b_strides, **fields)
