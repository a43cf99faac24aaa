"""What a board tells about itself, as Python sees it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ..spec.link import (
    CrashRecord,
    IdentityRecord,
    Mode,
    ModelRecord,
    ResetReason,
    SlotRecord,
    SlotState,
)

PANIC, WATCHDOG = 0x101, 0x100
_REGISTERS = ("r0", "r1", "r2", "r3", "r12", "lr", "pc", "psr")


@dataclass(frozen=True)
class Identity:
    """What board this is and what runs on it; sizes in bytes."""

    mode: Mode
    slot: int  # that runs, 255 in recovery
    reset_reason: ResetReason
    crashed: bool  # a crash record waits
    board_id: int
    board: str
    serial: str
    version: str
    security_counter: int
    engine_abi: int  # 0: no engine was found
    target: int
    clock_hz: int
    slot_size: int
    store_size: int
    memory_size: int
    memory_free: int  # largest free piece
    uptime_ms: int

    @classmethod
    def parse(cls, data: bytes) -> Identity:
        r = IdentityRecord.unpack(data)
        return cls(Mode(r.mode), r.slot, ResetReason(r.reset_reason), bool(r.crashed), r.board_id, text(r.board),
                   text(r.serial), version_text(r.version), r.security_counter, r.engine_abi, r.target, r.clock_hz,
                   r.slot_size, r.store_size, r.memory_size, r.memory_free, r.uptime_ms)

    @property
    def summary(self) -> str:
        """What runs, in a few words."""
        if self.mode == Mode.BOOTLOADER:
            return f"bootloader {self.version} on {self.board}, waiting for firmware"
        return f"firmware {self.version} in slot {self.slot} of {self.board}"


@dataclass(frozen=True)
class Slot:
    """One firmware slot; `digest` is the SHA-256 that imgtool shows, `version` "" where there is no image."""

    state: SlotState
    running: bool
    size: int
    version: str
    security_counter: int
    digest: bytes

    @classmethod
    def parse(cls, data: bytes) -> Slot:
        r = SlotRecord.unpack(data)
        return cls(SlotState(r.state), bool(r.running), r.size, version_text(r.version) if r.size else "",
                   r.security_counter, r.digest)


@dataclass(frozen=True)
class StoredModel:
    """A model in the board's store; `digest` is the SHA-256 of its file."""

    name: str
    size: int
    target: int
    label: str
    digest: bytes

    @classmethod
    def parse(cls, data: bytes) -> StoredModel:
        r = ModelRecord.unpack(data)
        return cls(text(r.name), r.size, r.target, text(r.label), r.digest)


@dataclass(frozen=True)
class StoreRoom:
    """Bytes of the store, and the largest model that fits."""

    size: int
    free: int
    largest: int
    models: int


@dataclass(frozen=True)
class Crash:
    """The record of the last crash."""

    reason: int
    registers: tuple[int, ...]
    fault: tuple[int, ...]
    uptime_ms: int
    version: str
    text: str

    @classmethod
    def parse(cls, data: bytes) -> Crash:
        r = CrashRecord.unpack(data)
        return cls(r.reason, r.registers, r.fault, r.uptime_ms, version_text(r.version), text(r.text))

    def __str__(self) -> str:
        cause = {WATCHDOG: "the watchdog bit", PANIC: "panic"}.get(self.reason, f"exception {self.reason}")
        registers = " ".join(f"{name}={value:08x}" for name, value in zip(_REGISTERS, self.registers, strict=True))
        fault = " ".join(f"{value:08x}" for value in self.fault)
        return (f"crash of firmware {self.version} after {self.uptime_ms / 1000:.3f} s: {cause}: {self.text}; "
                f"{registers}; fault {fault}")


@dataclass(frozen=True)
class LogEntry:
    """`size` bytes of the log from `position` on."""

    position: int
    size: int
    text: str


def text(padded: bytes) -> str:
    """Return the text of a zero-padded field."""
    return padded.rstrip(b"\0").decode(errors="replace")


def version_text(raw: bytes) -> str:
    """Return an image's version as imgtool writes it."""
    major, minor, revision, build = struct.unpack("<BBHI", raw)
    return f"{major}.{minor}.{revision}" + (f"+{build}" if build else "")
