"""The seeds of firmware/fuzz/corpus: `python -m tests.firmware.fuzz_seeds` writes them anew.

A seed is a list of steps: u8 kind, u8 port, u16 size, bytes; firmware/fuzz/fuzz_server.c tells the kinds.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from host_tools.firmware.self_test import model
from pal_edge.spec.link import (
    SECTOR,
    BeginRecord,
    ChunkRecord,
    Command,
    DigestsRecord,
    FetchRecord,
    HandleRecord,
    LogRecord,
    MessageRecord,
    NamedRecord,
    ReadRecord,
    RunRecord,
    SegmentKind,
    SegmentRecord,
    SessionOpenRecord,
    SpanRecord,
    TransferArea,
    TransferKind,
    WriteRecord,
)
from pal_edge.spec.targets import TARGETS

FOLDER = Path(__file__).parents[2] / "firmware" / "fuzz" / "corpus"
MODEL = model(TARGETS["pal-e32"]).to_bytes()
REQUEST, STREAM, LINE, OPEN, TIME = range(5)
HANDLE = 1 << 8  # of the first session
NAME = b"model"


def step(kind: int, data: bytes = b"", port: int = 0) -> bytes:
    return struct.pack("<BBH", kind, port, len(data)) + data


def request(command: Command, body: bytes = b"", port: int = 0) -> bytes:
    return step(REQUEST, bytes([command]) + body, port)


def session(handle: int = HANDLE, port: int = 0) -> bytes:
    """An uploaded model in every use."""
    number = HandleRecord(handle).pack()
    return b"".join(request(command, body, port) for command, body in (
        (Command.SESSION_OPEN, SessionOpenRecord(len(MODEL), b"").pack()),
        (Command.SESSION_LOAD, ChunkRecord(handle, 0).pack() + MODEL),
        (Command.SESSION_START, number),
        (Command.SESSION_TEST, number),
        (Command.SESSION_INPUT, ChunkRecord(handle, 0).pack() + bytes(range(60))),
        (Command.SESSION_RUN, RunRecord(handle, 0, 5, 0).pack()),
        (Command.SESSION_READ, ReadRecord(handle, 3, 0, 40).pack()),
        (Command.SESSION_PROFILE, SpanRecord(handle, 0, 5).pack()),
        (Command.SESSION_CLOSE, number)))


def sector(kind: SegmentKind, data: bytes) -> bytes:
    """A WRITE of the first sector: the model, then erased bytes."""
    fill = SegmentRecord(SegmentKind.FILL, 0, SECTOR - len(MODEL), 0, 0).pack()
    return WriteRecord(0, 2).pack() + SegmentRecord(kind, 0, len(MODEL), len(data), 0).pack() + data + fill


def transfer(kind: TransferKind, write: bytes) -> bytes:
    begin = BeginRecord(kind=kind, size=len(MODEL), name=NAME if kind else b"",
                        digest=hashlib.sha256(MODEL).digest())
    return b"".join(request(command, body) for command, body in (
        (Command.BEGIN, begin.pack()),
        (Command.DIGESTS, DigestsRecord(TransferArea.TARGET, 0, 512, 0, 8).pack()),
        (Command.WRITE, write),
        (Command.DIGESTS, DigestsRecord(TransferArea.SOURCE, 0, SECTOR, 0, 1).pack()),
        (Command.END, b"")))


def literals(data: bytes) -> bytes:
    """An LZ4 block that repeats nothing."""
    lengths, rest = b"\xf0", len(data) - 15
    return lengths + b"\xff" * (rest // 255) + bytes([rest % 255]) + data


def seeds() -> dict[str, bytes]:
    raw = sector(SegmentKind.RAW, MODEL)
    stored = transfer(TransferKind.MODEL, raw)
    use = b"".join(request(command, body) for command, body in (
        (Command.MODELS, b""), (Command.STORE, b""), (Command.FETCH, FetchRecord(NAME, 8, 100).pack()),
        (Command.SESSION_OPEN, SessionOpenRecord(0, NAME).pack()),
        (Command.SESSION_START, HandleRecord(HANDLE).pack()),
        (Command.SESSION_RUN, RunRecord(HANDLE, 1, 3, 1000).pack()),
        (Command.REMOVE, NamedRecord(NAME).pack()),
        (Command.SESSION_CLOSE, HandleRecord(HANDLE).pack()),
        (Command.REMOVE, NamedRecord(NAME).pack())))
    small = b"".join(request(command) for command in Command if command != Command.RESTART)
    return {
        "session": session(),
        "two_hosts": session()[:-60] + session(HANDLE + 1, port=1) + step(OPEN, b"\7") + request(Command.IDENTIFY),
        "model_raw": stored + use,
        "model_lz4": transfer(TransferKind.MODEL, sector(SegmentKind.LZ4, literals(MODEL))),
        "model_copy": stored + transfer(TransferKind.MODEL, sector(SegmentKind.COPY, b"")),
        "image": transfer(TransferKind.IMAGE, raw) + request(Command.SLOTS) + request(Command.ABORT),
        "small": small + request(Command.CRASH, b"\1"),
        "log": request(Command.LOG, LogRecord(0, 0).pack()) + request(Command.LOG, LogRecord(9999, 50).pack())
               + step(TIME, b"\4") + request(Command.LOG, LogRecord(9999, 5000).pack()) + request(Command.ECHO, b"hi"),
        "restart": request(Command.RESTART, b"\1") + step(TIME, b"\xff"),
        "stream": step(STREAM, MessageRecord(Command.ECHO, 0, 1, 5000).pack() + bytes(2000))
                  + step(STREAM, bytes(3100)),
        "line": step(LINE, b"name%\r\nprofile%") + step(LINE, b"\0\x05\x04garbage\0") + request(Command.ECHO),
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, data in seeds().items():
        (FOLDER / name).write_bytes(data)
