"""Lossless coding of weights: the CONSTANTS section with encoding WEIGHT_CODED.

A stream of segments, each a SegmentRecord and its stored bytes. A raw segment is its own bytes; a coded one
is a string of bits, most significant first: canonical Huffman codes with lengths of at most MAX_LENGTH,
padded with zeros to a byte. docs/weight-coding.md describes the format and why it was chosen.

A symbol below RUNS is a run of zeros that starts at this byte and goes on LANES bytes further each time,
as the weights of one output channel lie; the bytes it covers take no bits of their own. Any other symbol
is one nonzero byte, symbol - RUNS + 1. How signs take part depends on the table's sign mode.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import ContainerError
from .spec.container import (
    CODING_LANES as LANES,
    CODING_MAX_LENGTH as MAX_LENGTH,
    CODING_RUNS as RUNS,
    CODING_SIZE_BITS as SIZE_BITS,
    SegmentKind,
    SegmentRecord,
    SignMode,
)

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

SEGMENT = 1 << 19  # weights at a time, so that no run is longer than the longest class
_SIGN = 0x80
_LITERALS = {SignMode.APART: _SIGN - 1, SignMode.JOINED: 255, SignMode.BEFORE: 255, SignMode.LANE: 255}


def encode(pieces: Sequence[tuple[bytes, bool]]) -> bytes:
    """Return a stream that decodes to the pieces one after the other.

    Args:
        pieces: bytes, and whether they are weight codes; others are stored as they are, and so are weights
            that coding would not make smaller.
    """
    segments = [_Segment(part, weights) for part, weights in _parts(pieces)]
    for group in _groups([s for s in segments if s.coded]):
        group.store()
    stream = bytearray()
    for segment in segments:
        stored = segment.stored
        stream += SegmentRecord(len(segment.data), len(stored) | segment.kind << SIZE_BITS).pack() + stored
    return bytes(stream)


def decode(data: bytes, decoded_size: int) -> bytes:
    """Return the `decoded_size` bytes of a stream. Raises ContainerError."""
    out, offset, room = [], 0, decoded_size
    table: _Table | None = None
    while offset < len(data):
        if len(data) - offset < SegmentRecord.STRUCT.size:
            raise _damaged("a segment ends early")
        record = SegmentRecord.unpack(data, offset)
        offset += SegmentRecord.STRUCT.size
        kind, size = record.stored >> SIZE_BITS, record.stored & (1 << SIZE_BITS) - 1
        stored = data[offset : offset + size]
        offset += size
        room -= record.decoded_size
        if len(stored) != size or room < 0:
            raise _damaged("a segment is longer than its section")
        if kind == SegmentKind.RAW and size == record.decoded_size:
            out.append(stored)
            continue
        bits, at = np.unpackbits(np.frombuffer(stored, np.uint8)), 0
        if kind == SegmentKind.TABLE:
            table, at = _Table.read(bits)
        if kind not in (SegmentKind.TABLE, SegmentKind.SAME) or table is None:
            raise _damaged("a segment has no valid kind")
        out.append(_decode_segment(table, stored, at, record.decoded_size))
    if room:
        raise _damaged(f"{room} bytes are missing")
    return b"".join(out)


def _damaged(why: str) -> ContainerError:
    return ContainerError(f"section CONSTANTS does not decode: {why}")


def _parts(pieces: Sequence[tuple[bytes, bool]]) -> Iterator[tuple[bytes, bool]]:
    raw = bytearray()
    for data, weights in pieces:
        if not weights or data.find(_SIGN) >= 0:
            raw += data
        elif data:
            if raw:
                yield bytes(raw), False
                raw.clear()
            for start in range(0, len(data), SEGMENT):
                yield data[start : start + SEGMENT], True
    if raw:
        yield bytes(raw), False


class _Segment:
    """One segment on its way: its symbols in each sign mode, then the bytes to store."""

    def __init__(self, data: bytes, coded: bool) -> None:
        self.data = self.stored = data
        self.kind = SegmentKind.RAW
        self.coded = coded
        if coded:
            self.codes = np.frombuffer(data, np.uint8)
            self.runs = _zero_runs(self.codes)
            self.counts = {mode: np.bincount(self.symbols(mode)[0], minlength=RUNS + _LITERALS[mode])
                           for mode in SignMode}

    def symbols(self, mode: SignMode) -> tuple[Ints, Ints, Ints]:
        """Return symbols, the value of each symbol's further bits, and how many these are."""
        at, length = self.runs
        codes = _fold(self.codes, mode).astype(np.int64)
        symbol, extra, bits = codes + (RUNS - 1), np.zeros_like(codes), np.zeros_like(codes)
        if mode == SignMode.APART:
            symbol = (codes & ~_SIGN) + (RUNS - 1)
            extra, bits = codes >> 7, np.ones_like(codes)
        group = np.frexp(length)[1] - 1
        symbol[at], extra[at], bits[at] = group, length - (1 << group), group
        kept = self.codes != 0
        kept[at] = True
        return symbol[kept], extra[kept], bits[kept]


def _zero_runs(codes: Bytes) -> tuple[Ints, Ints]:
    """Return where runs of zeros start, lane by lane, and their lengths."""
    rows = -(-len(codes) // LANES)
    zero = np.zeros((LANES, rows + 1), np.int8)  # the last column ends every run
    padded = np.ones(rows * LANES, np.uint8)
    padded[: len(codes)] = codes
    zero[:, :rows] = padded.reshape(rows, LANES).T == 0
    edges = np.diff(zero.reshape(-1), prepend=np.int8(0))
    start, end = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    lane, row = np.divmod(start, rows + 1)
    return row * LANES + lane, end - start


def _fold(codes: Bytes, mode: SignMode) -> Bytes:
    """Return codes whose sign bit says whether it differs from the sign that the mode refers to."""
    if mode in (SignMode.APART, SignMode.JOINED):
        return codes
    order = _reading_order(len(codes), mode)
    order = order[codes[order] != 0]
    ordered = codes[order]
    before = np.roll(ordered, 1) & _SIGN
    lane = order % LANES if mode == SignMode.LANE else np.zeros_like(order)
    before[np.diff(lane, prepend=-1) != 0] = 0
    folded = codes.copy()
    folded[order] = ordered ^ before
    return folded


def _unfold(codes: Bytes, mode: SignMode) -> Bytes:
    """Undo _fold."""
    if mode in (SignMode.APART, SignMode.JOINED):
        return codes
    order = _reading_order(len(codes), mode)
    flips = np.cumsum(codes[order] >> 7, dtype=np.int64)
    if mode == SignMode.LANE:
        start = np.flatnonzero(order < LANES)
        flips -= np.repeat(flips[start] - (codes[order[start]] >> 7), np.diff(start, append=len(order)))
    result = codes.copy()
    result[order] = (codes[order] & ~np.uint8(_SIGN)) | ((flips & 1) << 7).astype(np.uint8)
    result[codes == 0] = 0
    return result


def _reading_order(size: int, mode: SignMode) -> Ints:
    """Return the positions in order: as they lie, or lane by lane."""
    positions = np.arange(size)
    if mode == SignMode.LANE:
        return np.concatenate([positions[lane::LANES] for lane in range(LANES)])
    return positions


@dataclass(frozen=True)
class _Table:
    """A canonical Huffman code: lengths[symbol], 0 for a symbol that does not occur."""

    mode: SignMode
    lengths: Ints

    @staticmethod
    def build(mode: SignMode, counts: Ints) -> _Table:
        """Return the code of least total length for these counts, but none longer than MAX_LENGTH."""
        floor = 0
        while True:
            lengths = _huffman(np.where(counts, np.maximum(counts, floor), 0))
            if lengths.max() <= MAX_LENGTH:
                return _Table(mode, lengths)
            floor = max(1, floor * 2, int(counts.sum()) >> MAX_LENGTH)

    def bits(self) -> Bytes:
        """Return the table as stored: the mode in two bits, then each length against the one before."""
        out, last = [self.mode >> 1, self.mode & 1], 0
        for length in self.lengths.tolist():
            step = length - last
            out += {0: [0], 1: [1, 0], -1: [1, 1, 0]}.get(step) or \
                [1, 1, 1, *(length >> i & 1 for i in (3, 2, 1, 0))]
            last = length
        return np.array(out, np.uint8)

    @staticmethod
    def read(bits: Bytes) -> tuple[_Table, int]:
        """Return the table at the start of a segment and the number of its bits."""
        source, at = [*bits[:4096].tolist(), *[0] * 8], 2  # no table is longer
        mode = SignMode(source[0] << 1 | source[1])
        lengths, last = [], 0
        for _ in range(RUNS + _LITERALS[mode]):
            if at > len(source) - 8:
                raise _damaged("a table ends early")
            if not source[at]:
                at += 1
            elif not source[at + 1]:
                last, at = last + 1, at + 2
            elif not source[at + 2]:
                last, at = last - 1, at + 3
            else:
                last, at = int("".join(map(str, source[at + 3 : at + 7])), 2), at + 7
            lengths.append(last)
            if not 0 <= last <= MAX_LENGTH:
                raise _damaged("a table has a length out of range")
        table = _Table(mode, np.array(lengths, np.int64))
        if (1 << MAX_LENGTH >> table.lengths[table.lengths > 0]).sum() > 1 << MAX_LENGTH:
            raise _damaged("a table has too many short codes")
        return table, at

    def codes(self) -> Ints:
        """Return each symbol's code: in order of length, then of symbol."""
        width = np.where(self.lengths, 1 << MAX_LENGTH >> self.lengths, 0)
        order = np.argsort(np.where(self.lengths, self.lengths, MAX_LENGTH + 1), kind="stable")
        start = np.zeros_like(width)
        start[order] = np.cumsum(width[order]) - width[order]
        return start >> (MAX_LENGTH - self.lengths)

    def cost(self, counts: Ints) -> int:
        """Return the bits of symbols that occur so often, signs apart included, and of the table."""
        signs = int(counts[RUNS:].sum()) if self.mode == SignMode.APART else 0
        return int((counts * self.lengths).sum()) + signs + len(self.bits())


def _huffman(counts: Ints) -> Ints:
    """Return the code length of every symbol; a lone symbol has length 1."""
    lengths = np.zeros(len(counts), np.int64)
    used = np.flatnonzero(counts)
    if len(used) == 1:
        lengths[used] = 1
        return lengths
    heap = [(count, node) for node, count in enumerate(counts[used].tolist())]
    heapq.heapify(heap)
    parent = [0] * (2 * len(used))
    for node in range(len(used), 2 * len(used) - 1):
        a, i = heapq.heappop(heap)
        b, j = heap[0]
        parent[i] = parent[j] = node
        heapq.heapreplace(heap, (a + b, node))
    depth = [0] * len(parent)
    for node in range(2 * len(used) - 3, -1, -1):
        depth[node] = depth[parent[node]] + 1
    lengths[used] = depth[: len(used)]
    return lengths


class _Group:
    """Segments in a row that share one table."""

    def __init__(self, segments: list[_Segment]) -> None:
        self.segments = segments
        counts = {mode: sum(s.counts[mode] for s in segments) for mode in SignMode}
        tables = [_Table.build(mode, counts[mode]) for mode in SignMode]
        self.bits, self.table = min(((t.cost(counts[t.mode]), t) for t in tables), key=lambda each: each[0])

    def store(self) -> None:
        """Give every segment its stored bytes; leave the group raw if that is smaller."""
        kind, prefix = SegmentKind.TABLE, self.table.bits()
        stored = []
        for segment in self.segments:
            stored.append((kind, _pack(self.table, segment.symbols(self.table.mode), prefix)))
            kind, prefix = SegmentKind.SAME, prefix[:0]
        if sum(len(data) for _, data in stored) < sum(len(s.data) for s in self.segments):
            for segment, (segment.kind, segment.stored) in zip(self.segments, stored, strict=True):
                pass


def _groups(segments: list[_Segment]) -> list[_Group]:
    """Join neighbours as long as one table for both is smaller than two."""
    groups: list[_Group] = []
    for segment in segments:
        alone = _Group([segment])
        if groups:
            both = _Group([*groups[-1].segments, segment])
            if both.bits <= groups[-1].bits + alone.bits:
                groups[-1] = both
                continue
        groups.append(alone)
    return groups


def _pack(table: _Table, symbols: tuple[Ints, Ints, Ints], prefix: Bytes) -> bytes:
    """Return the bits of `prefix`, then every symbol's code and further bits."""
    symbol, extra, extra_bits = symbols
    length = table.lengths[symbol] + extra_bits
    value = table.codes()[symbol] << extra_bits | extra
    end = np.cumsum(length) + len(prefix)
    start = end - length
    total = int(end[-1]) if len(end) else len(prefix)
    spread = value << (40 - length - (start & 7))  # at most 7 + 2 * MAX_LENGTH bits: five bytes
    sums = np.zeros(-(-total // 8) + 5)
    for k in range(5):
        part = (spread >> (32 - 8 * k)) & 0xFF
        sums += np.bincount((start >> 3) + k, weights=part, minlength=len(sums))[: len(sums)]
    out = sums.astype(np.uint8)
    head = np.packbits(prefix)
    out[: len(head)] |= head
    return out[: -(-total // 8)].tobytes()


def _decode_segment(table: _Table, stored: bytes, at: int, size: int) -> bytes:
    symbols, extras = _unpack(table, stored, at)
    literal = symbols - (RUNS - 1)
    if table.mode == SignMode.APART:
        literal |= extras << 7
    run = symbols < RUNS
    length = np.where(run, (1 << np.minimum(symbols, RUNS)) + extras, 1)
    values = np.where(run, 0, literal).astype(np.uint8)
    if (length[:size] == 1).all():
        codes = values[:size]
    else:
        codes = _spread_runs(values, length, size)
    if len(codes) < size:
        raise _damaged("a coded segment ends early")
    return _unfold(codes, table.mode).tobytes()


def _unpack(table: _Table, stored: bytes, at: int) -> tuple[Ints, Ints]:
    """Return the symbols from bit `at` to the end of the segment, and their further bits."""
    codes, lengths = table.codes(), table.lengths
    lookup = np.full(1 << MAX_LENGTH, -1, np.int64)
    for symbol in np.flatnonzero(lengths):
        first = codes[symbol] << (MAX_LENGTH - lengths[symbol])
        lookup[first : first + (1 << MAX_LENGTH >> lengths[symbol])] = symbol
    padded = np.frombuffer(stored + bytes(8), np.uint8).astype(np.int64)
    window = padded[:-4] << 32 | padded[1:-3] << 24 | padded[2:-2] << 16 | padded[3:-1] << 8 | padded[4:]
    total = 8 * len(stored)
    # What each bit position would begin with; then follow the one chain that is real.
    aligned = np.concatenate([window[: len(stored), None] >> (8 - b) & 0xFFFFFFFF for b in range(8)], axis=1)
    aligned = aligned.reshape(-1)
    symbol_at = lookup[aligned >> (32 - MAX_LENGTH)]
    literal_bits = int(table.mode == SignMode.APART)
    more = np.where(symbol_at < RUNS, symbol_at, literal_bits)
    length_at = np.where(symbol_at < 0, total, lengths[symbol_at] + more)
    follow = (np.arange(total) + length_at).tolist()
    chain = []
    while at < total:
        chain.append(at)
        at = follow[at]
    if at > total or (chain and symbol_at[chain[-1]] < 0):
        chain = chain[:-1]  # padding
    here = np.array(chain, np.int64)
    symbols, count = symbol_at[here], more[here]
    shift = 32 - lengths[symbols] - count
    return symbols, aligned[here] >> shift & (1 << count) - 1


def _spread_runs(values: Bytes, length: Ints, size: int) -> Bytes:
    """Put every symbol at the next byte that no run covers."""
    out, left = bytearray(size), [0] * LANES
    source = zip(values.tolist(), length.tolist(), strict=True)
    for position in range(size):
        lane = position % LANES
        if left[lane]:
            left[lane] -= 1
            continue
        value, run = next(source, (0, 0))
        if not run:
            raise _damaged("a coded segment ends early")
        out[position] = value
        left[lane] = run - 1
    return np.frombuffer(out, np.uint8)
