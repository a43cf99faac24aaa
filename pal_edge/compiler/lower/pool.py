"""Max and average pooling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...spec.arithmetic import FRACTION_BITS, UNIT_OCTAVES
from ...spec.commands import Opcode
from ..graph import Pool
from ..quantize.taps import average_taps
from .context import Context, lowers
from .windows import Image, as_image, channels_last, image_in, window_fields


@lowers(Pool)
def lower_pool(context: Context, layer: Pool) -> int:
    x = image_in(context, layer.inputs[0])
    y = as_image(context.define(layer, channels_last(context.shape(layer.output), x.channels)), x.channels)
    if layer.kind == "max":
        _max(context, layer, x, y)
        return 0
    for n in range(x.n):
        _average(context, layer, x, y, n)
    return int(np.prod(context.shape(layer.output))) * layer.kernel[0] * layer.kernel[1]


def _max(context: Context, layer: Pool, x: Image, y: Image) -> None:
    finish = context.finish(layer)
    for n in range(x.n):
        context.emit(Opcode.POOL_MAX, x.placed, y.placed, **window_fields(layer, layer.kernel), **x.ifm(n),
                     **y.ofm(n), **finish.fields(), ifm_c=x.c, ofm_c=x.c, ofm_h=y.h, ofm_w=y.w,
                     offset=x.placed.bias - finish.bias)


@dataclass(frozen=True)
class _Span:
    """Output positions [first, first + count) that share the valid kernel taps and the divisor."""

    first: int
    count: int
    start: int  # input position of the first valid tap of output `first`
    taps: int  # valid taps
    divisor: int


def _spans(size_in: int, size_out: int, kernel: int, stride: int, dilation: int, pad: int, pad_end: int,
           include_pad: bool) -> Iterator[_Span]:
    spans: list[_Span] = []
    for position in range(size_out):
        origin = position * stride - pad
        valid = [i for i in range(kernel) if 0 <= origin + i * dilation < size_in]
        padded = sum(origin + i * dilation < size_in + pad_end for i in range(kernel))
        span = _Span(position, 1, origin + valid[0] * dilation if valid else 0, len(valid),
                     padded if include_pad else len(valid))
        last = spans[-1] if spans else None
        if last and (last.taps, last.divisor) == (span.taps, span.divisor) and \
                span.start == last.start + last.count * stride:
            spans[-1] = _Span(last.first, last.count + 1, last.start, last.taps, last.divisor)
        else:
            spans.append(span)
    yield from spans


def _average(context: Context, layer: Pool, x: Image, y: Image, n: int) -> None:
    """One command for each region of outputs with the same number of valid taps: none needs padding."""
    finish = context.finish(layer)
    rows = list(_spans(x.h, y.h, layer.kernel[0], layer.strides[0], layer.dilations[0],
                       layer.pads[0], layer.pads[2], layer.count_include_pad))
    columns = list(_spans(x.w, y.w, layer.kernel[1], layer.strides[1], layer.dilations[1],
                          layer.pads[1], layer.pads[3], layer.count_include_pad))
    window = window_fields(layer, layer.kernel) | {"pad_top": 0, "pad_left": 0}
    for row in rows:
        for column in columns:
            divisor = row.divisor * column.divisor if layer.divisor is None else layer.divisor
            codes, weight_bias = average_taps(row.taps * column.taps, divisor)
            unit = UNIT_OCTAVES << FRACTION_BITS
            context.emit(
                Opcode.POOL_AVG, x.placed, y.placed,
                **(window | {"kh": row.taps, "kw": column.taps}), **finish.fields(),
                **x.ifm(n, row.start, column.start), **y.ofm(n, row.first, column.first),
                ifm_c=x.c, ofm_c=x.c, ofm_h=row.count, ofm_w=column.count,
                weights=context.program.constants.add(codes),
                offset=weight_bias + x.placed.bias - finish.bias - unit)
