"""Coding loses nothing, makes weights smaller, and refuses what is no stream; the driver decodes the same."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pal_edge import coding
from pal_edge.coding.huffman import Code
from pal_edge.errors import ContainerError
from pal_edge.runtime.native import ffi, lib
from pal_edge.spec.container import CODING_MAX_LENGTH, CODING_SEGMENT, SegmentKind, SegmentRecord, SignMode
from pal_edge.spec.status import Status
from tests.driver import coding_stream

WEIGHTS, PARAMS, RAW = SegmentKind.WEIGHTS, SegmentKind.PARAMS, SegmentKind.RAW
Piece = tuple[bytes, SegmentKind]


def by_driver(stream: bytes, size: int, step: int = 1000) -> bytes | None:
    """Return what the driver decodes, `step` bytes at a time, None if it refuses."""
    state, out = ffi.new("struct pal_coding *"), bytearray(size)
    source = ffi.from_buffer(stream)
    lib.pal_coding_init(state, source, len(stream))
    for start in range(0, size, step):
        part = ffi.from_buffer(memoryview(out)[start : start + step])
        status = lib.pal_coding_read(state, part, len(part))
        if status:
            assert status == Status.ERR_FORMAT
            return None
    return bytes(out) if lib.pal_coding_end(state) == 0 else None


def by_python(stream: bytes, size: int) -> bytes | None:
    try:
        return coding.decode(stream, size)
    except ContainerError:
        return None


def round_trip(pieces: Sequence[Piece]) -> bytes:
    data, stream = b"".join(part for part, _ in pieces), coding.encode(pieces)
    assert coding.decode(stream, len(data)) == data
    assert by_driver(stream, len(data)) == data
    parts, offset = [], 0
    for size, kind in coding.pieces(stream):
        parts.append((data[offset : offset + size], kind))
        offset += size
    assert coding.encode(parts) == stream
    return stream


def tables(stream: bytes) -> list[coding._Table]:
    return [coding._Table.read(kind, stored)[0] for _, kind, has_table, stored in coding._records(stream) if has_table]


def normal_weights(count: int) -> NDArray[np.uint8]:
    return coding_stream.weights(np.random.default_rng(count), count)


def entropy(codes: NDArray[np.uint8]) -> float:
    """Bits of all magnitudes and signs, by their frequencies."""
    counts = np.bincount(codes & 0x7F)
    counts = counts[counts > 0]
    return float(-(counts * np.log2(counts / len(codes))).sum()) + int((codes > 0).sum())


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.one_of(
    st.binary(max_size=80),
    st.lists(st.sampled_from([0, 0, 0, 1, 127, 0x81, 0xFF]), max_size=400).map(bytes),
    st.tuples(st.binary(min_size=1, max_size=40), st.integers(1, 60)).map(lambda v: v[0] * v[1])),
    st.sampled_from(SegmentKind)), max_size=6))
def test_any_pieces_come_back(pieces: list[Piece]) -> None:
    round_trip(pieces)


@pytest.mark.parametrize("zeros", [0, 0.1, 0.9, 1])
@pytest.mark.parametrize("count", [1, 15, 16, 17, 576, 4099])
def test_weights_come_back(count: int, zeros: float) -> None:
    codes = normal_weights(count)
    codes[np.random.default_rng(0).random(count) < zeros] = 0
    round_trip([(codes.tobytes(), WEIGHTS)])


def test_many_weights_come_in_several_segments() -> None:
    codes = normal_weights(2 * CODING_SEGMENT + 77)
    codes[5::16] = 0
    stream = round_trip([(codes.tobytes(), WEIGHTS)])
    assert coding.pieces(stream) == ((CODING_SEGMENT, WEIGHTS), (CODING_SEGMENT, WEIGHTS), (77, WEIGHTS))


def test_size_is_close_to_the_entropy() -> None:
    codes = normal_weights(20000)
    size = len(coding.encode([(codes.tobytes(), WEIGHTS)]))
    assert entropy(codes) / 8 < size < 1.006 * entropy(codes) / 8 + 80


def test_signs_that_follow_their_neighbours_cost_little() -> None:
    signs = np.random.default_rng(0).random(20000) < 0.5
    apart = normal_weights(20000) & 0x7F
    best = len(coding.encode([(apart.tobytes(), WEIGHTS)]))
    for pattern in (np.repeat(signs[:10], 2000), np.tile(signs[:16], 1250)):
        stream = round_trip([((apart | pattern * np.uint8(0x80)).tobytes(), WEIGHTS)])
        assert len(stream) < best + 100


def test_a_dead_channel_costs_nothing() -> None:
    codes = normal_weights(16 * 900)
    alive = len(coding.encode([(codes.reshape(-1, 16)[:, :9].tobytes(), WEIGHTS)]))
    codes.reshape(-1, 16)[:, 9:] = 0
    assert len(coding.encode([(codes.tobytes(), WEIGHTS)])) < alive + 60


def test_params_shrink() -> None:
    data = coding_stream.params(np.random.default_rng(0), 500)
    assert len(round_trip([(data, PARAMS)])) < 0.65 * len(data)


def test_small_layers_share_a_table() -> None:
    pieces = [(normal_weights(600 + i).tobytes(), WEIGHTS) for i in range(8)]
    pieces[3:3] = [(b"between", RAW)]
    assert len(tables(round_trip(pieces))) == 1


@pytest.mark.parametrize("piece", [
    (bytes(range(256)) * 2, WEIGHTS), (b"\x80" + bytes(500), WEIGHTS), (bytes(601), PARAMS),
    (struct.pack("<30i30h", -(2**31), *[0] * 59), PARAMS), (bytes(range(1, 128)), WEIGHTS), (b"", WEIGHTS)])
def test_what_does_not_code_is_stored_as_it_is(piece: Piece) -> None:
    stream = round_trip([piece])
    assert len(stream) == bool(piece[0]) * SegmentRecord.STRUCT.size + len(piece[0])


def test_pieces_that_do_not_code_join_their_raw_neighbours() -> None:
    noise = np.random.default_rng(0).integers(0, 256, 900).astype(np.uint8).tobytes()
    assert coding.pieces(round_trip([(b"a", RAW), (noise, WEIGHTS), (b"b", RAW)])) == ((902, RAW),)


def test_codes_are_no_longer_than_the_limit_and_complete() -> None:
    for counts in (2 ** np.arange(40), np.arange(300), np.array([7]), np.array([0, 0, 3, 1])):
        code = Code.build(counts)
        assert (code.lengths > 0).tolist() == (counts > 0).tolist()
        assert code.lengths.max() <= CODING_MAX_LENGTH
        if np.count_nonzero(counts) > 1:
            assert (0.5 ** code.lengths[code.lengths > 0]).sum() == 1
            assert Code.read(code.bits(), 0, len(counts))[0].lengths.tolist() == code.lengths.tolist()


def test_the_stream_of_the_c_tests_is_fresh_and_has_everything() -> None:
    stream, data = coding_stream.stream(), coding_stream.decoded()
    assert coding_stream.PATH.read_bytes() == struct.pack("<I", len(data)) + data + stream
    assert all((coding_stream.CORPUS / name).read_bytes() == seed for name, seed in coding_stream.seeds().items())
    assert round_trip(coding_stream.pieces()) == stream
    found = tables(stream)
    assert {table.mode for table in found} == set(SignMode)
    assert max(code.lengths.max() for table in found for code in table.codes) == CODING_MAX_LENGTH
    records = list(coding._records(stream))
    assert {(kind, has_table) for _, kind, has_table, _ in records} == {
        (RAW, False), (WEIGHTS, True), (WEIGHTS, False), (PARAMS, True), (PARAMS, False)}


@pytest.mark.parametrize("step", [1, 7, 256, 100000])
def test_the_driver_decodes_in_pieces_of_any_size(step: int) -> None:
    data = coding_stream.decoded()
    assert by_driver(coding_stream.stream(), len(data), step) == data


def test_every_truncation_is_refused() -> None:
    pieces = [(normal_weights(40).tobytes() * 5, WEIGHTS), (coding_stream.params(np.random.default_rng(0), 20), PARAMS)]
    stream, size = coding.encode(pieces), sum(len(data) for data, _ in pieces)
    for length in range(len(stream)):
        assert by_python(stream[:length], size) is None
        assert by_driver(stream[:length], size) is None


@pytest.mark.parametrize("wrong", [-1, 1])
def test_another_size_than_announced_is_refused(wrong: int) -> None:
    size = len(coding_stream.decoded()) + wrong
    assert by_python(coding_stream.stream(), size) is None
    assert by_driver(coding_stream.stream(), size) is None


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_damage_ends_alike_in_python_and_in_the_driver(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pieces = [(coding_stream.weights(rng, 300, 3).tobytes(), WEIGHTS), (coding_stream.params(rng, 30), PARAMS),
              (bytes(200) + normal_weights(200).tobytes(), WEIGHTS)]
    stream, size = bytearray(coding.encode(pieces)), sum(len(data) for data, _ in pieces)
    for position in rng.integers(0, len(stream), rng.integers(1, 4)):
        stream[position] ^= 1 << rng.integers(8)
    assert by_python(bytes(stream), size) == by_driver(bytes(stream), size)


@pytest.mark.parametrize(("record", "stored"), [
    (SegmentRecord(4, 3), b"abc"), (SegmentRecord(3, 3 | 0x80000000), b"abc"), (SegmentRecord(3, 3 | 3 << 28), b"abc"),
    (SegmentRecord(3, 3 | WEIGHTS << 28), b"abc"), (SegmentRecord(3, 1 << 27), b"abc"),
    (SegmentRecord(CODING_SEGMENT + 1, 8 | WEIGHTS << 28 | 0x80000000), bytes(8)),
    (SegmentRecord(6, 0 | PARAMS << 28 | 0x80000000), b"")])
def test_bad_segments_are_refused_in_one_line(record: SegmentRecord, stored: bytes) -> None:
    with pytest.raises(ContainerError, match="^section CONSTANTS does not decode: [^\n]*$"):
        coding.decode(record.pack() + stored, record.decoded_size)
    assert by_driver(record.pack() + stored, record.decoded_size) is None
