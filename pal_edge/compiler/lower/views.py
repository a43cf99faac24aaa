"""Reshape, Transpose and Softmax: only a new description where the memory allows it."""

from __future__ import annotations

from dataclasses import replace

from ...spec.commands import Opcode
from ..graph import Reshape, Softmax, Transpose
from ..layout import Layout
from .context import Context, lowers


@lowers(Reshape)
def lower_reshape(context: Context, layer: Reshape) -> int:
    source, shape = context.placed[layer.inputs[0]], context.shape(layer.output)
    layout = source.layout.reshape(shape)
    if layout is None or not source.is_dense:
        source = context.copied(source, Layout.row_major(source.layout.shape), layer.output)
        layout = Layout.row_major(shape)
    context.placed[layer.output] = source.seen_as(layout)
    return 0


@lowers(Transpose)
def lower_transpose(context: Context, layer: Transpose) -> int:
    source = context.placed[layer.inputs[0]]
    context.placed[layer.output] = replace(source, layout=source.layout.transpose(layer.perm))
    return 0


@lowers(Softmax)
def lower_softmax(context: Context, layer: Softmax) -> int:
    value, shape = layer.inputs[0], context.shape(layer.output)
    x = context.placed[value]
    if not x.is_dense or x.layout.split({layer.axis}) is None:
        order = (*(a for a in range(len(shape)) if a != layer.axis), layer.axis)
        x = context.in_layout(value, Layout.ordered(shape, order))
    y = context.define(layer, x.layout)
    length = shape[layer.axis]
    rows = x.layout.size // length
    context.emit(Opcode.SOFTMAX, x, y, offset=x.bias, act_min=-127, act_max=127,
                 ifm_h=1, ifm_w=rows, ifm_c=length, ifm_px=length, ifm_row=rows * length,
                 ofm_h=1, ofm_w=rows, ofm_c=length, ofm_px=length, ofm_row=rows * length)
    return 0
