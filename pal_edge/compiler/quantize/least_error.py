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


def least_error_shift(row: NDArray[np.integer], below: NDArray[np.integer], values: Floats,
                      counts: Floats | None, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return how many sixteenths of an octave below a row's largest value saturation should begin.

    Args:
        row: row of each value.
        below: how far its rounded log magnitude is below its row's largest one, at least 0 and less than
            `columns`.
        values: |x| / 2^(largest / 16).
        counts: how often each value occurs; once if None.
        shape: (rows, columns).

    Returns s >= 0 [rows], the smallest of those with least squared error: the bias is largest - 127 - s.
    Values REACH or more below where saturation begins become zero, so no s above columns - REACH is tried.
    """
    rows, columns = shape
    cell = row * columns + below
    count = np.ones_like(values) if counts is None else counts
    moments = (count, count * values, count * values**2, count * (values - value_of(-below)) ** 2)
    cells = [np.bincount(cell, moment, rows * columns).reshape(shape) for moment in moments]
    sums = [np.concatenate([np.zeros((rows, 1)), np.cumsum(each, axis=1)], axis=1) for each in cells]
    shift = np.arange(max(1, columns - REACH + 1))

    def between(which: int, start: NDArray[np.int64], stop: NDArray[np.int64]) -> Floats:
        total: Floats = sums[which][:, np.minimum(stop, columns)] - sums[which][:, np.minimum(start, columns)]
        return total

    def coded_as(level: Floats, start: NDArray[np.int64], stop: NDArray[np.int64]) -> Floats:
        """Squared error of giving all values in these columns one code."""
        return (between(2, start, stop) - 2 * level * between(1, start, stop)
                + level**2 * between(0, start, stop))

    low, none = shift + MAGNITUDE_MAX, shift + REACH - 1
    total = (coded_as(value_of(-shift), np.zeros_like(shift), shift) + between(3, shift, low)
             + coded_as(value_of(1 - low), low, none) + between(2, none, np.full_like(shift, columns)))
    best: NDArray[np.int64] = np.argmin(total, axis=1)
    return best
