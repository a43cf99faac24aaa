"""Lossless coding of constants: the CONSTANTS section with encoding 2 (docs/weight-coding.md).

A segment is a SegmentRecord and its stored bytes. A coded one is a string of bits: its table, unless it
shares that of the segment of its kind before, then its symbols (`symbols`) in canonical Huffman codes
(`huffman`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..spec.container import CODING_SEGMENT as SEGMENT
from ..spec.container import CODING_SIZE_BITS, CODING_TABLE, SegmentKind, SegmentRecord, SignMode
from .huffman import Bits, Code, Ints, damaged, pack, unpack
from .symbols import (
    PARAM_SIZE,
    Stream,
    Weights,
    param_alphabet,
    param_streams,
    params_from,
    weight_alphabet,
    weights_from,
)

__all__ = ["decode", "encode", "pieces"]

_SIZE_MASK = (1 << CODING_SIZE_BITS) - 1
_MODE_BITS = 2


def encode(pieces: Sequence[tuple[bytes, SegmentKind]]) -> bytes:
    """Return a stream that decodes to the pieces one after the other.

    Args:
        pieces: bytes and what they are. A piece that is not what it says, or that coding would not make
            smaller, is stored as it is.
    """
    segments = [_Segment(part, kind) for data, kind in pieces for part in _parts(data, kind)]
    for kind in (SegmentKind.WEIGHTS, SegmentKind.PARAMS):
        for group in _groups([segment for segment in segments if segment.kind == kind]):
            group.store()
    return b"".join(_written(segments))


def decode(data: bytes, decoded_size: int) -> bytes:
    """Return the `decoded_size` bytes of a stream. Raises ContainerError."""
    out: list[bytes] = []
    tables: dict[SegmentKind, _Table] = {}
    room = decoded_size
    for size, kind, has_table, stored in _records(data):
        room -= size
        if room < 0:
            raise damaged("it is longer than its section says")
        if kind == SegmentKind.RAW:
            if len(stored) != size or has_table:
                raise damaged("a raw segment has two sizes")
            out.append(stored)
            continue
        at = 0
        if has_table:
            tables[kind], at = _Table.read(kind, stored)
        if kind not in tables:
            raise damaged("a segment has no table")
        out.append(tables[kind].decode(stored, at, size))
    if room:
        raise damaged(f"{room} bytes are missing")
    return b"".join(out)


def pieces(data: bytes) -> tuple[tuple[int, SegmentKind], ...]:
    """Return the sizes and kinds of a stream's segments. Raises ContainerError."""
    return tuple((size, kind) for size, kind, _, _ in _records(data))


def _records(data: bytes) -> Iterator[tuple[int, SegmentKind, bool, bytes]]:
    """Yield each segment's decoded size, its kind, whether it has a table, and its stored bytes."""
    offset = 0
    while offset < len(data):
        if len(data) - offset < SegmentRecord.STRUCT.size:
            raise damaged("a segment ends early")
        record = SegmentRecord.unpack(data, offset)
        size, kind = record.stored & _SIZE_MASK, (record.stored & ~CODING_TABLE) >> CODING_SIZE_BITS
        offset += SegmentRecord.STRUCT.size + size
        if offset > len(data) or kind not in set(SegmentKind):
            raise damaged("a segment is too long or of no known kind")
        if kind == SegmentKind.WEIGHTS and record.decoded_size > SEGMENT:
            raise damaged("a segment has too many weights")
        yield record.decoded_size, SegmentKind(kind), bool(record.stored & CODING_TABLE), data[offset - size : offset]


class _Table:
    """How segments of one kind are coded: a code for each of its streams, with signs in `mode`."""

    def __init__(self, kind: SegmentKind, mode: SignMode, codes: list[Code]) -> None:
        self.kind, self.mode, self.codes = kind, mode, codes

    @staticmethod
    def alphabets(kind: SegmentKind, mode: SignMode) -> list[Ints]:
        """Return, for each stream, how many further bits each symbol has."""
        return [weight_alphabet(mode)] if kind == SegmentKind.WEIGHTS else [param_alphabet()] * 2

    def bits(self) -> Bits:
        mode = [self.mode >> 1, self.mode & 1] if self.kind == SegmentKind.WEIGHTS else []
        return np.concatenate([np.array(mode, np.uint8), *(code.bits() for code in self.codes)])

    @staticmethod
    def read(kind: SegmentKind, stored: bytes) -> tuple[_Table, int]:
        """Return the table at the start of a segment and the number of its bits."""
        bits, at, mode = np.unpackbits(np.frombuffer(stored[:1024], np.uint8)), 0, SignMode.APART
        if kind == SegmentKind.WEIGHTS and stored:
            mode, at = SignMode(stored[0] >> (8 - _MODE_BITS)), _MODE_BITS
        codes = []
        for further in _Table.alphabets(kind, mode):
            code, at = Code.read(bits, at, len(further))
            codes.append(code)
        return _Table(kind, mode, codes), at

    def cost(self, counts: list[Ints]) -> int:
        """Return the bits of this table and of symbols that occur so often."""
        further = _Table.alphabets(self.kind, self.mode)
        return len(self.bits()) + sum(int((n * (code.lengths + more)).sum())
                                      for n, code, more in zip(counts, self.codes, further, strict=True))

    def encode(self, streams: list[Stream], with_table: bool) -> bytes:
        prefix = self.bits() if with_table else np.zeros(0, np.uint8)
        values, lengths = [prefix.astype(np.uint64)], [np.ones(len(prefix), np.int64)]
        for code, more, (symbols, rest) in zip(self.codes, _Table.alphabets(self.kind, self.mode), streams,
                                               strict=True):
            values.append(code.codes()[symbols] << more[symbols].astype(np.uint64) | rest)
            lengths.append((code.lengths + more)[symbols])
        return pack(np.concatenate(values), np.concatenate(lengths))

    def decode(self, stored: bytes, at: int, size: int) -> bytes:
        streams = []
        limit = size if self.kind == SegmentKind.WEIGHTS else size // PARAM_SIZE
        for code, more in zip(self.codes, _Table.alphabets(self.kind, self.mode), strict=True):
            symbols, rest, at = unpack(stored, at, code, more, limit)
            streams.append((symbols, rest))
        if self.kind == SegmentKind.WEIGHTS:
            return weights_from(streams[0], self.mode, size)
        if size % PARAM_SIZE or {len(symbols) for symbols, _ in streams} != {limit}:
            raise damaged("a segment ends early")
        return params_from(*streams)


class _Segment:
    """One segment on its way: how often its symbols occur in each mode, then the bytes to store."""

    def __init__(self, data: bytes, kind: SegmentKind) -> None:
        self.data, self.kind, self.coded, self.has_table = data, kind, b"", False
        self.counts: dict[SignMode, list[Ints]] = {}
        if kind == SegmentKind.WEIGHTS and 0x80 not in data:
            weights = Weights.of(data)
            self.counts = {mode: [weights.counts(mode)] for mode in SignMode}
        elif kind == SegmentKind.PARAMS and (streams := param_streams(data)):
            self.counts = {SignMode.APART: [np.bincount(symbols, minlength=len(param_alphabet()))
                                            for symbols, _ in streams]}
        if not self.counts:
            self.kind = SegmentKind.RAW

    def store(self, table: _Table, with_table: bool) -> None:
        if self.kind == SegmentKind.WEIGHTS:
            streams = [Weights.of(self.data).stream(table.mode)]
        else:
            streams = list(param_streams(self.data) or ())
        self.coded, self.has_table = table.encode(streams, with_table), with_table


class _Group:
    """Segments of one kind in a row that share a table, the best for them."""

    def __init__(self, segments: list[_Segment]) -> None:
        self.segments = segments
        kind = segments[0].kind
        choices = []
        for mode in segments[0].counts:
            counts = [np.sum(parts, axis=0) for parts in zip(*(s.counts[mode] for s in segments), strict=True)]
            table = _Table(kind, mode, [Code.build(each) for each in counts])
            choices.append((table.cost(counts), mode, table))
        self.bits, _, self.table = min(choices, key=lambda choice: choice[:2])

    def pays(self) -> bool:
        return self.bits < 8 * sum(len(segment.data) for segment in self.segments)

    def store(self) -> None:
        for index, segment in enumerate(self.segments):
            segment.store(self.table, index == 0)


def _parts(data: bytes, kind: SegmentKind) -> Iterator[bytes]:
    size = SEGMENT if kind == SegmentKind.WEIGHTS else len(data)
    return (data[start : start + size] for start in range(0, len(data), size or 1))


def _groups(segments: list[_Segment]) -> list[_Group]:
    """Join neighbours as long as one table for both is no larger than two; make raw what does not pay.

    What is left does not depend on what became raw: coding decoded segments again gives the same bytes.
    """
    groups: list[_Group] = []
    for segment in segments:
        alone = _Group([segment])
        both = _Group([*groups[-1].segments, segment]) if groups else alone
        if groups and both.bits <= groups[-1].bits + alone.bits:
            groups[-1] = both
        else:
            groups.append(alone)
    if all(group.pays() for group in groups):
        return groups
    for group in groups:
        if not group.pays():
            for segment in group.segments:
                segment.kind = SegmentKind.RAW
    return _groups([segment for segment in segments if segment.kind != SegmentKind.RAW])


def _written(segments: list[_Segment]) -> Iterator[bytes]:
    """Yield records and stored bytes; raw neighbours become one segment."""
    raw = bytearray()

    def flushed() -> Iterator[bytes]:
        for start in range(0, len(raw), _SIZE_MASK):
            part = bytes(raw[start : start + _SIZE_MASK])
            yield SegmentRecord(len(part), len(part)).pack() + part
        raw.clear()

    for segment in segments:
        if segment.kind == SegmentKind.RAW:
            raw += segment.data
            continue
        yield from flushed()
        stored = len(segment.coded) | segment.kind << CODING_SIZE_BITS | CODING_TABLE * segment.has_table
        yield SegmentRecord(len(segment.data), stored).pack() + segment.coded
    yield from flushed()
