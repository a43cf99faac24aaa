"""ConvTranspose as ordinary convolutions: one for each phase of the output grid."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...spec.commands import Opcode
from ..graph import ConvTranspose
from .context import Context, Unlowerable, lowers
from .convolution import weight_fields
from .windows import Image, as_image, channels_last, image_in, natural


@dataclass(frozen=True)
class _Phase:
    """Outputs first, first + stride, ...: a convolution with these kernel positions, in input order.

    Tap i of output t reads input t + origin + i * dilation.
    """

    first: int
    count: int
    taps: tuple[int, ...]
    origin: int
    dilation: int


def phases(size_out: int, kernel: int, stride: int, dilation: int, pad: int) -> list[_Phase]:
    """Split one axis: output y gets kernel position k from input (y + pad - k*dilation) / stride."""
    found = []
    for first in range(min(stride, size_out)):
        taps = [k for k in reversed(range(kernel)) if (first + pad - k * dilation) % stride == 0]
        origins = [(first + pad - k * dilation) // stride for k in taps]
        pace = dilation // math.gcd(dilation, stride)
        count = -(-(size_out - first) // stride)
        found.append(_Phase(first, count, tuple(taps), origins[0] if origins else 0, pace))
    return found


@lowers(ConvTranspose)
def lower_conv_transpose(context: Context, layer: ConvTranspose) -> int:
    x = image_in(context, layer.inputs[0], natural_channels=layer.groups > 1)
    shape = context.shape(layer.output)
    y = as_image(context.define(layer, channels_last(shape, natural(shape[1]))), natural(shape[1]))
    finish = context.finish(layer)
    order = x.placed.layout.axis_index(1) if layer.groups == 1 else np.arange(x.c)
    per_in, per_out = x.c // layer.groups, y.c // layer.groups
    kernel = layer.weight.shape[2:]
    rows = phases(y.h, kernel[0], layer.strides[0], layer.dilations[0], layer.pads[0])
    columns = phases(y.w, kernel[1], layer.strides[1], layer.dilations[1], layer.pads[1])
    for row in rows:
        for column in columns:
            part = layer.weight[order][:, :, row.taps][:, :, :, column.taps]  # [C, O/groups, taps, taps]
            if not part.size:  # no kernel position meets this phase: the bias alone
                part = np.zeros((*part.shape[:2], 1, 1), np.float32)
            skip_y, skip_x = max(row.origin, 0), max(column.origin, 0)
            if skip_y >= x.h or skip_x >= x.w:
                raise Unlowerable("output padding reaches beyond the last input; reduce output_padding")
            window = {"kh": part.shape[2], "kw": part.shape[3], "stride_y": 1, "stride_x": 1,
                      "dilation_y": row.dilation, "dilation_x": column.dilation,
                      "pad_top": max(-row.origin, 0), "pad_left": max(-column.origin, 0)}
            placing = _Placing(skip_y, skip_x, row, column, window)
            if layer.groups == x.c == y.c:
                weight = part.reshape(x.c, -1)
                fields = weight_fields(context, weight, layer.bias, x.placed.bias, finish)
                _emit(context, Opcode.DEPTHWISE, layer, x, y, placing, fields | finish.fields(), 0, 0, x.c, y.c)
                continue
            for group in range(layer.groups):
                mine = slice(group * per_out, (group + 1) * per_out)
                weight = part[group * per_in : (group + 1) * per_in].transpose(1, 2, 3, 0)
                fields = weight_fields(context, weight.reshape(per_out, -1), layer.bias[mine],
                                       x.placed.bias, finish)
                _emit(context, Opcode.CONV, layer, x, y, placing, fields | finish.fields(),
                      group * per_in, group * per_out, per_in, per_out)
    return int(np.prod(context.shape(layer.inputs[0]))) * int(np.prod(layer.weight.shape[1:]))


@dataclass(frozen=True)
class _Placing:
    """Where one pair of phases reads and writes."""

    skip_y: int
    skip_x: int
    row: _Phase
    column: _Phase
    window: dict[str, int]


def _emit(context: Context, opcode: Opcode, layer: ConvTranspose, x: Image, y: Image, placing: _Placing,
          fields: dict[str, int], c_in: int, c_out: int, per_in: int, per_out: int) -> None:
    for n in range(x.n):
        place = x.ifm(n, placing.skip_y, placing.skip_x, c_in)
        place |= y.ofm(n, placing.row.first, placing.column.first, c_out)
        place |= {"ofm_row": y.row * layer.strides[0], "ofm_px": y.px * layer.strides[1]}
        context.emit(opcode, x.placed, y.placed, **fields, **placing.window, **place, ifm_c=per_in, ofm_c=per_out,
                     ofm_h=placing.row.count, ofm_w=placing.column.count)
