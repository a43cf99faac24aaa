"""Tap codes of an average: a depthwise convolution that all channels share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...numeric.codec import STEPS
from ...numeric.pal8 import PRODUCT
from ...spec.arithmetic import MAGNITUDE_MAX
from .least_error import value_of
from .weights import ACC_LIMIT


def average_taps(positions: int, divisor: int | None = None) -> tuple[NDArray[np.uint8], int]:
    """Return codes [positions] and their bias, whose values add up to positions / divisor.

    Two neighbouring codes, mixed evenly along the window: the sum is off by at most 2.2 % of one tap.
    The codes are the largest with which no accumulator overflows, since products lose bits below 1 unit.

    Args:
        positions: kernel positions, kh * kw.
        divisor: what the sum over the window is divided by; `positions` if None.
    """
    tap = 1 / (divisor or positions)
    log = int(np.floor(STEPS * np.log2(tap)))  # of the smaller code
    small, large = value_of(log), value_of(log + 1)
    larger = round(float(positions * (tap - small) / (large - small)))
    top = MAGNITUDE_MAX
    while positions * int(PRODUCT[MAGNITUDE_MAX, top]) >= ACC_LIMIT:
        top -= 1
    below = top - 1 if larger else top  # code of the smaller value
    steps = np.arange(positions + 1) * larger // positions
    return (below + np.diff(steps)).astype(np.uint8), log - below
