"""Layer normalization of one list of codes, in integers."""

from __future__ import annotations

import math

from . import pal8

# round(2^12 * 2^(r/16)): half of floor(2^13 * 2^(r/16)), rounded.
MANTISSA = [(pal8.floor_root(2 ** (13 * 16 + r), 16) + 1) // 2 for r in range(16)]


def value(code: int) -> int:
    m = code % 128
    v = MANTISSA[m % 16] << m // 16 if m else 0
    return -v if code >= 128 else v


def layer_norm(codes: list[int], epsilon: int, gain: list[int], shift: list[int]) -> list[int]:
    """Return the results in units of 2^-32."""
    n = len(codes)
    values = [value(code) for code in codes]
    mean = (sum(values) + n // 2) // n
    variance = min(sum((v - mean) ** 2 for v in values) // n + epsilon, 2**48 - 1)
    root = math.isqrt(max(variance, 1) << 16)
    results = []
    for v, g, b in zip(values, gain, shift, strict=True):
        size = (abs(v - mean) << 24) // root
        results.append((size if v >= mean else -size) * g + (b << 16))
    return results
