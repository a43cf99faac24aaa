"""A model.pal whose checksums are right and whose records are not is refused, or harmless."""

from __future__ import annotations

import random
import struct
import zlib

import pytest

from pal_edge.spec.container import HeaderRecord, SectionRecord

HEADER, ROW = HeaderRecord.STRUCT.size, SectionRecord.STRUCT.size


def sections(data: bytes) -> list[SectionRecord]:
    count = HeaderRecord.unpack(data).section_count
    return [SectionRecord.unpack(data, HEADER + ROW * i) for i in range(count)]


def damaged(good: bytes, seed: int) -> bytes:
    """Return the file with a few bytes changed and all checksums made to match."""
    rng, data, table = random.Random(seed), bytearray(good), sections(good)
    for _ in range(rng.choice((1, 1, 2, 4))):
        where = rng.choice(table)
        data[where.offset + rng.randrange(where.size)] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    for i, row in enumerate(table):
        stored = bytes(data[row.offset : row.offset + row.size])
        struct.pack_into("<I", data, HEADER + ROW * i + ROW - 4, zlib.crc32(stored))
    struct.pack_into("<I", data, HEADER - 4, 0)
    struct.pack_into("<I", data, HEADER - 4, zlib.crc32(bytes(data[: HEADER + ROW * len(table)])))
    return bytes(data)


@pytest.mark.parametrize("line", ["inspect bad.pal --commands", "run bad.pal --input data.npy",
                                  "verify bad.pal --onnx net.onnx --data data.npy --samples 1"])
def test_no_damage_is_a_defect(pal, workspace, line):
    good = (workspace / "net.pal").read_bytes()
    codes = set()
    for seed in range(150):
        (workspace / "bad.pal").write_bytes(damaged(good, seed))
        done = pal(line)
        codes.add(done.code)
        assert done.code in {0, 1, 2}, (seed, done.err)
        assert done.code != 2 or (done.out == "" and done.err.count("\n") == 1), (seed, done)
    assert {0, 2} <= codes
