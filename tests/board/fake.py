"""A board's side of the requests, in Python: identity, log, store, transfers. Written against driver/spec/link.toml."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace

import lz4.block

from pal_edge.spec.link import (
    DIGEST_BYTES,
    DIGEST_FACTOR,
    NAME_BYTES,
    SECTOR,
    BeginRecord,
    ClearRecord,
    Command,
    CrashRecord,
    DigestsRecord,
    FetchRecord,
    IdentityRecord,
    LogRecord,
    Mode,
    ModelRecord,
    NamedRecord,
    SegmentKind,
    SegmentRecord,
    SlotRecord,
    SlotState,
    StoreRecord,
    TransferArea,
    TransferKind,
    TransferRecord,
    WriteRecord,
)
from pal_edge.spec.status import Status
from pal_edge.spec.targets import TARGETS

BOARD_ID = 0x31564C50
SLOT_SIZE = 64 * SECTOR
Answer = tuple[int, bytes]


def digest(block: bytes) -> bytes:
    """The digest of one block, as the specification words it."""
    h = 0
    for byte in block:
        h = (h + byte + 1) * DIGEST_FACTOR % (1 << 64)
    return h.to_bytes(8, "big")[:DIGEST_BYTES]


class FakeBoard:
    """State of a board; call it with a command and a body. `power_cut` is asked at every WRITE."""

    def __init__(self) -> None:
        self.identity = IdentityRecord(
            mode=Mode.APPLICATION, slot=0, board_id=BOARD_ID, board=b"fake", serial=b"F0001",
            version=bytes([1, 2, 3, 0, 4, 0, 0, 0]), security_counter=5, engine_abi=0x10000,
            target=TARGETS["pal-e32"].id, clock_hz=48_000_000, slot_size=SLOT_SIZE, store_size=256 * SECTOR,
            memory_size=1 << 20, memory_free=1 << 20)
        self.started = time.monotonic() - 1
        self.slots = [bytearray(b"\xff" * SLOT_SIZE) for _ in range(2)]
        self.models: dict[bytes, tuple[bytes, BeginRecord]] = {}
        self.room = 200 * SECTOR
        self.area = bytearray(b"\xff" * 256 * SECTOR)  # where models arrive
        self.log = b"first line\nsecond line\n"
        self.crash: CrashRecord | None = None
        self.pending = b""
        self.used = b"?"  # name of a model that a session uses
        self.transfer: tuple[BeginRecord, bytearray, bytes] | None = None
        self.written: list[int] = []
        self.asked: list[int] = []
        self.power_cut = lambda: False

    def __call__(self, command: int, body: bytes) -> Answer:
        self.asked.append(command)
        handler = getattr(self, f"_{Command(command).name.lower()}", None)
        if handler is None or (self.identity.mode == Mode.BOOTLOADER and command > 0x1F):
            return Status.ERR_COMMAND, b""
        return handler(body)

    def _identify(self, body: bytes) -> Answer:
        return 0, replace(self.identity, uptime_ms=int((time.monotonic() - self.started) * 1000)).pack()

    def _echo(self, body: bytes) -> Answer:
        return 0, body

    def _slots(self, body: bytes) -> Answer:
        one = SlotRecord(SlotState.CONFIRMED, 1, 0, 1000, self.identity.version, 5, bytes(range(32)))
        return 0, one.pack() + SlotRecord().pack()

    def _restart(self, body: bytes) -> Answer:
        self.started = time.monotonic()
        self.identity = replace(self.identity, mode=body[0])
        return 0, b""

    def _log(self, body: bytes) -> Answer:
        at = min(LogRecord.unpack(body).position, len(self.log))
        return 0, LogRecord(at, 0).pack() + self.log[at:]

    def _crash(self, body: bytes) -> Answer:
        if self.crash is None:
            return Status.ERR_NOT_FOUND, b""
        packed = self.crash.pack()
        if ClearRecord.unpack(body).clear:
            self.crash = None
        return 0, packed

    def _models(self, body: bytes) -> Answer:
        return 0, b"".join(ModelRecord(name, len(data), 1, begin.label, begin.digest).pack()
                           for name, (data, begin) in self.models.items())

    def _remove(self, body: bytes) -> Answer:
        if NamedRecord.unpack(body).name.rstrip(b"\0") == self.used:
            return Status.ERR_STATE, b""
        return (0 if self.models.pop(NamedRecord.unpack(body).name, None) else Status.ERR_NOT_FOUND), b""

    def _fetch(self, body: bytes) -> Answer:
        r = FetchRecord.unpack(body)
        if r.name not in self.models:
            return Status.ERR_NOT_FOUND, b""
        return 0, self.models[r.name][0][r.offset : r.offset + r.size]

    def _store(self, body: bytes) -> Answer:
        return 0, StoreRecord(256 * SECTOR, self.room, self.room, len(self.models)).pack()

    def _begin(self, body: bytes) -> Answer:
        begin = BeginRecord.unpack(body)
        size = -(-begin.size // SECTOR) * SECTOR
        if begin.kind == TransferKind.IMAGE:
            if begin.board_id != BOARD_ID:
                return Status.ERR_BOARD, b""
            source, target, already = bytes(self.slots[0]), self.slots[1], begin.digest == self.pending
        elif self.identity.mode == Mode.BOOTLOADER:
            return Status.ERR_COMMAND, b""
        else:
            old, former = self.models.get(begin.name, (b"", BeginRecord()))
            source, target, already = old, self.area, former.digest == begin.digest
            if begin.name.rstrip(b"\0") == self.used:
                return Status.ERR_STATE, b""
            if size > self.room:
                return Status.ERR_FULL, b""
        self.transfer = None if already else (begin, target, source)
        slot = 1 if begin.kind == TransferKind.IMAGE else 255
        return 0, TransferRecord(int(already), slot, 0, size, len(source)).pack()

    def _digests(self, body: bytes) -> Answer:
        r = DigestsRecord.unpack(body)
        if self.transfer is None:
            return Status.ERR_STATE, b""
        area = bytes(self.transfer[1]) if r.area == TransferArea.TARGET else self.transfer[2]
        return 0, b"".join(digest(area[r.offset + i * r.block : r.offset + (i + 1) * r.block]) for i in range(r.count))

    def _write(self, body: bytes) -> Answer:
        if self.transfer is None:
            return Status.ERR_STATE, b""
        write = WriteRecord.unpack(body)
        if self.power_cut():
            self.transfer = None
            return Status.ERR_STATE, b""
        at, sector = WriteRecord.STRUCT.size, b""
        for _ in range(write.count):
            segment = SegmentRecord.unpack(body, at)
            at += SegmentRecord.STRUCT.size
            stored = body[at : at + segment.stored]
            at += segment.stored
            sector += {SegmentKind.FILL: lambda s, d: b"\xff" * s.length, SegmentKind.RAW: lambda s, d: d,
                       SegmentKind.LZ4: lambda s, d: lz4.block.decompress(d, uncompressed_size=s.length),
                       SegmentKind.COPY: lambda s, d: self.transfer[2][s.source : s.source + s.length],
                       }[SegmentKind(segment.kind)](segment, stored)
        assert at == len(body) and len(sector) == SECTOR
        self.transfer[1][write.offset : write.offset + SECTOR] = sector
        self.written.append(write.offset)
        return 0, b""

    def _end(self, body: bytes) -> Answer:
        if self.transfer is None:
            return Status.ERR_STATE, b""
        begin, target, _ = self.transfer
        data = bytes(target[: begin.size])
        if hashlib.sha256(data).digest() != begin.digest:
            return Status.ERR_DIGEST, b""
        if begin.kind == TransferKind.MODEL:
            self.models[begin.name] = (data, begin)
            assert len(begin.name) == NAME_BYTES
        else:
            self.pending = begin.digest
        self.transfer = None
        return 0, b""

    def _abort(self, body: bytes) -> Answer:
        self.transfer = None
        return 0, b""
