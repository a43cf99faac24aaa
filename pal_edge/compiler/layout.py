"""Physical layout of a value: in which order its logical elements lie in memory.

A layout is a list of factors, outermost first. A factor walks `size` elements of one logical axis in
steps of `step`. NHWC of a logical [1, C, H, W] is (H, 1), (W, 1), (C, 1); axes of size 1 leave no
factor. Reshape and transpose change only this description, so no data moves until an operator
needs another order.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]


class Factor(NamedTuple):
    """`size` positions along logical `axis`, `step` elements of that axis apart."""

    axis: int
    size: int
    step: int


def row_major_strides(shape: Shape) -> list[int]:
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


@dataclass(frozen=True)
class Layout:
    """A bijection between the elements of `shape` and dense memory positions."""

    shape: Shape
    factors: tuple[Factor, ...]

    @staticmethod
    def row_major(shape: Shape) -> Layout:
        return Layout.ordered(shape, tuple(range(len(shape))))

    @staticmethod
    def ordered(shape: Shape, order: tuple[int, ...]) -> Layout:
        """Axes in the given order, outermost first."""
        return Layout(shape, tuple(Factor(a, shape[a], 1) for a in order if shape[a] > 1))

    @staticmethod
    def channels_last(shape: Shape) -> Layout:
        """[N, C, spatial...] stored as N, spatial, C."""
        return Layout.ordered(shape, (0, *range(2, len(shape)), 1))

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def strides(self) -> tuple[int, ...]:
        """Return the dense byte stride of every factor."""
        return tuple(math.prod(f.size for f in self.factors[i + 1 :]) for i in range(len(self.factors)))

    def flat(self) -> list[tuple[int, int]]:
        """Return (size, stride in the row-major flat index) of every factor."""
        strides = row_major_strides(self.shape)
        return [(f.size, f.step * strides[f.axis]) for f in self.factors]

    def reshape(self, shape: Shape) -> Layout | None:
        """Return the same memory seen as `shape`, or None where a factor would straddle axes."""
        return _from_flat(shape, self.flat())

    def transpose(self, perm: tuple[int, ...]) -> Layout:
        """Return the same memory with output axis i = input axis perm[i]."""
        shape = tuple(self.shape[p] for p in perm)
        return Layout(shape, tuple(f._replace(axis=perm.index(f.axis)) for f in self.factors))

    def order(self) -> tuple[int, ...] | None:
        """Return the axes outermost first, or None where an axis is split."""
        present = [f.axis for f in self.factors]
        if len(set(present)) != len(present):
            return None
        absent = [axis for axis in range(len(self.shape)) if axis not in present]
        return (*absent, *present)

    def split(self, inner_axes: set[int]) -> tuple[tuple[Factor, ...], tuple[Factor, ...]] | None:
        """Return (outer, inner) factors where the inner ones are exactly those of `inner_axes`."""
        count = sum(f.axis in inner_axes for f in self.factors)
        cut = len(self.factors) - count
        if any(f.axis in inner_axes for f in self.factors[:cut]):
            return None
        return self.factors[:cut], self.factors[cut:]

    def axis_index(self, axis: int) -> NDArray[np.int64]:
        """Return the logical indices along `axis` in the order in which memory meets them."""
        index = np.zeros(1, np.int64)
        for factor in self.factors:
            if factor.axis == axis:
                index = (index[:, None] + np.arange(factor.size) * factor.step).reshape(-1)
        return index

    def flat_index(self) -> NDArray[np.int64]:
        """Return the row-major flat index of the element at every memory position."""
        index = np.zeros(1, np.int64)
        for size, stride in self.flat():
            index = (index[:, None] + np.arange(size) * stride).reshape(-1)
        return index


def _from_flat(shape: Shape, flat: list[tuple[int, int]]) -> Layout | None:
    strides = row_major_strides(shape)
    factors: list[Factor] = []
    for size, stride in flat:
        parts: list[Factor] = []
        while size > 1:
            axis = next((a for a, s in enumerate(strides) if shape[a] > 1 and s <= stride < s * shape[a]), None)
            if axis is None or stride % strides[axis]:
                return None
            step = stride // strides[axis]
            if shape[axis] % step:
                return None
            room = shape[axis] // step
            inner = min(room, size)
            if size % inner:
                return None
            parts.insert(0, Factor(axis, inner, step))
            size, stride = size // inner, stride * inner
        factors += parts
    return Layout(shape, tuple(_merged(factors)))


def _merged(factors: list[Factor]) -> list[Factor]:
    merged: list[Factor] = []
    for factor in factors:
        last = merged[-1] if merged else None
        if last and last.axis == factor.axis and last.step == factor.step * factor.size:
            merged[-1] = Factor(factor.axis, last.size * factor.size, factor.step)
        else:
            merged.append(factor)
    return merged


def refine(flat: list[tuple[int, int, int]], cuts: set[int]) -> list[tuple[int, int, int]]:
    """Split (size, flat stride, byte stride) factors at every flat stride in `cuts` inside them."""
    parts: list[tuple[int, int, int]] = []
    for size, stride, step in flat:
        inner = sorted(c for c in cuts if stride < c < stride * size and c % stride == 0
                       and (stride * size) % c == 0)
        bounds = [stride, *inner, stride * size]
        pieces = [(high // low, low, step * (low // stride))
                  for low, high in itertools.pairwise(bounds) if high % low == 0]
        if math.prod(p[0] for p in pieces) != size:
            raise ValueError("layouts have no common refinement")
        parts += reversed(pieces)
    return parts
