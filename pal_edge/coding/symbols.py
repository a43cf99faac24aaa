"""What is coded as which symbols: weights and params.

Weights: a symbol below RUNS is a run of zeros that starts at this byte and goes on LANES bytes further
each time, as the weights of one output channel lie; the bytes it covers take no bits of their own. Any
other symbol is the nonzero byte symbol - RUNS + 1, with its sign as the SignMode says.

Params: i32 bias terms, then the differences of i16 offsets; a symbol is the bit length of the magnitude,
as many bits follow: the value, or the value - 1 without its leading bit's sign where it is negative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..spec.container import CODING_CLASSES as CLASSES
from ..spec.container import CODING_LANES as LANES
from ..spec.container import CODING_RUNS as RUNS
from ..spec.container import SignMode
from .huffman import Ints, Words, damaged

Bytes = NDArray[np.uint8]
Stream = tuple[Ints, Words]  # symbols, the value of the bits that follow each

SIGN = np.uint8(0x80)
PARAM_SIZE = 6  # bytes: an i32 and an i16


def weight_alphabet(mode: SignMode) -> Ints:
    """Return how many further bits each symbol has."""
    literals = np.ones(127, np.int64) if mode == SignMode.APART else np.zeros(255, np.int64)
    return np.concatenate([np.arange(RUNS), literals])


def param_alphabet() -> Ints:
    return np.arange(CLASSES)


@dataclass(frozen=True)
class Weights:
    """The codes of one segment and their runs of zeros: where each starts, its length in its lane."""

    codes: Bytes
    start: Ints
    length: Ints

    @staticmethod
    def of(data: bytes) -> Weights:
        codes = np.frombuffer(data, np.uint8)
        rows = -(-len(codes) // LANES)
        padded = np.ones(rows * LANES, np.uint8)
        padded[: len(codes)] = codes
        zero = np.zeros((LANES, rows + 1), np.int8)  # the last column ends every run
        zero[:, :rows] = padded.reshape(rows, LANES).T == 0
        edges = np.diff(zero.reshape(-1), prepend=np.int8(0))
        start, end = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        lane, row = np.divmod(start, rows + 1)
        position = row * LANES + lane
        order = np.argsort(position)
        return Weights(codes, position[order], (end - start)[order])

    def counts(self, mode: SignMode) -> Ints:
        size = len(weight_alphabet(mode))
        literals = np.bincount(_fold(self.codes, mode), minlength=256)[1:]
        if mode == SignMode.APART:
            literals = literals[:127] + np.append(literals[128:], 0)[:127]
        runs = np.bincount(_classes(self.length), minlength=RUNS)
        return np.concatenate([runs, literals])[:size]

    def stream(self, mode: SignMode) -> Stream:
        codes = _fold(self.codes, mode)
        literal = codes & ~SIGN if mode == SignMode.APART else codes
        symbols, values = literal + np.int64(RUNS - 1), (codes >> 7).astype(np.uint64)
        group = _classes(self.length)
        symbols[self.start] = group
        values[self.start] = self.length - (1 << group)
        if mode != SignMode.APART:
            values[codes != 0] = 0
        kept = codes != 0
        kept[self.start] = True
        return symbols[kept], values[kept]


def weights_from(stream: Stream, mode: SignMode, size: int) -> bytes:
    """Undo Weights.stream. Raises ContainerError if the symbols do not make `size` bytes."""
    symbols, values = stream[0], stream[1].astype(np.int64)
    run = symbols < RUNS
    length = np.where(run, (1 << np.minimum(symbols, RUNS)) + values, 1)
    literal = symbols - (RUNS - 1) | (values << 7 if mode == SignMode.APART else 0)
    codes = np.where(run, 0, literal).astype(np.uint8)
    if not (length == 1).all():
        codes = _spread(codes, length, size)
    if len(codes) < size:
        raise damaged("a segment ends early")
    return _unfold(codes[:size], mode).tobytes()


def _spread(values: Bytes, length: Ints, size: int) -> Bytes:
    """Put every symbol at the next byte that no run covers."""
    out, left = bytearray(size), [0] * LANES
    numbers, runs = values.tolist(), length.tolist()
    longer = np.append(np.flatnonzero(length > 1), len(length)).tolist()  # symbols that cover further bytes
    at, position, covered = 0, 0, 0  # next symbol, next byte, bytes still covered behind it
    upcoming = iter(longer)
    coming = next(upcoming)
    while position < size:
        if not covered and coming > at:  # nothing but single bytes until then
            count = min(coming - at, size - position)
            out[position : position + count] = values[at : at + count].tobytes()
            at, position = at + count, position + count
            continue
        lane = position % LANES
        if left[lane]:
            left[lane] -= 1
            covered -= 1
        else:
            if at == len(numbers):
                raise damaged("a segment ends early")
            out[position] = numbers[at]
            if at == coming:
                left[lane] = runs[at] - 1
                covered += runs[at] - 1
                coming = next(upcoming, coming)
            at += 1
        position += 1
    return np.frombuffer(out, np.uint8)


def _fold(codes: Bytes, mode: SignMode) -> Bytes:
    """Return codes whose signs are differences where the mode says so."""

    def fold(codes: Bytes) -> Bytes:
        used = np.flatnonzero(codes)
        signs = codes[used] & SIGN
        folded = codes.copy()
        folded[used[1:]] ^= signs[:-1]
        return folded

    return _by_lane(codes, mode, fold)


def _unfold(codes: Bytes, mode: SignMode) -> Bytes:
    """Undo _fold."""

    def unfold(codes: Bytes) -> Bytes:
        signs = np.bitwise_xor.accumulate(codes & SIGN)
        return np.where(codes, codes & ~SIGN | signs, 0).astype(np.uint8)

    return _by_lane(codes, mode, unfold)


def _by_lane(codes: Bytes, mode: SignMode, change: Callable[[Bytes], Bytes]) -> Bytes:
    """Apply `change` to all codes in order, to each lane by itself, or not at all."""
    if mode == SignMode.BEFORE:
        return change(codes)
    if mode != SignMode.LANE:
        return codes
    result = codes.copy()
    for lane in range(LANES):
        result[lane::LANES] = change(codes[lane::LANES])
    return result


def _classes(magnitudes: Ints) -> Ints:
    """Return floor(log2), for magnitudes of at least 1."""
    return np.frexp(magnitudes)[1].astype(np.int64) - 1


def param_streams(data: bytes) -> tuple[Stream, Stream] | None:
    """Return the streams of bias terms and of offsets; None if a magnitude is out of range."""
    count = len(data) // PARAM_SIZE
    if count * PARAM_SIZE != len(data):
        return None
    biases = np.frombuffer(data, "<i4", count).astype(np.int64)
    offsets = np.frombuffer(data, "<i2", count, 4 * count).astype(np.int64)
    if (abs(biases) >> (CLASSES - 1)).any():
        return None
    return _classed(biases), _classed(np.diff(offsets, prepend=0))


def _classed(values: Ints) -> Stream:
    symbols = np.where(values, _classes(np.maximum(abs(values), 1)) + 1, 0)
    return symbols, np.where(values < 0, values + (1 << symbols) - 1, values).astype(np.uint64)


def params_from(biases: Stream, offsets: Stream) -> bytes:
    """Undo param_streams; a difference wraps."""
    return (_unclassed(biases).astype("<i4").tobytes()
            + np.cumsum(_unclassed(offsets)).astype("<i2").tobytes())


def _unclassed(stream: Stream) -> Ints:
    symbols, values = stream[0], stream[1].astype(np.int64)
    negative = (symbols > 0) & (values >> np.maximum(symbols - 1, 0) == 0)
    return np.where(negative, values - (1 << symbols) + 1, values)
