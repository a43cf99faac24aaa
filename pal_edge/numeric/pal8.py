"""The integer arithmetic of the engine on arrays: product, logarithm, the common ending of all commands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..spec.arithmetic import (
    FRACTION_BITS,
    LIN2LOG_BITS,
    LIN2LOG_THRESHOLDS,
    MAGNITUDE_MAX,
    PRODUCT_MANTISSA,
    PRODUCT_SHIFT,
    SIGN_MASK,
)
from .codec import STEPS, magnitude, to_codes

Codes = NDArray[np.uint8]
Ints = NDArray[np.int32]


def _product_table() -> Ints:
    """Return p for every pair of bytes, [256, 256]."""
    code = np.arange(256)
    m, negative = code & MAGNITUDE_MAX, code >= SIGN_MASK
    t = m[:, None] + m
    p: Ints = (np.array(PRODUCT_MANTISSA, np.int32)[t % STEPS] << (t >> FRACTION_BITS)) >> PRODUCT_SHIFT
    p[(m[:, None] == 0) | (m == 0)] = 0
    p[negative[:, None] ^ negative] *= -1
    return p


PRODUCT = _product_table()
"""p(a, b) in integer units, int32 [256, 256]."""

_FRACTION_BITS_BELOW = LIN2LOG_BITS - 1  # bits kept below the leading one
_FRACTION = np.searchsorted(
    LIN2LOG_THRESHOLDS, np.arange(1 << _FRACTION_BITS_BELOW, 2 << _FRACTION_BITS_BELOW), side="right"
).astype(np.int32)


def leading(n: NDArray[np.int64], bits: int) -> tuple[Ints, NDArray[np.int64]]:
    """Return floor(log2 n) and the `bits` bits below the leading one, for 1 <= n < 2^53."""
    pattern = n.astype(np.float64).view(np.int64)  # the conversion is exact
    return ((pattern >> 52) - 1023).astype(np.int32), (pattern >> (52 - bits)) & ((1 << bits) - 1)


def lin2log(n: NDArray[np.integer]) -> Ints:
    """Return the log magnitude of n >= 1 in sixteenths of an octave; meaningless for 0."""
    exponent, below = leading(np.maximum(n, 1).astype(np.int64), _FRACTION_BITS_BELOW)
    log: Ints = STEPS * exponent + _FRACTION[below]
    return log


def finish(log: NDArray[np.integer], negative: NDArray[np.bool_], zero: NDArray[np.bool_],
           offset: NDArray[np.integer] | int, act_min: int = -MAGNITUDE_MAX, act_max: int = MAGNITUDE_MAX,
           table: Codes | None = None) -> Codes:
    """The end of every command: offset, clamp of encode, clamp of the signed code, table.

    Args:
        log: log magnitudes; ignored where `zero`.
        negative: signs.
        zero: where the result so far is zero.
        offset: added to `log`, broadcasts.
        act_min, act_max: clamp of the signed code, -127..127.
        table: 256 codes by code, or None.
    """
    m = magnitude(log.astype(np.int32) + np.asarray(offset, np.int32)) * ~zero
    codes = to_codes(np.clip(np.where(negative, -m, m), act_min, act_max))
    return codes if table is None else table[codes]


def requantise(acc: NDArray[np.integer], offset: NDArray[np.integer] | int,
               act_min: int = -MAGNITUDE_MAX, act_max: int = MAGNITUDE_MAX,
               table: Codes | None = None) -> Codes:
    """Return the codes of accumulators: lin2log and `finish`. Accumulators wrap to 32 bits."""
    exact = acc.astype(np.int32).astype(np.int64)
    return finish(lin2log(np.abs(exact)), exact < 0, exact == 0, offset, act_min, act_max, table)
