"""The bias with the least squared error, from sums over values of equal log magnitude."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...numeric.codec import STEPS
from ...spec.arithmetic import MAGNITUDE_MAX

Floats = NDArray[np.float64]
REACH = MAGNITUDE_MAX + STEPS  # log magnitudes that have a code other than zero


def value_of(log: NDArray[np.integer] | int) -> Floats:
    """Return 2^(log / 16)."""
    power: Floats = np.exp2(np.asarray(log, np.float64) / STEPS)
    return power


def moments(cell: NDArray[np.int64], values: Floats, counts: Floats | None,
            shape: tuple[int, int]) -> tuple[Floats, Floats, Floats]:
    """Return the sums of 1, |x| and x^2 in each cell of a table, as `least_error_shift` takes them.

    Args:
        cell: row * columns + column of each value.
        values: |x|.
        counts: how often each value occurs; once if None.
        shape: (rows, columns).
    """
    def table(weights: Floats | None) -> Floats:
        return np.bincount(cell, weights, shape[0] * shape[1]).astype(np.float64, copy=False).reshape(shape)

    if counts is None:
        return table(None), table(values), table(values**2)
    return table(counts), table(counts * values), table(counts * values**2)


def least_error_shift(count: Floats, first: Floats, second: Floats,
                      tolerance: float = 0.0) -> NDArray[np.int64]:
    """Return how many sixteenths of an octave below a row's largest value saturation should begin.

    Column j holds the values whose rounded log magnitude is j below the row's largest; all are in units
    of 2^(largest / 16). The last column may hold smaller ones too.

    Args:
        count, first, second: sums of 1, |x| and x^2, [rows, columns], columns > REACH.
        tolerance: by which part the squared error may exceed the least, if saturation begins later for it.

    Returns s >= 0 [rows], the smallest of those with least squared error: the bias is largest - 127 - s.
    Values REACH or more below the start of saturation become zero, so s is at most columns - REACH.
    """
    rows, columns = count.shape
    rounded = value_of(-np.arange(columns))
    rounding = second - 2 * rounded * first + rounded**2 * count
    sums = [np.concatenate([np.zeros((rows, 1)), np.cumsum(each, axis=1)], axis=1)
            for each in (count, first, second, rounding)]

    def between(which: int, start: NDArray[np.int64], stop: NDArray[np.int64]) -> Floats:
        total: Floats = sums[which][:, np.minimum(stop, columns)] - sums[which][:, np.minimum(start, columns)]
        return total

    def coded_as(level: Floats, start: NDArray[np.int64], stop: NDArray[np.int64]) -> Floats:
        """Squared error of giving all values in these columns one code."""
        return (between(2, start, stop) - 2 * level * between(1, start, stop)
                + level**2 * between(0, start, stop))

    shift = np.arange(columns - REACH + 1)
    low, none = shift + MAGNITUDE_MAX, shift + REACH - 1
    total = (coded_as(value_of(-shift), np.zeros_like(shift), shift) + between(3, shift, low)
             + coded_as(value_of(1 - low), low, none) + between(2, none, np.full_like(shift, columns)))
    least = total.min(axis=1, keepdims=True)
    best: NDArray[np.int64] = np.argmax(total <= least + tolerance * np.maximum(least, 0), axis=1)
    return best
