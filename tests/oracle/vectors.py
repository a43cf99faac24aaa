"""The files of tests/vectors: `python -m tests.oracle.vectors` writes them, a test compares them."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

from . import pal8, softmax

FOLDER = Path(__file__).parents[1] / "vectors"
SOFTMAX_CHANNELS = 8
Record = tuple[int, ...]


def product() -> Iterator[Record]:
    """p(a, b) at index 256 * a + b."""
    return ((pal8.product(a, b),) for a in range(256) for b in range(256))


def lin2log() -> Iterator[Record]:
    """n, log: both sides of every step, in every octave of 1..2^31."""
    numbers = {1 << 31}
    for octave in range(31):
        # The least n whose mantissa, its lower bits truncated, reaches each threshold.
        steps = [1 << octave, *(-(-threshold << octave >> 15) for threshold in pal8.T)]
        numbers |= {n + d for n in steps for d in (-1, 0, 1) if 1 <= n + d <= 1 << 31}
    return ((n, pal8.lin2log(n)) for n in sorted(numbers))


def requantise() -> Iterator[Record]:
    """acc, offset, act_min, act_max, code: at every edge of the clamps, and at the ends of int32."""
    clamps = ((-127, 127), (0, 127), (0, 60), (-20, 20), (5, 100), (-127, 0), (0, 0))
    for act_min, act_max in clamps:
        edges = {-17, -16, -15, -1, 0, 1, 2, 126, 127, 128}
        edges |= {abs(bound) + d for bound in (act_min, act_max) for d in (-1, 1)}
        for acc in (1, -1, 40000, -40000, 2**31 - 1, -(2**31)):
            for edge in sorted(edges):
                offset = edge - pal8.lin2log(abs(acc))
                yield acc, offset, act_min, act_max, pal8.requantise(acc, offset, act_min, act_max)
        yield 0, 300, act_min, act_max, pal8.requantise(0, 300, act_min, act_max)


def float_at(log: int) -> int:
    """Return the pattern of the least float32 that rounds to this log, in sixteenths of an octave."""
    low, high = 0, 0x7F80_0000
    while high - low > 1:
        middle = (low + high) // 2
        if pal8.floor_log2(Fraction(as_float(middle)), 32) >= 2 * log - 1:
            high = middle
        else:
            low = middle
    return high


def as_float(pattern: int) -> float:
    return float(struct.unpack("<f", struct.pack("<I", pattern))[0])


def encode() -> Iterator[Record]:
    """float32 pattern, bias, code: both sides of every step for one bias, then the ends of float32."""
    for m in range(-16, 129):
        for pattern in (float_at(m - 91) + d for d in (-1, 0, 1)):
            yield pattern, -91, pal8.encode(as_float(pattern), -91)
    ends = (0, 1, 2, 3, 0x0040_0000, 0x007F_FFFF, 0x0080_0000, 0x3F80_0000, 0x7F7F_FFFF, 0x7F80_0000)
    for pattern in ends:
        for bias in (-2400, -2100, -127, 0, 1930):
            for bits in (pattern, pattern | 0x8000_0000):
                yield bits, bias, pal8.encode(as_float(bits), bias)


def softmaxes() -> Iterator[Record]:
    """bias, 8 codes, the 8 codes of their softmax (bias -127)."""
    generator = random.Random(1)
    rows = [[0] * SOFTMAX_CHANNELS, [127] * SOFTMAX_CHANNELS, [255] * SOFTMAX_CHANNELS, [127, *[255] * 7],
            [128, 0, 1, 129, 127, 255, 64, 192]]
    rows += [[generator.randrange(256) for _ in range(SOFTMAX_CHANNELS)] for _ in range(15)]
    for bias in (-400, -127, -91, -60, 0, 300):
        for row in rows:
            yield bias, *row, *softmax.softmax(row, bias)


FILES: dict[str, Callable[[], Iterator[Record]]] = {
    "product.i32": product,
    "lin2log.i32": lin2log,
    "requantise.i32": requantise,
    "encode.i32": encode,
    "softmax.i32": softmaxes,
}


def contents(name: str) -> bytes:
    """Return what the file must hold: its records' numbers as 32-bit little-endian words."""
    numbers = [n & 0xFFFF_FFFF for record in FILES[name]() for n in record]
    return struct.pack(f"<{len(numbers)}I", *numbers)


def main() -> None:
    for name in FILES:
        (FOLDER / name).write_bytes(contents(name))


if __name__ == "__main__":
    main()
