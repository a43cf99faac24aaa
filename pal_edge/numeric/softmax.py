"""Softmax in integers, as the driver's CPU code computes it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..spec.arithmetic import (
    FRACTION_BITS,
    MAGNITUDE_MAX,
    SIGN_MASK,
    SOFTMAX_EXP2,
    SOFTMAX_EXP_BITS,
    SOFTMAX_INDEX_BITS,
    SOFTMAX_LOG2,
    SOFTMAX_SCALE,
    SOFTMAX_SCALE_BITS,
    SOFTMAX_Z_BITS,
    SOFTMAX_Z_LIMIT_BITS,
)
from .codec import STEPS
from .pal8 import leading

_SCALE = np.array(SOFTMAX_SCALE, np.int64)
_EXP2 = np.array(SOFTMAX_EXP2, np.int64)
_LOG2 = np.array(SOFTMAX_LOG2, np.int64)
_STEP_BITS = SOFTMAX_Z_BITS - FRACTION_BITS  # a sixteenth of an octave is 2^8 units of z


Ints = NDArray[np.int64]


def octaves(codes: NDArray[np.uint8], bias: int) -> Ints:
    """Return value * log2(e) in units of 2^-12, saturated at +-2^28; the magnitude is truncated."""
    m = (codes & MAGNITUDE_MAX).astype(np.int64)
    log = m + bias
    shift = log // STEPS + SOFTMAX_Z_BITS - SOFTMAX_SCALE_BITS
    scale = _SCALE[log % STEPS]
    left = scale << np.clip(shift, 0, SOFTMAX_Z_LIMIT_BITS)
    size: Ints = np.minimum(left >> np.clip(-shift, 0, 31), 1 << SOFTMAX_Z_LIMIT_BITS) * (m != 0)
    size[codes >= SIGN_MASK] *= -1
    return size


def softmax_log(codes: NDArray[np.uint8], bias: int) -> Ints:
    """Return log2 of the softmax over the last axis, in sixteenths of an octave, rounded to nearest.

    Args:
        codes: [..., C].
        bias: of the codes.
    """
    z = octaves(codes, bias)
    below = z.max(axis=-1, keepdims=True) - z
    whole = below >> SOFTMAX_Z_BITS
    index = (below >> (SOFTMAX_Z_BITS - SOFTMAX_INDEX_BITS)) & ((1 << SOFTMAX_INDEX_BITS) - 1)
    total = (_EXP2[index] >> np.minimum(whole, SOFTMAX_EXP_BITS + 1)).sum(axis=-1, keepdims=True)
    exponent, fraction = leading(total, SOFTMAX_INDEX_BITS)
    log_total = ((exponent.astype(np.int64) - SOFTMAX_EXP_BITS) << SOFTMAX_Z_BITS) + _LOG2[fraction]
    log: Ints = -((below + log_total + (1 << (_STEP_BITS - 1))) >> _STEP_BITS)
    return log
