"""Softmax, LayerNorm and ArgMax: commands that the driver runs on the CPU, row by row."""

from __future__ import annotations

from dataclasses import replace

from ...numeric.norm import parameters
from ...spec.arithmetic import SOFTMAX_OUTPUT_BIAS
from ...spec.commands import Opcode
from ...spec.registers import Region
from ..graph import ArgMax, LayerNorm, Softmax
from ..layout import Layout
from ..program import Buffer, Placed
from .context import Context, Unlowerable, lowers

INDEX_BYTES = 4


def _rows(context: Context, value: str, axis: int) -> Placed:
    """Return the value dense with `axis` innermost and in its own order."""
    placed = context.placed[value]
    shape = context.shape(value)
    split = placed.layout.split({axis}) if placed.is_dense else None
    if split is not None and len(split[1]) <= 1:
        return placed
    order = (*(a for a in range(len(shape)) if a != axis), axis)
    return context.in_layout(value, Layout.ordered(shape, order))


def _emit(context: Context, opcode: Opcode, x: Placed, y: Placed, length: int, out: int,
          ifm2: Placed | None = None, **fields: int) -> None:
    rows = x.layout.size // length
    context.emit(opcode, x, y, ifm2, **({"act_min": -127, "act_max": 127} | fields),
                 ifm_h=1, ifm_w=rows, ifm_c=length, ifm_px=length, ifm_row=rows * length,
                 ofm_h=1, ofm_w=rows, ofm_c=out, ofm_px=out, ofm_row=rows * out)


@lowers(Softmax)
def lower_softmax(context: Context, layer: Softmax) -> int:
    x = _rows(context, layer.inputs[0], layer.axis)
    y = context.define(layer, x.layout)
    length = x.layout.shape[layer.axis]
    _emit(context, Opcode.SOFTMAX, x, y, length, length, offset=x.bias, scale=SOFTMAX_OUTPUT_BIAS - y.bias)
    return 0


@lowers(LayerNorm)
def lower_layer_norm(context: Context, layer: LayerNorm) -> int:
    shape = context.shape(layer.output)
    x = _rows(context, layer.inputs[0], len(shape) - 1)
    y = context.define(layer, x.layout)
    finish = context.finish(layer)
    data = parameters(layer.epsilon, layer.gain, layer.shift, x.bias)
    constant = Buffer(layer.name, len(data), Region.MODEL, context.program.constants.add(data, 4))
    _emit(context, Opcode.LAYER_NORM, x, y, shape[-1], shape[-1],
          Placed.dense(constant, Layout.row_major((len(data),)), 0), offset=-finish.bias, **finish.fields())
    return 0


@lowers(ArgMax)
def lower_argmax(context: Context, layer: ArgMax) -> int:
    if layer.output not in context.graph.outputs:
        raise Unlowerable("its indices feed other operators; only an ArgMax whose result leaves the model runs")
    x = _rows(context, layer.inputs[0], layer.axis)
    shape = context.shape(layer.output)
    order = _outer_order(x.layout, layer.axis, len(shape))
    if order is None:  # an axis of the rows is split
        x = context.in_layout(layer.inputs[0], Layout.ordered(
            x.layout.shape, (*(a for a in range(len(x.layout.shape)) if a != layer.axis), layer.axis)))
        order = _outer_order(x.layout, layer.axis, len(shape)) or ()
    layout = Layout.ordered(shape, order)
    buffer = Buffer(layer.output, INDEX_BYTES * layout.size)
    y = replace(Placed.dense(buffer, layout, 0), strides=tuple(s * INDEX_BYTES for s in layout.strides()),
                element=INDEX_BYTES)
    context.placed[layer.output] = y
    length = x.layout.shape[layer.axis]
    _emit(context, Opcode.ARGMAX, x, y, length, INDEX_BYTES, scale=int(layer.last), act_min=0, act_max=0)
    return 0


def _outer_order(layout: Layout, axis: int, rank: int) -> tuple[int, ...] | None:
    """Return the order of the result's axes, given that `axis` is dropped or kept as size 1."""
    order = layout.order()
    if order is None:
        return None
    if rank == len(layout.shape):
        return order
    return tuple(a - (a > axis) for a in order if a != axis)
