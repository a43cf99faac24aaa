"""Layer normalization in integers, as the driver's CPU code computes it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..spec.arithmetic import MAGNITUDE_MAX, NORM_BITS, NORM_MANTISSA, NORM_ROOT_BITS, SIGN_MASK
from .codec import STEPS
from .pal8 import lin2log

_MANTISSA = np.array(NORM_MANTISSA, np.int64)
_LIMIT = (1 << 64 - 2 * NORM_ROOT_BITS) - 1
Ints = NDArray[np.int64]


def parameters(epsilon: float, gain: NDArray[np.floating], shift: NDArray[np.floating], bias: int) -> bytes:
    """Return the command's parameters: epsilon in units of the values' squares, gain and shift in 2^-16.

    Args:
        epsilon: added to the variance.
        gain, shift: [C]; saturated at +-2^15.
        bias: of the input's codes.
    """
    unit = 2.0 ** (bias / STEPS) / NORM_MANTISSA[0]
    limit = 2**31 - 1
    fixed = [np.clip(np.rint(np.asarray(v, np.float64) * (1 << NORM_BITS)), -limit, limit).astype("<i4")
             for v in (gain, shift)]
    data: bytes = min(round(epsilon / unit**2), _LIMIT).to_bytes(8, "little") + fixed[0].tobytes() + fixed[1].tobytes()
    return data


def layer_norm(codes: NDArray[np.uint8], data: bytes) -> tuple[Ints, NDArray[np.bool_], NDArray[np.bool_]]:
    """Normalize over the last axis; return (log magnitude, negative, zero) of every result.

    Args:
        codes: [..., C].
        data: parameters, see `parameters`.
    """
    count = codes.shape[-1]
    epsilon = int.from_bytes(data[:8], "little")
    gain = np.frombuffer(data, "<i4", count, 8).astype(np.int64)
    shift = np.frombuffer(data, "<i4", count, 8 + 4 * count).astype(np.int64)
    m = (codes & MAGNITUDE_MAX).astype(np.int64)
    value = np.where(m == 0, 0, _MANTISSA[m % STEPS] << (m // STEPS))
    value[codes >= SIGN_MASK] *= -1
    centred = value - (value.sum(axis=-1, keepdims=True) + count // 2) // count
    variance = np.square(centred).sum(axis=-1, keepdims=True) // count
    root = np.array([math.isqrt(max(min(int(v) + epsilon, _LIMIT), 1) << 2 * NORM_ROOT_BITS)
                     for v in variance.reshape(-1)], np.int64).reshape(variance.shape)
    norm = np.abs(centred << NORM_BITS + NORM_ROOT_BITS) // root * np.sign(centred)
    y = norm * gain + (shift << NORM_BITS)
    places = np.where(np.abs(y) >> 40, 20, 0)  # lin2log wants less than 2^53 and reads the top bits only
    log = lin2log(np.maximum(np.abs(y) >> places, 1)).astype(np.int64) + STEPS * (places - 2 * NORM_BITS)
    return log, y < 0, y == 0
