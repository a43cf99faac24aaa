"""The container survives a round trip and refuses everything else by name."""

from __future__ import annotations

import os
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pal_edge.container import KnownAnswer, LayerEntry, Model, Tensor, known_answer_input
from pal_edge.errors import ContainerError, TargetError, VersionError
from pal_edge.spec.commands import Command, Opcode
from pal_edge.spec.container import HeaderRecord, SectionRecord, SegmentKind
from pal_edge.spec.registers import Region
from pal_edge.spec.targets import TARGETS


@pytest.fixture
def model() -> Model:
    copy = Command(opcode=Opcode.MAP, ifm_region=Region.INPUT, ofm_region=Region.OUTPUT, ifm_h=1, ifm_w=1,
                   ifm_c=6, ofm_h=1, ofm_w=1, ofm_c=6, act_min=-127, act_max=127)
    return Model(
        target=TARGETS["pal-e128"], commands=(copy,), constants=b"\x01\x02\x03",
        tensors=(Tensor("in", Region.INPUT, (1, 2, 3), (0, 2, 1), -7, 0, True),
                 Tensor("out", Region.OUTPUT, (1, 2, 3), (0, 2, 1), -7, 0, True)),
        layers=(LayerEntry("größe", "Copy", 0, 1, 5_000_000_000),), arena_size=0, sram_size=0, input_size=6,
        output_size=6, known_answer=KnownAnswer(3, bytes(6)), trace={"layers": []}, provenance={"source": "x"})


def resealed(data: bytearray) -> bytes:
    """Recompute the header checksum after an edit."""
    header = HeaderRecord.unpack(bytes(data))
    table = bytes(data[HeaderRecord.STRUCT.size :][: SectionRecord.STRUCT.size * header.section_count])
    crc = zlib.crc32(replace(header, crc=0).pack() + table)
    data[: HeaderRecord.STRUCT.size] = replace(header, crc=crc).pack()
    return bytes(data)


def test_round_trip(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "m.pal"
    model.save(path)
    assert Model.load(path) == model
    assert Model.load(path).to_bytes() == path.read_bytes()
    assert os.listdir(tmp_path) == ["m.pal"]


def coded(model: Model) -> Model:
    """The same with 1,003 bytes of constants, most of them weights."""
    weights = (np.random.default_rng(0).normal(90, 9, 1000).astype(np.uint8) % 128).tobytes()
    pieces = ((3, SegmentKind.RAW), (1000, SegmentKind.WEIGHTS))
    return replace(model, constants=b"\x01\x02\x03" + weights, pieces=pieces)


def test_coded_weights_come_back_and_take_less(model: Model) -> None:
    plain = replace(coded(model), pieces=())
    data = coded(model).to_bytes()
    assert len(data) < len(plain.to_bytes()) - 200
    again = Model.from_bytes(data)
    assert again == plain and again.constants == plain.constants and again.pieces == coded(model).pieces
    assert again.to_bytes() == data
    assert replace(again, trace={}).stripped().to_bytes() == coded(model).stripped().to_bytes()


def test_pieces_must_describe_all_constants(model: Model) -> None:
    with pytest.raises(ContainerError, match="describe 1003 bytes"):
        replace(coded(model), pieces=((3, SegmentKind.RAW),)).to_bytes()


def test_coding_that_does_not_pay_is_not_used(model: Model) -> None:
    small = replace(model, pieces=((3, SegmentKind.WEIGHTS),))
    assert small.to_bytes() == model.to_bytes()


def test_damaged_coded_weights_are_refused(model: Model) -> None:
    data = bytearray(coded(model).to_bytes())
    at = HeaderRecord.STRUCT.size + 2 * SectionRecord.STRUCT.size
    section = SectionRecord.unpack(bytes(data), at)
    data[section.offset + 7] ^= 0x70  # another kind of segment
    stored = bytes(data[section.offset : section.offset + section.size])
    data[at : at + SectionRecord.STRUCT.size] = replace(section, crc=zlib.crc32(stored)).pack()
    with pytest.raises(ContainerError, match="CONSTANTS does not decode"):
        Model.from_bytes(resealed(data))


def test_every_truncation_is_refused(model: Model) -> None:
    data = model.to_bytes()
    for length in range(len(data)):
        with pytest.raises(ContainerError):
            Model.from_bytes(data[:length])


def test_every_flipped_bit_is_refused_or_lies_in_padding(model: Model) -> None:
    data = model.to_bytes()
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            assert Model.from_bytes(bytes(damaged)) == model  # a gap between sections
        except ContainerError:
            pass


def test_newer_version_is_named(model: Model) -> None:
    data = bytearray(model.to_bytes())
    data[8] = 2
    with pytest.raises(VersionError, match=r"2\.0 is newer than 1\.0"):
        Model.from_bytes(resealed(data))


def test_unknown_target_is_named(model: Model) -> None:
    data = bytearray(model.to_bytes())
    data[20] = 99
    with pytest.raises(TargetError, match="99 is unknown; known: pal-e32"):
        Model.from_bytes(resealed(data))


def test_not_a_model(tmp_path: Path) -> None:
    path = tmp_path / "text.pal"
    path.write_text("hello")
    with pytest.raises(ContainerError, match="text.pal: not a PAL model"):
        Model.load(path)
    with pytest.raises(ContainerError, match="No such file"):
        Model.load(tmp_path / "absent.pal")


def test_failed_save_leaves_the_old_file(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "dir.pal"
    path.mkdir()
    with pytest.raises(OSError):
        model.save(path)
    assert os.listdir(tmp_path) == ["dir.pal"]


def test_known_answer_input_is_the_documented_generator() -> None:
    state, expected = 5, []
    for _ in range(4):
        state = (state ^ state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state = (state ^ state << 5) & 0xFFFFFFFF
        expected.append(state >> 24)
    assert list(known_answer_input(5, 4)) == expected
