"""Between floats and codes. Exact: thresholds on the bits of the float, no logarithm is computed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..spec.arithmetic import ENCODE_THRESHOLDS, FLOAT_BITS, FRACTION_BITS, MAGNITUDE_MAX, SIGN_MASK

STEPS = 1 << FRACTION_BITS  # codes an octave
_MANTISSA_BITS = FLOAT_BITS - 1  # stored ones
_INFINITY = 0x7F80_0000
_INFINITE_LOG = 1 << 24  # saturates whatever the bias
_SMALLEST_NORMAL = 1 << _MANTISSA_BITS
_BUCKET_SHIFT = _MANTISSA_BITS - 8  # a bucket of 2^15 patterns holds at most one threshold


def _buckets() -> tuple[NDArray[np.int32], NDArray[np.uint32]]:
    """Return, by |x|'s bits >> _BUCKET_SHIFT, log2 at the bucket's start and the pattern where it rises."""
    start = np.arange((_INFINITY >> _BUCKET_SHIFT) + 1, dtype=np.int64) << _BUCKET_SHIFT
    exponent = (start >> _MANTISSA_BITS) - 127
    mantissa = (start & (_SMALLEST_NORMAL - 1)) | _SMALLEST_NORMAL
    thresholds = np.array([*ENCODE_THRESHOLDS, 2 << _MANTISSA_BITS], np.int64)
    passed = np.searchsorted(thresholds, mantissa, side="right")
    rise = start + (thresholds[passed] - mantissa)
    log = STEPS * exponent + passed
    log[-1] = _INFINITE_LOG
    return log.astype(np.int32), rise.astype(np.uint32)


_LOG_AT_START, _RISES_AT = _buckets()


def log_sixteenths(x: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return round(16 * log2|x|), exactly; meaningless for zero, huge for infinity.

    Args:
        x: float32 array without NaN.
    """
    bits = x.view(np.uint32) & np.uint32(0x7FFF_FFFF)
    bucket = bits >> np.uint32(_BUCKET_SHIFT)
    log: NDArray[np.int32] = _LOG_AT_START[bucket] + (bits >= _RISES_AT[bucket])
    subnormal = (bits < _SMALLEST_NORMAL) & (bits != 0)
    if subnormal.any():
        scaled = np.where(subnormal, x, np.float32(1)) * np.float32(2.0**FLOAT_BITS)
        log = np.where(subnormal, log_sixteenths(scaled) - STEPS * FLOAT_BITS, log)
    return log


def magnitude(log: NDArray[np.int32]) -> NDArray[np.int32]:
    """Clamp a log magnitude, bias already subtracted: 127 and above saturate, -15..0 is 1, less is 0."""
    clamped: NDArray[np.int32] = np.minimum(np.maximum(log, 1), MAGNITUDE_MAX) * (log > -STEPS)
    return clamped


def _as_bias(bias: ArrayLike) -> NDArray[np.int32]:
    array = np.asarray(bias)
    if array.dtype.kind not in "iu":
        raise InputError(f"a bias is an integer in sixteenths of an octave, not {array.dtype}")
    return array.astype(np.int32)


def encode(x: ArrayLike, bias: ArrayLike) -> NDArray[np.uint8]:
    """Return the nearest codes (nearest in the logarithm); infinities saturate.

    Args:
        x: floats; float64 is first rounded to float32.
        bias: integer, or integers that broadcast with x (one a channel).

    Raises InputError for NaN or values that are not floats.
    """
    values = np.asarray(x)
    if values.dtype.kind != "f":
        raise InputError(f"cannot encode {values.dtype}; convert it to float32")
    if values.dtype != np.float32:
        with np.errstate(over="ignore"):  # beyond float32: infinite, saturates like any large value
            values = values.astype(np.float32)
    nan = np.isnan(values)
    if nan.any():
        raise InputError(f"cannot encode NaN: {np.count_nonzero(nan)} of {values.size} values are NaN")
    m = magnitude(log_sixteenths(values) - _as_bias(bias)) * (values != 0)
    return to_codes(np.where(np.signbit(values), -m, m))


def to_codes(numbers: NDArray[np.signedinteger]) -> NDArray[np.uint8]:
    """Return the codes of +m or -m; the inverse of `signed`."""
    return np.where(numbers < 0, SIGN_MASK - numbers, numbers).astype(np.uint8)


def decode(codes: ArrayLike, bias: ArrayLike) -> NDArray[np.float32]:
    """Return the values of codes, rounded to float32.

    Args:
        codes: uint8.
        bias: integer, or integers that broadcast with codes (one a channel).

    Raises InputError for codes that are not uint8.
    """
    array = np.asarray(codes)
    if array.dtype != np.uint8:
        raise InputError(f"codes are uint8, not {array.dtype}")
    biases = _as_bias(bias)
    if biases.ndim == 0:
        values: NDArray[np.float32] = _all_values(int(biases))[array]
        return values
    return _values(array, biases)


_POWERS = np.exp2(np.arange(STEPS) / STEPS)


@lru_cache(maxsize=256)
def _all_values(bias: int) -> NDArray[np.float32]:
    return _values(np.arange(256), np.array(bias, np.int32))


def _values(codes: NDArray[np.integer], bias: NDArray[np.int32]) -> NDArray[np.float32]:
    m = np.asarray(codes, np.int32) & MAGNITUDE_MAX
    log = m + bias
    with np.errstate(over="ignore"):
        value = np.where(m != 0, np.ldexp(_POWERS[log % STEPS], log // STEPS), 0.0)
        return np.where((codes >= SIGN_MASK) & (m != 0), -value, value).astype(np.float32)


def signed(codes: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Return the codes in signed order: +m or -m."""
    m = (codes & MAGNITUDE_MAX).astype(np.int16)
    return np.where(codes & SIGN_MASK, -m, m)
