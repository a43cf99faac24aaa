"""Conv and Dense: convolution and depthwise commands, weights in the engine's order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...spec.arithmetic import FRACTION_BITS, UNIT_OCTAVES
from ...spec.commands import OC_BLOCK, Opcode
from ...spec.container import SegmentKind
from ..graph import Conv, Dense
from ..layout import Factor, Layout
from ..program import Placed
from ..quantize.weights import quantize_channels
from .context import Context, Finish, lowers
from .windows import as_image, channels_last, image_in, natural, window_fields

UNIT = UNIT_OCTAVES << FRACTION_BITS


def blocks(codes: NDArray[np.uint8]) -> bytes:
    """[O, K] codes -> [O block of 16][K][o in block], the last block not padded."""
    return b"".join(codes[o : o + OC_BLOCK].T.tobytes() for o in range(0, len(codes), OC_BLOCK))


def weight_fields(context: Context, weight: NDArray[np.float32], bias: NDArray[np.float32],
                  input_bias: int, finish: Finish) -> dict[str, int]:
    """Quantize [O, K] weights and [O] biases; store codes and parameters; return their fields."""
    quantized = quantize_channels(weight, bias, input_bias)
    offsets = quantized.weight_bias + input_bias - finish.bias - UNIT
    params = quantized.acc_bias.astype("<i4").tobytes() + offsets.astype("<i2").tobytes()
    constants = context.program.constants
    return {"weights": constants.add(blocks(quantized.codes), kind=SegmentKind.WEIGHTS),
            "params": constants.add(params, 4, SegmentKind.PARAMS)}


@lowers(Conv)
def lower_conv(context: Context, layer: Conv) -> int:
    channels_in, channels_out = context.shape(layer.inputs[0])[1], context.shape(layer.output)[1]
    if (layer.groups == channels_in and layer.groups > 1) or channels_in == channels_out == layer.groups == 1:
        _depthwise(context, layer)
    else:
        _grouped(context, layer)
    return int(np.prod(context.shape(layer.output))) * int(np.prod(layer.weight.shape[1:]))


def _grouped(context: Context, layer: Conv) -> None:
    x = image_in(context, layer.inputs[0], natural_channels=layer.groups > 1)
    shape = context.shape(layer.output)
    y = as_image(context.define(layer, channels_last(shape, natural(shape[1]))), natural(shape[1]))
    finish = context.finish(layer)
    kernel = layer.weight.shape[2], layer.weight.shape[3]
    per_in, per_out = x.c // layer.groups, y.c // layer.groups
    order = x.placed.layout.axis_index(1) if layer.groups == 1 else np.arange(per_in)
    weight = layer.weight[:, order].transpose(0, 2, 3, 1)
    for group in range(layer.groups):
        rows = slice(group * per_out, (group + 1) * per_out)
        fields = weight_fields(context, weight[rows].reshape(per_out, -1), layer.bias[rows],
                               x.placed.bias, finish)
        fields |= window_fields(layer, kernel) | finish.fields()
        for n in range(x.n):
            extent = {"ofm_h": y.h, "ofm_w": y.w, "ifm_c": per_in, "ofm_c": per_out}
            place = x.ifm(n, c=group * per_in) | y.ofm(n, c=group * per_out) | extent
            context.emit(Opcode.CONV, x.placed, y.placed, **fields, **place)


def _depthwise(context: Context, layer: Conv) -> None:
    """Channel multiplier m: output channel c*m + j is stored at j*C + c, one command for each j."""
    x = image_in(context, layer.inputs[0])
    shape = context.shape(layer.output)
    multiplier = shape[1] // x.c
    channels = natural(shape[1])
    if multiplier == 1:
        channels = x.channels
    elif x.c > 1:
        channels = (Factor(1, multiplier, 1), *(f._replace(step=f.step * multiplier) for f in x.channels))
    y = as_image(context.define(layer, channels_last(shape, channels)), channels)
    finish = context.finish(layer)
    kernel = layer.weight.shape[2], layer.weight.shape[3]
    order = y.placed.layout.axis_index(1)
    for j in range(multiplier):
        mine = order[j * x.c : (j + 1) * x.c]
        fields = weight_fields(context, layer.weight[mine].reshape(x.c, -1), layer.bias[mine],
                               x.placed.bias, finish)
        fields |= window_fields(layer, kernel) | finish.fields()
        for n in range(x.n):
            context.emit(Opcode.DEPTHWISE, x.placed, y.placed, **fields, **x.ifm(n), **y.ofm(n, c=j * x.c),
                         ifm_c=x.c, ofm_c=x.c, ofm_h=y.h, ofm_w=y.w)


@lowers(Dense)
def lower_dense(context: Context, layer: Dense) -> int:
    """A dense layer is a 1x1 convolution over a row of all leading positions."""
    value, shape = layer.inputs[0], context.shape(layer.output)
    axis = len(shape) - 1
    x = _rows(context, value, axis)
    outer = tuple(f for f in x.layout.factors if f.axis != axis)
    y = context.define(layer, Layout(shape, outer + ((Factor(axis, shape[-1], 1),) if shape[-1] > 1 else ())))
    finish = context.finish(layer)
    weight = layer.weight[x.layout.axis_index(axis)].T
    inputs, outputs = layer.weight.shape
    rows = x.layout.size // inputs
    context.emit(Opcode.CONV, x, y, **weight_fields(context, np.ascontiguousarray(weight), layer.bias,
                                                    x.bias, finish), **finish.fields(),
                 kh=1, kw=1, stride_y=1, stride_x=1, dilation_y=1, dilation_x=1,
                 ifm_h=1, ifm_w=rows, ifm_c=inputs, ifm_px=inputs, ifm_row=rows * inputs,
                 ofm_h=1, ofm_w=rows, ofm_c=outputs, ofm_px=outputs, ofm_row=rows * outputs)
    return int(rows * inputs * outputs)


def _rows(context: Context, value: str, axis: int) -> Placed:
    """Return the value dense with `axis` innermost, in whatever order within it."""
    placed = context.placed[value]
    if placed.is_dense and placed.layout.split({axis}) is not None:
        return placed
    return context.in_layout(value, Layout.row_major(context.shape(value)))
