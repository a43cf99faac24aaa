"""Matrix product of two activations: a convolution whose weights are the second operand.

The engine wants weights as [column block of 16][K][column in block], so b is first copied into that
order; the sums themselves are those of a 1x1 convolution, with a bias of zero.
"""

from __future__ import annotations

import math

import numpy as np

from ...numeric.pal8 import PRODUCT
from ...spec.commands import OC_BLOCK, Opcode
from ..graph import MatMul
from ..layout import Layout
from ..program import Buffer, Placed
from .context import Context, Finish, Unlowerable, lowers
from .convolution import UNIT, weight_fields
from .movement import Axes, axes, unsplit

_ACC_LIMIT = 1 << 31


@lowers(MatMul)
def lower_matmul(context: Context, layer: MatMul) -> int:
    shape = context.shape(layer.output)
    a = axes(context, layer.inputs[0])
    (m, k), n = a.placed.layout.shape[-2:], shape[-1]
    if a.strides[-1] != 1 and k > 1:
        a = _innermost(context, layer.inputs[0])
    y = context.define(layer, Layout.row_major(shape))
    finish = context.finish(layer)
    row = a.strides[-2] if m > 1 else k
    fields = finish.fields() | {"kh": 1, "kw": 1, "stride_y": 1, "stride_x": 1, "dilation_y": 1, "dilation_x": 1,
                                "ifm_h": 1, "ifm_w": m, "ifm_c": k, "ifm_px": row, "ifm_row": m * row,
                                "ofm_h": 1, "ofm_w": m, "ofm_c": n, "ofm_px": n, "ofm_row": m * n}
    if layer.inputs[1] in context.graph.constants:
        _by_constant(context, layer.inputs[1], a, y, fields, finish)
    else:
        _by_value(context, layer, a, y, fields, finish)
    return math.prod(shape) * k


def _by_constant(context: Context, name: str, a: Axes, y: Placed, fields: dict[str, int], finish: Finish) -> None:
    """Every matrix of the batch is a convolution with weights of its own."""
    (*batch, _, n), k = y.layout.shape, a.placed.layout.shape[-1]
    matrices = np.broadcast_to(context.graph.constants[name], (*batch, k, n))
    for index in np.ndindex(*batch):
        weight = np.ascontiguousarray(matrices[index].T)
        own = weight_fields(context, weight, np.zeros(n, np.float32), a.placed.bias, finish)
        context.emit(Opcode.CONV, context.shifted(a.placed, _place(a, index)),
                     context.shifted(y, _position(y, index)), **fields, **own)


def _by_value(context: Context, layer: MatMul, a: Axes, y: Placed, fields: dict[str, int], finish: Finish) -> None:
    (*batch, _, n), k = y.layout.shape, a.placed.layout.shape[-1]
    if k * int(PRODUCT.max()) >= _ACC_LIMIT:
        raise Unlowerable(f"sums of {k} products could overflow the accumulator")
    b = axes(context, layer.inputs[1])
    params = np.zeros(n, "<i4").tobytes() + np.full(
        n, a.placed.bias + b.placed.bias - finish.bias - UNIT, "<i2").tobytes()
    fields = fields | {"params": context.program.constants.add(params, 4)}
    blocked: dict[int, Placed] = {}
    for index in np.ndindex(*batch):
        at_b = _place(b, index)
        if at_b not in blocked:
            blocked[at_b] = _blocks(context, b, at_b, k, n, f"{layer.name}#{at_b}")
        context.emit(Opcode.CONV, context.shifted(a.placed, _place(a, index)),
                     context.shifted(y, _position(y, index)), blocked[at_b], **fields)


def _position(y: Placed, index: tuple[int, ...]) -> int:
    """Return the byte offset of a matrix of the row-major result."""
    return sum(i * math.prod(y.layout.shape[axis + 1 :]) for axis, i in enumerate(index))


def _innermost(context: Context, value: str) -> Axes:
    return unsplit(context.in_layout(value, Layout.row_major(context.shape(value))))


def _place(operand: Axes, index: tuple[int, ...]) -> int:
    """Return the byte offset of the matrix at a leading index, broadcast."""
    extents = operand.placed.layout.shape[:-2]
    mine = index[len(index) - len(extents) :]
    return sum(i * stride for i, extent, stride in zip(mine, extents, operand.strides, strict=False)
               if extent > 1)


def _blocks(context: Context, b: Axes, offset: int, k: int, n: int, name: str) -> Placed:
    """Copy one [K, N] matrix into the engine's weight order."""
    layout = Layout.row_major((k * n,))
    target = Placed.dense(Buffer(name, k * n), layout, b.placed.bias)
    whole = n // OC_BLOCK * OC_BLOCK
    row, column = b.strides[-2] if k > 1 else 0, b.strides[-1] if n > 1 else 0
    for first, count in ((0, whole), (whole, n - whole)):
        if not count:
            continue
        width = min(OC_BLOCK, count)
        context.elementwise(
            Opcode.MAP, context.shifted(b.placed, offset + first * column), context.shifted(target, first * k),
            [count // width, k, width], [width * column, row, column], [k * width, width, 1],
            act_min=-127, act_max=127)
    return target
