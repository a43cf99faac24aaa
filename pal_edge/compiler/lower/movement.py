"""Select and Concat: static data movement as strided copies."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...numeric import encode
from ...spec.commands import Opcode
from ...spec.registers import Region
from ..graph import Concat, Select
from ..layout import Layout
from ..program import Buffer, Placed
from .context import Context, lowers

FILL = -1  # index of an element that has no source
_MAX_PHASES = 16


class Run(NamedTuple):
    """Output positions start, start + step, ... take source positions source, source + pace, ..."""

    start: int
    step: int
    length: int
    source: int  # FILL: none
    pace: int


def runs(index: Sequence[int]) -> list[Run]:
    """Cover an index list with few arithmetic progressions: as stretches or as interleaved phases."""
    best = _stretches(index, 0, 1)
    for period in range(2, min(_MAX_PHASES, len(index)) + 1):
        found = [run for phase in range(period) for run in _stretches(index[phase::period], phase, period)]
        if len(found) < len(best):
            best = found
    return best


def _stretches(index: Sequence[int], start: int, step: int) -> list[Run]:
    found: list[Run] = []
    position = 0
    while position < len(index):
        pace = index[position + 1] - index[position] if position + 1 < len(index) else 1
        if index[position] == FILL or pace < 0 or index[position + 1 : position + 2] == [FILL]:
            pace = 0
        count = 1
        while position + count < len(index) and index[position + count] == index[position] + count * pace:
            count += 1
        found.append(Run(start + position * step, step, count, index[position], pace))
        position += count
    return found


class Axes(NamedTuple):
    """A placed value whose axes are not split: one byte stride an axis."""

    placed: Placed
    strides: tuple[int, ...]


def axes(context: Context, value: str) -> Axes:
    """Return the value with one stride an axis, copied to row-major if an axis is split."""
    placed = context.placed[value]
    if placed.layout.order() is None:
        placed = context.in_layout(value, Layout.row_major(context.shape(value)))
    return unsplit(placed)


def unsplit(placed: Placed) -> Axes:
    strides = [0] * len(placed.layout.shape)
    for factor, stride in zip(placed.layout.factors, placed.strides, strict=True):
        strides[factor.axis] = stride
    return Axes(placed, tuple(strides))


def _order(placed: Placed) -> tuple[int, ...]:
    order = placed.layout.order()
    return order if order is not None else tuple(range(len(placed.layout.shape)))


@lowers(Select)
def lower_select(context: Context, layer: Select) -> int:
    source = axes(context, layer.inputs[0])
    order = _order(source.placed)
    shape = context.shape(layer.output)
    target = unsplit(context.define(layer, Layout.ordered(shape, order)))
    finish = context.finish(layer)
    fill = int(encode(np.array([layer.fill], np.float32), finish.bias)[0])
    level = -(fill & 0x7F) if fill & 0x80 else fill
    for pieces in itertools.product(*(runs(layer.index[axis]) for axis in order)):
        offset = sum(p.start * target.strides[a] for p, a in zip(pieces, order, strict=True))
        steps = [p.step * target.strides[a] for p, a in zip(pieces, order, strict=True)]
        ofm, sizes = context.shifted(target.placed, offset), [p.length for p in pieces]
        if any(piece.source == FILL for piece in pieces):
            # Clamped to one code, so what is read does not matter: the output itself.
            context.elementwise(Opcode.MAP, ofm, ofm, sizes, steps, steps, act_min=level, act_max=level)
            continue
        offset = sum(p.source * source.strides[a] for p, a in zip(pieces, order, strict=True))
        paces = [p.pace * source.strides[a] for p, a in zip(pieces, order, strict=True)]
        context.elementwise(Opcode.MAP, context.shifted(source.placed, offset), ofm, sizes, paces, steps,
                            offset=source.placed.bias - finish.bias, **finish.fields())
    return 0


def _constant(context: Context, name: str, bias: int) -> Axes:
    array = context.graph.constants[name]
    codes = context.program.constants.add(encode(array, bias))
    buffer = Buffer(name, array.size, Region.MODEL, codes)
    return unsplit(Placed.dense(buffer, Layout.row_major(array.shape), bias))


@lowers(Concat)
def lower_concat(context: Context, layer: Concat) -> int:
    values = [name for name in layer.inputs if name not in context.graph.constants]
    order = _order(axes(context, values[0]).placed)
    target = unsplit(context.define(layer, Layout.ordered(context.shape(layer.output), order)))
    finish = context.finish(layer)
    sources = [_constant(context, name, finish.bias) if name in context.graph.constants else axes(context, name)
               for name in layer.inputs]
    position = 0
    for source in sources:
        shape = source.placed.layout.shape
        offset = position * target.strides[layer.axis]
        context.elementwise(
            Opcode.MAP, source.placed, context.shifted(target.placed, offset), [shape[a] for a in order],
            [source.strides[a] for a in order], [target.strides[a] for a in order],
            offset=source.placed.bias - finish.bias, **finish.fields())
        position += shape[layer.axis]
    return 0
