"""Reshape and Transpose: only a new description where the memory allows it."""

from __future__ import annotations

from dataclasses import replace

from ..graph import Reshape, Transpose
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
