"""What lowering builds: buffers, placed values, constants and commands still without addresses."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..spec.commands import WINDOW_OPCODES, Command
from ..spec.container import SegmentKind
from ..spec.registers import Region
from .layout import Layout

ALIGN = 16


def aligned(size: int) -> int:
    return -(-size // ALIGN) * ALIGN


@dataclass(eq=False)
class Buffer:
    """Bytes in one region; ARENA and SRAM buffers get their place from `allocate`."""

    name: str
    size: int
    region: Region | None = None
    offset: int = 0


@dataclass(frozen=True)
class Placed:
    """A value in memory: factor i of `layout` walks `strides[i]` bytes of `buffer`, from `offset`."""

    buffer: Buffer
    layout: Layout
    strides: tuple[int, ...]
    bias: int
    offset: int = 0
    element: int = 1  # bytes: 4 for indices

    @staticmethod
    def dense(buffer: Buffer, layout: Layout, bias: int) -> Placed:
        return Placed(buffer, layout, layout.strides(), bias)

    @property
    def is_dense(self) -> bool:
        return self.strides == tuple(self.element * stride for stride in self.layout.strides())

    def seen_as(self, layout: Layout) -> Placed:
        """Return the same bytes under another description whose factors are a regrouping."""
        if not self.is_dense:
            raise ValueError("only dense values can be regrouped")
        return replace(self, layout=layout, strides=layout.strides())


@dataclass(frozen=True)
class Draft:
    """A command whose offsets are relative to its buffers."""

    command: Command
    ifm: Buffer
    ofm: Buffer
    ifm2: Buffer | None = None

    def resolved(self) -> Command:
        if self.ifm.region is None or self.ofm.region is None:
            raise RuntimeError(f"buffer {self.ifm.name} or {self.ofm.name} has no place")
        command = replace(
            self.command,
            ifm_region=self.ifm.region, ifm_offset=self.command.ifm_offset + self.ifm.offset,
            ofm_region=self.ofm.region, ofm_offset=self.command.ofm_offset + self.ofm.offset)
        if self.ifm2 is None:
            return command
        if self.ifm2.region is None:
            raise RuntimeError(f"buffer {self.ifm2.name} has no place")
        second = "weights" if command.opcode in WINDOW_OPCODES else "ifm2_offset"
        return replace(command, ifm2_region=self.ifm2.region,
                       **{second: getattr(command, second) + self.ifm2.offset})


@dataclass
class LoweredLayer:
    """One layer with commands: what the reports and the tracer need to know of it."""

    name: str
    op: str
    sources: tuple[str, ...]
    value: str
    placed: Placed
    first_command: int
    command_count: int
    macs: int
    weight_bytes: int


class Constants:
    """The MODEL region under construction; equal pieces are stored once."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._known: dict[tuple[bytes, int], int] = {}
        self.pieces: list[tuple[int, SegmentKind]] = []  # sizes and kinds, for the coding of the file

    def add(self, data: bytes | NDArray[np.generic], align: int = 1,
            kind: SegmentKind = SegmentKind.RAW) -> int:
        """Return the offset of `data`; `kind` says how it codes well."""
        raw = data if isinstance(data, bytes) else data.tobytes()
        key = (raw, align)
        if key not in self._known:
            gap = -len(self._data) % align
            if gap:
                self._data += bytes(gap)
                if self.pieces[-1][1] == SegmentKind.WEIGHTS:  # zeros are codes too
                    self.pieces[-1] = (self.pieces[-1][0] + gap, SegmentKind.WEIGHTS)
                else:
                    self.pieces.append((gap, SegmentKind.RAW))
            self._known[key] = len(self._data)
            self._data += raw
            self.pieces.append((len(raw), kind))
        return self._known[key]

    def to_bytes(self) -> bytes:
        return bytes(self._data)


@dataclass
class Program:
    """The lowered model."""

    drafts: list[Draft] = field(default_factory=list)
    layers: list[LoweredLayer] = field(default_factory=list)
    constants: Constants = field(default_factory=Constants)
    inputs: dict[str, Placed] = field(default_factory=dict)
    outputs: dict[str, Placed] = field(default_factory=dict)
