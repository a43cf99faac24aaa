"""Codes, products and logarithms, one number at a time."""

from __future__ import annotations

import math
from fractions import Fraction


def floor_root(n: int, degree: int) -> int:
    """Return the largest r with r**degree <= n."""
    low, high = 0, 1 << (n.bit_length() // degree + 1)
    while high - low > 1:
        middle = (low + high) // 2
        if middle**degree <= n:
            low = middle
        else:
            high = middle
    return low


def floor_log2(x: Fraction, parts: int) -> int:
    """Return floor(parts * log2 x) for x > 0 whose denominator is a power of two."""
    return (x.numerator**parts).bit_length() - 1 - parts * (x.denominator.bit_length() - 1)


# round(128 * 2^(r/16)): half of floor(256 * 2^(r/16)), rounded.
L = [(floor_root(256**16 * 2**r, 16) + 1) // 2 for r in range(16)]
# ceil(2^((k - 1/2)/16) * 2^15), which is irrational: one more than its floor.
T = [floor_root(2 ** (2 * k - 1 + 15 * 32), 32) + 1 for k in range(1, 17)]


def magnitude(k: int) -> int:
    """The clamp of encode: k is 16 * log2|x| rounded, minus the bias."""
    if k >= 127:
        return 127
    if k >= 1:
        return k
    return 1 if k >= -15 else 0


def code_of(negative: bool, m: int) -> int:
    return 0 if m == 0 else m + 128 * negative


def encode(x: float, bias: int) -> int:
    """Return the code of a float of any precision."""
    if math.isnan(x):
        raise ValueError("NaN")
    if math.isinf(x):
        return code_of(x < 0, 127)
    if x == 0:
        return 0
    # 16 * log2|x| is never halfway between integers: 2^(odd/32) is irrational.
    k = (floor_log2(abs(Fraction(x)), 32) + 1) // 2
    return code_of(x < 0, magnitude(k - bias))


def decode(code: int, bias: int) -> float:
    m = code % 128
    if m == 0:
        return 0.0
    return math.copysign(2.0 ** ((m + bias) / 16), -1 if code >= 128 else 1)


def product(a: int, b: int) -> int:
    ma, mb = a % 128, b % 128
    if ma == 0 or mb == 0:
        return 0
    t = ma + mb
    p = (L[t % 16] << (t // 16)) >> 6
    return -p if (a >= 128) != (b >= 128) else p


def lin2log(n: int) -> int:
    """Return the log magnitude of n >= 1."""
    octave = n.bit_length() - 1
    mantissa = n << 15 >> octave
    return 16 * octave + sum(threshold <= mantissa for threshold in T)


def signed(code: int) -> int:
    return -(code % 128) if code >= 128 else code


def finish(negative: bool, log: int | None, offset: int, act_min: int, act_max: int,
           table: list[int] | None = None) -> int:
    """How every command ends; log None is zero."""
    s = 0 if log is None else magnitude(log + offset)
    s = min(max(-s if negative else s, act_min), act_max)
    code = code_of(s < 0, abs(s))
    return code if table is None else table[code]


def requantise(acc: int, offset: int, act_min: int, act_max: int, table: list[int] | None = None) -> int:
    """Return the code of an accumulator, which is an int32."""
    return finish(acc < 0, lin2log(abs(acc)) if acc else None, offset, act_min, act_max, table)


def int32(n: int) -> int:
    """Wrap to two's complement."""
    return (n + 2**31) % 2**32 - 2**31
