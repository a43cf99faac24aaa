"""Digests as the specification words them, copies that are true, sectors that decode to what they were."""

from __future__ import annotations

import random

import lz4.block
import numpy as np
import pytest

from pal_edge.board import delta
from pal_edge.board.delta import Copy, block_digests, find_copies, parse_digests
from pal_edge.board.segments import cut, encode_sector
from pal_edge.spec.link import MESSAGE_MAX, SECTOR, MessageRecord, SegmentKind, SegmentRecord, WriteRecord
from tests.board.fake import digest

BLOCK = 64


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def source_digests(data: bytes, block: int = BLOCK) -> np.ndarray:
    return block_digests(data[: len(data) // block * block], block)


@pytest.mark.parametrize("block", [16, 512, 4096])
def test_digests_of_blocks_are_those_of_the_specification(block: int) -> None:
    data = noise(3 * block)
    wanted = b"".join(digest(data[i : i + block]) for i in range(0, len(data), block))
    np.testing.assert_array_equal(block_digests(data, block), parse_digests(wanted))


def test_every_byte_of_a_block_reaches_its_digest() -> None:
    block = bytearray(noise(512))
    seen = {digest(bytes(block))}
    for at in range(512):
        for bit in range(8):
            block[at] ^= 1 << bit
            seen.add(digest(bytes(block)))
            block[at] ^= 1 << bit
    assert len(seen) == 1 + 512 * 8


def test_digests_of_windows_are_those_of_blocks() -> None:
    data = noise(1000)
    np.testing.assert_array_equal(
        delta._window_digests(data, BLOCK),
        [int.from_bytes(digest(data[i : i + BLOCK]), "big") for i in range(1000 - BLOCK + 1)])


@pytest.mark.parametrize("span", [100, 1 << 18])
def test_copies_are_true_and_in_order(monkeypatch, span: int) -> None:
    monkeypatch.setattr(delta, "_SPAN", span)
    generator = random.Random(span)
    old = noise(5000) + bytes(1000) + noise(2000, 1)
    for _ in range(30):
        pieces = []
        for _ in range(generator.randrange(1, 8)):
            start = generator.randrange(len(old))
            pieces.append(old[start : start + generator.randrange(2000)])
            pieces.append(generator.randbytes(generator.randrange(50)))
        new = b"".join(pieces)
        copies = find_copies(new, source_digests(old), BLOCK)
        at = 0
        for copy in copies:
            assert at <= copy.start and copy.source + copy.length <= len(old)
            assert new[copy.start : copy.start + copy.length] == old[copy.source : copy.source + copy.length]
            at = copy.start + copy.length
        assert at <= len(new)


def test_a_shifted_copy_is_found_whole(monkeypatch) -> None:
    monkeypatch.setattr(delta, "_SPAN", 1000)  # found across the spans' bounds
    old = noise(50 * BLOCK)
    new = b"abc" + old + b"def"
    assert find_copies(new, source_digests(old), BLOCK) == [Copy(3, len(old), 0)]


def test_nothing_is_found_where_nothing_is() -> None:
    assert find_copies(noise(5000), source_digests(noise(5000, 1)), BLOCK) == []
    assert find_copies(noise(5000), source_digests(b""), BLOCK) == []
    assert find_copies(b"short", source_digests(noise(500)), BLOCK) == []


def decoded(body: bytes, source: bytes) -> tuple[int, bytes]:
    """Return offset and content of an encoded sector."""
    write = WriteRecord.unpack(body)
    at, out = WriteRecord.STRUCT.size, b""
    for _ in range(write.count):
        segment = SegmentRecord.unpack(body, at)
        at += SegmentRecord.STRUCT.size
        stored = body[at : at + segment.stored]
        at += segment.stored
        if segment.kind == SegmentKind.COPY:
            stored = source[segment.source : segment.source + segment.length]
        elif segment.kind == SegmentKind.FILL:
            stored = b"\xff" * segment.length
        elif segment.kind == SegmentKind.LZ4:
            stored = lz4.block.decompress(stored, uncompressed_size=segment.length)
        assert len(stored) == segment.length > 0
        out += stored
    assert at == len(body)
    return write.offset, out


@pytest.mark.parametrize("seed", range(40))
def test_a_sector_decodes_to_what_it_was(seed: int) -> None:
    generator = random.Random(seed)
    source, data, copies = noise(20_000, seed), bytearray(), []
    while len(data) < SECTOR:
        length = min(generator.choice((1, 5, 30, 300, 3000)), SECTOR - len(data))
        kind = generator.randrange(4)
        if kind == 0:
            start = generator.randrange(len(source) - length)
            copies.append(Copy(len(data), length, start))
            data += source[start : start + length]
        else:
            data += [generator.randbytes(length), b"\xff" * length, b"a" * length][kind - 1]
    sector = encode_sector(seed * SECTOR, bytes(data), copies)
    assert decoded(sector.body, source) == (seed * SECTOR, bytes(data))
    assert MessageRecord.STRUCT.size + len(sector.body) <= MESSAGE_MAX
    assert sector.copied <= sum(copy.length for copy in copies)


@pytest.mark.parametrize(("data", "most"), [(b"\xff" * SECTOR, 20), (noise(100) + b"\xff" * (SECTOR - 100), 140),
                                            (b"ab" * (SECTOR // 2), 60), (noise(SECTOR), SECTOR + 20)])
def test_a_sector_takes_few_bytes(data: bytes, most: int) -> None:
    assert len(encode_sector(0, data, ()).body) <= most


def test_copies_are_cut_at_sectors() -> None:
    copies = [Copy(100, 10_000, 7), Copy(12_000, 100_000, 50)]
    found = cut(copies, 5 * SECTOR)
    assert sorted(found) == [0, 1, 2, 3, 4]
    assert found[0] == [Copy(100, SECTOR - 100, 7)]
    assert found[2] == [Copy(0, 10_100 - 2 * SECTOR, 7 + 2 * SECTOR - 100), Copy(12_000 - 2 * SECTOR, 288, 50)]
