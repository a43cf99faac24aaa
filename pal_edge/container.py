"""model.pal: read and write the container of driver/spec/container.toml.

`Model` is the whole file as a value: `Model.load(path)`, `Model.from_bytes(data)`, `.save(path)`,
`.to_bytes()`. Every structural error is a ContainerError that names the section.
"""

from __future__ import annotations

import json
import os
import struct
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from . import coding
from .errors import ContainerError, TargetError, VersionError
from .report import Report, report
from .spec import container as spec
from .spec.commands import SIZE as COMMAND_SIZE
from .spec.commands import Command, Opcode
from .spec.container import (
    Encoding,
    HeaderRecord,
    KatRecord,
    LayerRecord,
    SectionRecord,
    SectionType,
    SegmentKind,
    TensorRecord,
)
from .spec.registers import Region
from .spec.targets import TARGETS, Target

Pieces = tuple[tuple[int, SegmentKind], ...]

_HOST_ONLY = (SectionType.TRACE, SectionType.PROVENANCE)
_REQUIRED = (SectionType.TENSORS, SectionType.COMMANDS, SectionType.CONSTANTS, SectionType.STRINGS,
             SectionType.LAYERS)


@dataclass(frozen=True)
class Tensor:
    """One input or output: `shape` as in ONNX, with a dynamic batch as 1; codes lie in `order`."""

    name: str
    region: Region
    shape: tuple[int, ...]
    order: tuple[int, ...]  # axis stored at each physical position, outermost first
    bias: int
    offset: int
    dynamic_batch: bool = False
    indices: bool = False  # elements are u32 indices, not codes

    @property
    def size(self) -> int:
        """Bytes of one sample."""
        result = 4 if self.indices else 1
        for extent in self.shape:
            result *= extent
        return result


@dataclass(frozen=True)
class LayerEntry:
    """One layer: its commands are commands[first_command : first_command + command_count]."""

    name: str
    op: str
    first_command: int
    command_count: int
    macs: int


@dataclass(frozen=True)
class KnownAnswer:
    """The OUTPUT region expected for the pseudo-random INPUT region of `seed`."""

    seed: int
    output: bytes


@dataclass(frozen=True)
class Section:
    """One row of the section table, as `inspect` shows it."""

    name: str
    offset: int
    size: int
    decoded_size: int
    crc: int


@dataclass(frozen=True)
class Model:
    """A compiled model. Sizes are bytes of the regions that a session provides."""

    target: Target
    tensors: tuple[Tensor, ...]
    commands: tuple[Command, ...]
    constants: bytes
    layers: tuple[LayerEntry, ...]
    arena_size: int
    sram_size: int
    input_size: int
    output_size: int
    known_answer: KnownAnswer | None = None
    trace: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    pieces: Pieces = field(default=(), compare=False)  # sizes of `constants` by kind; () is written as it is

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return tuple(t for t in self.tensors if t.region == Region.INPUT)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return tuple(t for t in self.tensors if t.region == Region.OUTPUT)

    @property
    def report(self) -> Report:
        """Size, cost and quality, layer by layer (needs the TRACE section for the layers)."""
        return report(self)

    @cached_property
    def _bytes(self) -> bytes:
        return _write(self)

    def to_bytes(self) -> bytes:
        """Return the file; equal models with equal pieces give equal bytes."""
        return self._bytes

    def sections(self) -> list[Section]:
        return [Section(SectionType(r.type).name, r.offset, r.size, r.decoded_size, r.crc)
                for r in _table(self.to_bytes()) if r.type in set(SectionType)]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file in one step: at `path` is the whole of it or what was there before."""
        target = Path(path)
        handle, temporary = tempfile.mkstemp(dir=target.parent or ".", prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(self.to_bytes())
            os.chmod(temporary, 0o644)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Model:
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise ContainerError(f"{path}: cannot be read: {error.strerror}") from error
        try:
            return Model.from_bytes(data)
        except ContainerError as error:
            raise type(error)(f"{path}: {error}") from error

    @staticmethod
    def from_bytes(data: bytes) -> Model:
        return _read(bytes(data))

    def stripped(self) -> Model:
        """Return the model without its host-only sections."""
        return replace(self, trace={}, provenance={})


def known_answer_input(seed: int, size: int) -> bytes:
    """Return the INPUT region of the known-answer test (xorshift32, see container.toml)."""
    state, out = seed, bytearray(size)
    for i in range(size):
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        out[i] = state >> 24
    return bytes(out)


class _Strings:
    def __init__(self) -> None:
        self.data = bytearray(b"\0")
        self.known = {"": 0}

    def add(self, text: str) -> int:
        if text not in self.known:
            self.known[text] = len(self.data)
            self.data += text.encode() + b"\0"
        return self.known[text]


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _write(model: Model) -> bytes:
    strings = _Strings()
    tensors = b"".join(
        TensorRecord(
            name=strings.add(t.name), region=t.region, rank=len(t.shape), bias=t.bias, offset=t.offset,
            size=t.size, flags=t.dynamic_batch | t.indices << 1,
            shape=t.shape + (0,) * (spec.MAX_RANK - len(t.shape)),
            order=bytes(t.order).ljust(spec.MAX_RANK, b"\0"),
        ).pack()
        for t in model.tensors)
    layers = b"".join(
        LayerRecord(strings.add(e.name), strings.add(e.op), e.first_command, e.command_count,
                    e.macs & 0xFFFFFFFF, e.macs >> 32).pack()
        for e in model.layers)
    payloads: list[tuple[SectionType, bytes]] = [
        (SectionType.TENSORS, tensors),
        (SectionType.COMMANDS, b"".join(c.pack() for c in model.commands)),
        (SectionType.CONSTANTS, model.constants),
        (SectionType.STRINGS, bytes(strings.data)),
        (SectionType.LAYERS, layers),
    ]
    if model.known_answer:
        kat = model.known_answer
        payloads.append((SectionType.KAT, KatRecord(kat.seed, len(kat.output)).pack() + kat.output))
    payloads += [(kind, _json(value)) for kind, value in
                 ((SectionType.TRACE, model.trace), (SectionType.PROVENANCE, model.provenance)) if value]
    return _assemble(model, payloads)


@lru_cache(maxsize=2)  # models that differ only in their traces follow each other
def _coded(constants: bytes, pieces: Pieces) -> bytes:
    parts, offset = [], 0
    for size, kind in pieces:
        parts.append((constants[offset : offset + size], kind))
        offset += size
    if offset != len(constants):
        raise ContainerError(f"pieces of {offset} bytes describe {len(constants)} bytes of constants")
    return coding.encode(parts)


def _encoded(model: Model, kind: SectionType, payload: bytes) -> tuple[int, bytes]:
    """Return the section's encoding and the bytes to store."""
    if kind in _HOST_ONLY:
        return Encoding.ZLIB, zlib.compress(payload, 9)
    if kind == SectionType.CONSTANTS and model.pieces:
        coded = _coded(model.constants, model.pieces)
        if len(coded) < len(payload):
            return Encoding.SEGMENTS, coded
    return Encoding.PLAIN, payload


def _assemble(model: Model, payloads: Sequence[tuple[SectionType, bytes]]) -> bytes:
    offset = HeaderRecord.STRUCT.size + SectionRecord.STRUCT.size * len(payloads)
    table, body = b"", bytearray()
    for kind, payload in payloads:
        gap = -offset % spec.ALIGN
        body += bytes(gap)
        offset += gap
        encoding, packed = _encoded(model, kind, payload)
        record = SectionRecord(kind, encoding, offset, len(packed), len(payload), zlib.crc32(packed))
        table += record.pack()
        body += packed
        offset += len(packed)
    header = HeaderRecord(
        magic=spec.MAGIC, version_major=spec.VERSION_MAJOR, version_minor=spec.VERSION_MINOR,
        file_size=offset, section_count=len(payloads), target=model.target.id,
        arena_size=model.arena_size, sram_size=model.sram_size,
        input_size=model.input_size, output_size=model.output_size)
    header = replace(header, crc=zlib.crc32(header.pack() + table))
    return header.pack() + table + bytes(body)


def _header(data: bytes) -> HeaderRecord:
    if not data.startswith(spec.MAGIC[: len(data)]) or not data:
        raise ContainerError("not a PAL model (wrong magic); `pal-edge convert` makes one from ONNX")
    if len(data) < HeaderRecord.STRUCT.size:
        raise ContainerError(f"truncated: {len(data)} bytes end inside the header")
    header = HeaderRecord.unpack(data)
    if header.version_major > spec.VERSION_MAJOR:
        raise VersionError(
            f"format version {header.version_major}.{header.version_minor} is newer than "
            f"{spec.VERSION_MAJOR}.{spec.VERSION_MINOR}, the newest this package reads; update pal-edge")
    return header


def _table(data: bytes) -> list[SectionRecord]:
    header = _header(data)
    if not 0 < header.section_count <= spec.MAX_SECTIONS:
        raise ContainerError(f"damaged header: {header.section_count} sections")
    start, size = HeaderRecord.STRUCT.size, SectionRecord.STRUCT.size
    end = start + size * header.section_count
    if len(data) < end:
        raise ContainerError(f"truncated: {len(data)} bytes end inside the section table")
    if zlib.crc32(replace(header, crc=0).pack() + data[start:end]) != header.crc:
        raise ContainerError("damaged header: its checksum does not match; copy or convert the file again")
    if len(data) < header.file_size:
        raise ContainerError(f"truncated: {len(data)} of {header.file_size} bytes; copy the file again")
    if len(data) > header.file_size:
        raise ContainerError(f"{len(data) - header.file_size} bytes too many behind the model")
    return [SectionRecord.unpack(data, start + size * i) for i in range(header.section_count)]


def _read(data: bytes) -> Model:
    header, payloads = _header(data), {}
    pieces: Pieces = ()
    for record in _table(data):
        if record.type not in set(SectionType):
            continue
        kind = SectionType(record.type)
        stored = data[record.offset : record.offset + record.size]
        if len(stored) != record.size:
            raise ContainerError(f"section {kind.name} lies outside the file")
        if zlib.crc32(stored) != record.crc:
            raise ContainerError(f"section {kind.name} is damaged: its checksum does not match; "
                                 "copy or convert the file again")
        payloads[kind] = _decode(kind, record, stored)
        if record.encoding == Encoding.SEGMENTS:
            pieces = coding.pieces(stored)
    missing = [kind.name for kind in _REQUIRED if kind not in payloads]
    if missing:
        raise ContainerError(f"section {missing[0]} is missing")
    target = next((t for t in TARGETS.values() if t.id == header.target), None)
    if target is None:
        raise TargetError(f"target id {header.target} is unknown; known: {', '.join(TARGETS)}")
    try:
        return replace(_checked(_parse(header, target, payloads)), pieces=pieces)
    except (ValueError, IndexError, TypeError, struct.error) as error:
        if isinstance(error, ContainerError):
            raise
        raise ContainerError(f"a section does not parse: {error}") from error


def _decode(kind: SectionType, record: SectionRecord, stored: bytes) -> bytes:
    if record.encoding == Encoding.PLAIN:
        return stored
    if record.encoding == Encoding.SEGMENTS and kind == SectionType.CONSTANTS:
        return coding.decode(stored, record.decoded_size)
    if record.encoding == Encoding.ZLIB and kind in _HOST_ONLY:
        try:
            decoder = zlib.decompressobj()
            payload = decoder.decompress(stored, record.decoded_size)
        except zlib.error as error:
            raise ContainerError(f"section {kind.name} does not decompress: {error}") from error
        if len(payload) == record.decoded_size:
            return payload
    raise ContainerError(f"section {kind.name} has an invalid encoding")


def _parse(header: HeaderRecord, target: Target, payloads: dict[SectionType, bytes]) -> Model:
    strings = payloads[SectionType.STRINGS]

    def text(offset: int) -> str:
        return strings[offset : strings.index(b"\0", offset)].decode()

    def records(kind: SectionType, size: int) -> range:
        if len(payloads[kind]) % size:
            raise ContainerError(f"section {kind.name} is not a whole number of records")
        return range(0, len(payloads[kind]), size)

    tensors = []
    for start in records(SectionType.TENSORS, TensorRecord.STRUCT.size):
        t = TensorRecord.unpack(payloads[SectionType.TENSORS], start)
        tensor = Tensor(text(t.name), Region(t.region), t.shape[: t.rank], tuple(t.order[: t.rank]),
                        t.bias, t.offset, bool(t.flags & 1), bool(t.flags & 2))
        if t.rank > spec.MAX_RANK or tensor.size != t.size:
            raise ContainerError(f"tensor {tensor.name!r} has a shape of another size")
        tensors.append(tensor)
    commands = tuple(Command.unpack(payloads[SectionType.COMMANDS], start)
                     for start in records(SectionType.COMMANDS, COMMAND_SIZE))
    layers = []
    for start in records(SectionType.LAYERS, LayerRecord.STRUCT.size):
        e = LayerRecord.unpack(payloads[SectionType.LAYERS], start)
        layers.append(LayerEntry(text(e.name), text(e.op), e.first_command, e.command_count,
                                 e.macs_low | e.macs_high << 32))
    known_answer = None
    if SectionType.KAT in payloads:
        kat = payloads[SectionType.KAT]
        head = KatRecord.unpack(kat)
        known_answer = KnownAnswer(head.seed, kat[KatRecord.STRUCT.size :])
        if len(known_answer.output) != head.output_size:
            raise ContainerError("section KAT has the wrong length")
    return Model(
        target=target, tensors=tuple(tensors), commands=commands,
        constants=payloads[SectionType.CONSTANTS], layers=tuple(layers),
        arena_size=header.arena_size, sram_size=header.sram_size,
        input_size=header.input_size, output_size=header.output_size, known_answer=known_answer,
        trace=json.loads(payloads.get(SectionType.TRACE, b"{}")),
        provenance=json.loads(payloads.get(SectionType.PROVENANCE, b"{}")))


def _checked(model: Model) -> Model:
    """Return the model if its records fit each other; what only a device can harm, the driver checks.

    Raises ContainerError.
    """
    room = {Region.INPUT: model.input_size, Region.OUTPUT: model.output_size}
    for t in model.tensors:
        fits = t.offset + t.size <= room.get(t.region, 0) and sorted(t.order) == list(range(len(t.shape)))
        if not fits or (t.dynamic_batch and t.shape[:1] != (1,)):
            raise ContainerError(f"tensor {t.name!r} does not fit its region")
    for layer in model.layers:
        if layer.first_command + layer.command_count > len(model.commands):
            raise ContainerError(f"layer {layer.name!r} has commands that are not there")
    opcodes, regions = set(Opcode), set(Region)
    for i, c in enumerate(model.commands):
        if c.opcode not in opcodes or not {c.ifm_region, c.ifm2_region, c.ofm_region} <= regions:
            raise ContainerError(f"command {i} has an unknown opcode or region")
        if c.layer >= len(model.layers):
            raise ContainerError(f"command {i} belongs to layer {c.layer}, which is not there")
    if not isinstance(model.trace, dict) or not isinstance(model.provenance, dict):
        raise ContainerError("section TRACE or PROVENANCE is no JSON object")
    return model
