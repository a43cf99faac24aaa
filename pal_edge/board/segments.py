"""The body of a WRITE request: one sector in as few bytes as we find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import lz4.block

from ..spec.link import SECTOR, SegmentKind, SegmentRecord, WriteRecord
from .delta import Copy

_SHORTEST = 2 * SegmentRecord.STRUCT.size  # shorter pieces cost more than they save


class Sector(NamedTuple):
    """An encoded sector: the request's body, and how many of its bytes the board copies from its own flash."""

    body: bytes
    copied: int


def encode_sector(offset: int, data: bytes, copies: Sequence[Copy]) -> Sector:
    """Encode the sector at `offset`.

    Args:
        data: SECTOR bytes.
        copies: parts of it that the source has, in order, `start` counted in the sector.
    """
    plain = _encode(offset, data, ())
    return min(plain, _encode(offset, data, copies), key=lambda each: len(each.body)) if copies else plain


def _encode(offset: int, data: bytes, copies: Sequence[Copy]) -> Sector:
    parts: list[tuple[SegmentRecord, bytes]] = []
    at = copied = 0
    for copy in [each for each in copies if each.length >= _SHORTEST]:
        parts += _literal(data[at : copy.start])
        parts.append((SegmentRecord(SegmentKind.COPY, 0, copy.length, 0, copy.source), b""))
        at = copy.start + copy.length
        copied += copy.length
    parts += _literal(data[at:])
    body = b"".join(record.pack() + stored for record, stored in parts)
    return Sector(WriteRecord(offset, len(parts)).pack() + body, copied)


def _literal(data: bytes) -> Iterator[tuple[SegmentRecord, bytes]]:
    """Yield segments for bytes that only the host has: erased ones at the end need none of them."""
    used = data.rstrip(b"\xff")
    if len(data) - len(used) < _SHORTEST and used:
        used = data
    if used:
        packed = lz4.block.compress(used, mode="high_compression", compression=12, store_size=False)
        kind, stored = (SegmentKind.LZ4, packed) if len(packed) < len(used) else (SegmentKind.RAW, used)
        yield SegmentRecord(kind, 0, len(used), len(stored), 0), stored
    if len(used) < len(data):
        yield SegmentRecord(SegmentKind.FILL, 0, len(data) - len(used), 0, 0), b""


def cut(copies: Sequence[Copy], size: int) -> dict[int, list[Copy]]:
    """Return the copies by sector number, cut at the sectors' bounds, `start` counted in the sector."""
    found: dict[int, list[Copy]] = {}
    for copy in copies:
        at = copy.start
        while at < min(copy.start + copy.length, size):
            sector, start = divmod(at, SECTOR)
            length = min(SECTOR - start, copy.start + copy.length - at)
            found.setdefault(sector, []).append(Copy(start, length, copy.source + at - copy.start))
            at += length
    return found
