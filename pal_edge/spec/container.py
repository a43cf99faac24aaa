# Generated from driver/spec by `make generate`: container. Do not edit.
"""Layout of model.pal."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class SectionType(IntEnum):
    """What a section of model.pal holds."""

    TENSORS = 1  # array of tensor records: inputs and outputs
    COMMANDS = 2  # array of descriptors, see commands.toml
    CONSTANTS = 3  # the MODEL region: weights, params, tables
    STRINGS = 4  # NUL-terminated UTF-8; offset 0 is the empty string
    LAYERS = 5  # array of layer records
    KAT = 6  # known-answer test: a kat record, then output_size bytes of expected OUTPUT region
    TRACE = 7  # host only: per layer ONNX value name, shape, layout, bias, report figures
    PROVENANCE = 8  # host only: source hash, compiler version, options


class Encoding(IntEnum):
    """How a section is stored."""

    PLAIN = 0  # as it is
    ZLIB = 1  # host-only sections
    SEGMENTS = 2  # CONSTANTS: a row of segments without gaps; docs/weight-coding.md describes them


class SegmentKind(IntEnum):
    """How a segment of coded constants is stored."""

    RAW = 0  # the bytes themselves
    WEIGHTS = 1  # weight codes; none is 0x80
    PARAMS = 2  # i32 n times, then i16 n times


class SignMode(IntEnum):
    """How a coded segment stores signs."""

    APART = 0  # one bit after the symbol of the magnitude
    JOINED = 1  # symbols are magnitudes with signs
    BEFORE = 2  # joined; a sign is 1 if it differs from that of the nonzero byte before
    LANE = 3  # joined; a sign is 1 if it differs from that of the nonzero byte before in the same lane

MAGIC = b'\x89PAL\r\n\x1a\n'
VERSION_MAJOR = 1
VERSION_MINOR = 0
ALIGN = 16
MAX_SECTIONS = 16
MAX_RANK = 8
MAX_COMMANDS = 65535
MAX_LAYERS = 65535
MAX_TENSORS = 64
CODING_RUNS = 16
CODING_LANES = 16
CODING_CLASSES = 32
CODING_SEGMENT = 262144
CODING_MAX_LENGTH = 15
CODING_SIZE_BITS = 28
CODING_TABLE = 2147483648


@dataclass(frozen=True)
class HeaderRecord:
    """One header record, 48 bytes."""

    magic: bytes = bytes(8)
    version_major: int = 0
    version_minor: int = 0
    file_size: int = 0
    section_count: int = 0
    target: int = 0  # target id
    arena_size: int = 0  # bytes of each region that a session provides
    sram_size: int = 0
    input_size: int = 0
    output_size: int = 0
    reserved: int = 0  # 0
    crc: int = 0  # CRC of the header with this field 0, then the section table

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<8sHHIIIIIIIII")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.magic,
            self.version_major,
            self.version_minor,
            self.file_size,
            self.section_count,
            self.target,
            self.arena_size,
            self.sram_size,
            self.input_size,
            self.output_size,
            self.reserved,
            self.crc,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> HeaderRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
            v[4],
            v[5],
            v[6],
            v[7],
            v[8],
            v[9],
            v[10],
            v[11],
        )



@dataclass(frozen=True)
class SectionRecord:
    """One section record, 24 bytes."""

    type: int = 0
    encoding: int = 0
    offset: int = 0
    size: int = 0  # bytes stored
    decoded_size: int = 0
    crc: int = 0  # of the bytes stored

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<IIIIII")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.type,
            self.encoding,
            self.offset,
            self.size,
            self.decoded_size,
            self.crc,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> SectionRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
            v[4],
            v[5],
        )



@dataclass(frozen=True)
class SegmentRecord:
    """One segment record, 8 bytes."""

    decoded_size: int = 0
    stored: int = 0  # bytes stored; kind; whether it has its own table or that of the segment of this kind before

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<II")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.decoded_size,
            self.stored,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> SegmentRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
        )



@dataclass(frozen=True)
class TensorRecord:
    """One tensor record, 60 bytes."""

    name: int = 0  # offset in STRINGS
    region: int = 0  # INPUT or OUTPUT
    rank: int = 0
    bias: int = 0
    offset: int = 0  # in its region
    size: int = 0  # bytes of one sample
    flags: int = 0  # bit 0: axis 0 is a dynamic batch, of which this file computes one sample; bit 1: elements are u32 indices, not codes
    shape: tuple[int, ...] = (0,) * 8  # as in ONNX; a dynamic batch is 1
    order: bytes = bytes(8)  # axis stored at each physical position, outermost first

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<IBBhIII8I8s")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.name,
            self.region,
            self.rank,
            self.bias,
            self.offset,
            self.size,
            self.flags,
            *self.shape,
            self.order,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> TensorRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
            v[4],
            v[5],
            v[6],
            v[7 : 15],
            v[15],
        )



@dataclass(frozen=True)
class LayerRecord:
    """One layer record, 20 bytes."""

    name: int = 0  # offset in STRINGS
    op: int = 0  # offset in STRINGS
    first_command: int = 0
    command_count: int = 0
    macs_low: int = 0
    macs_high: int = 0

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<IIHHII")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.name,
            self.op,
            self.first_command,
            self.command_count,
            self.macs_low,
            self.macs_high,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> LayerRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
            v[4],
            v[5],
        )



@dataclass(frozen=True)
class KatRecord:
    """One kat record, 8 bytes."""

    seed: int = 0  # not 0
    output_size: int = 0

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<II")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.seed,
            self.output_size,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> KatRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
        )
