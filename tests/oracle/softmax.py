"""Softmax over one list of codes, in integers."""

from __future__ import annotations

from decimal import Decimal, localcontext

from . import pal8


def _scale() -> list[int]:
    """round(2^15 * log2(e) * 2^(r/16))"""
    with localcontext() as context:
        context.prec = 60
        log2_e = 1 / Decimal(2).ln()
        return [round(2**15 * log2_e * Decimal(2) ** (Decimal(r) / 16)) for r in range(16)]


E = _scale()
# round(2^24 * 2^(-(i + 1/2)/256)): half of floor(2^25 * 2^(-(2i + 1)/512)), rounded.
EXP2 = [(pal8.floor_root(2 ** (25 * 512 - (2 * i + 1)), 512) + 1) // 2 for i in range(256)]
# round(2^12 * log2(1 + (i + 1/2)/256)): half of floor(2^13 * log2((2i + 513)/512)), rounded.
LOG2 = [(((2 * i + 513) ** 8192).bit_length() - 1 - 9 * 8192 + 1) // 2 for i in range(256)]


def octaves(code: int, bias: int) -> int:
    """Return value * log2(e), 12 fraction bits."""
    m = code % 128
    if m == 0:
        return 0
    q, r = divmod(m + bias, 16)
    shift = q + 12 - 15
    z = E[r] << shift if shift >= 0 else E[r] >> -shift
    z = min(z, 2**28)
    return -z if code >= 128 else z


def softmax_log(codes: list[int], bias: int) -> list[int]:
    """Return log2 of every probability in sixteenths of an octave."""
    z = [octaves(code, bias) for code in codes]
    below = [max(z) - each for each in z]
    total = sum(0 if d >> 12 >= 25 else EXP2[d >> 4 & 255] >> (d >> 12) for d in below)
    top = total.bit_length() - 1
    log_total = (top - 24) * 4096 + LOG2[(total << 8 >> top) & 255]
    return [-((d + log_total + 128) // 256) for d in below]


def softmax(codes: list[int], bias: int) -> list[int]:
    """Return the codes of the probabilities; their bias is -127."""
    return [pal8.finish(False, k, 127, -127, 127) for k in softmax_log(codes, bias)]
