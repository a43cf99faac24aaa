"""Ranges of activations: a histogram on a logarithmic axis, and the bias that it suggests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...errors import CalibrationError
from ...numeric.codec import STEPS, log_sixteenths
from ...spec.arithmetic import MAGNITUDE_MAX
from .least_error import REACH, least_error_shift, moments, value_of

ZERO_BIAS = -MAGNITUDE_MAX  # of a tensor that is always zero: the largest code is 1
_SHIFT = 15  # a bin is 2^15 patterns of float32: 8 bits of mantissa, 0.4 %
_BINS = 0x7F80_0000 >> _SHIFT
_CENTRES = ((np.arange(_BINS) << _SHIFT) + (1 << (_SHIFT - 1))).astype(np.uint32).view(np.float32)
_LOGS = log_sixteenths(_CENTRES)


@dataclass(frozen=True)
class RangeLoss:
    """Values that a bias does not reach: beyond the largest code, or too small for any but zero."""

    saturated: int
    underflowed: int


class LogHistogram:
    """Counts |x| in bins of 0.4 %; what falls in a bin is taken for its centre."""

    def __init__(self, name: str = "a value") -> None:
        self.name = name
        self.count = 0
        self.zeros = 0
        self.max = 0.0  # of |x|
        self.has_negative = False
        self.has_positive = False
        self._bins = np.zeros(_BINS, np.int64)

    def add(self, x: ArrayLike) -> None:
        """Count the values of an array of floats, taken as float32.

        Raises CalibrationError for NaN or infinity.
        """
        values = np.ascontiguousarray(x, np.float32).reshape(-1)
        if not values.size:
            return
        patterns = values.view(np.uint32) & np.uint32(0x7FFF_FFFF)
        bins = np.bincount(patterns >> np.uint32(_SHIFT), minlength=_BINS)
        if len(bins) > _BINS:
            raise CalibrationError(f"{self.name} has NaN or infinity for a calibration sample; "
                                   "check the model and the samples' preprocessing")
        low, high = float(values.min()), float(values.max())
        zeros = values.size - int(np.count_nonzero(values))
        bins[0] -= zeros
        self._bins += bins
        self.count += values.size
        self.zeros += zeros
        self.max = max(self.max, -low, high)
        self.has_negative |= low < 0
        self.has_positive |= high > 0

    def merge(self, other: LogHistogram) -> None:
        """Count all that `other` has counted."""
        self._bins += other._bins
        self.count += other.count
        self.zeros += other.zeros
        self.max = max(self.max, other.max)
        self.has_negative |= other.has_negative
        self.has_positive |= other.has_positive

    def best_bias(self, headroom: int = 0, tolerance: float = 0.0) -> int:
        """Return the bias of least total squared error, the largest one of several.

        Args:
            headroom: how far, in sixteenths of an octave, the largest code may be above the largest value.
            tolerance: by which part the squared error may exceed the least, if the bias is larger for it.

        ZERO_BIAS if all values are zero.
        """
        used = np.flatnonzero(self._bins)
        if not len(used):
            return ZERO_BIAS
        logs, counts = _LOGS[used], self._bins[used].astype(np.float64)
        top = int(logs.max()) + headroom
        values = _CENTRES[used] / value_of(top)
        below = (top - logs).astype(np.int64)
        columns = int(below.max()) + 1 + REACH
        shift = least_error_shift(*moments(below, values, counts, (1, columns)), tolerance)
        return top - MAGNITUDE_MAX - int(shift[0])

    def loss(self, bias: int) -> RangeLoss:
        """Return how many values a bias does not reach, to the resolution of the bins."""
        k = _LOGS - bias
        return RangeLoss(int(self._bins[k > MAGNITUDE_MAX].sum()), int(self._bins[k <= -STEPS].sum()))
