"""The seeds of firmware/fuzz/corpus: `python -m tests.firmware.fuzz_seeds` writes them anew.

A seed is a list of steps: u8 kind, u8 port, u16 size, bytes; firmware/fuzz/fuzz_server.c tells the kinds.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from host_tools.firmware.self_test import model
from pal_edge.container import LayerEntry, Model, Tensor
from pal_edge.spec.commands import Command, Opcode
from pal_edge.spec.link import (
    SECTOR,
    BeginRecord,
    ChunkRecord,
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
from pal_edge.spec.link import Command as Ask
from pal_edge.spec.registers import Region
from pal_edge.spec.targets import TARGETS

FOLDER = Path(__file__).parents[2] / "firmware" / "fuzz" / "corpus"
MODEL = model(TARGETS["pal-e32"]).to_bytes()
REQUEST, STREAM, LINE, OPEN, TIME = range(5)
HANDLE = 1 << 8  # of the first session
NAME = b"model"


def step(kind: int, data: bytes = b"", port: int = 0) -> bytes:
    return struct.pack("<BBH", kind, port, len(data)) + data


def request(command: Ask, body: bytes = b"", port: int = 0) -> bytes:
    return step(REQUEST, bytes([command]) + body, port)


def session(handle: int = HANDLE, port: int = 0) -> bytes:
    """An uploaded model in every use."""
    number = HandleRecord(handle).pack()
    return b"".join(request(command, body, port) for command, body in (
        (Ask.SESSION_OPEN, SessionOpenRecord(len(MODEL), b"").pack()),
        (Ask.SESSION_LOAD, ChunkRecord(handle, 0).pack() + MODEL),
        (Ask.SESSION_START, number),
        (Ask.SESSION_TEST, number),
        (Ask.SESSION_INPUT, ChunkRecord(handle, 0).pack() + bytes(range(60))),
        (Ask.SESSION_RUN, RunRecord(handle, 0, 5, 0).pack()),
        (Ask.SESSION_READ, ReadRecord(handle, 3, 0, 40).pack()),
        (Ask.SESSION_PROFILE, SpanRecord(handle, 0, 5).pack()),
        (Ask.SESSION_CLOSE, number)))


def sector(kind: SegmentKind, data: bytes, size: int = len(MODEL)) -> bytes:
    """A WRITE of the first sector: the model, then erased bytes."""
    fill = SegmentRecord(SegmentKind.FILL, 0, SECTOR - size, 0, 0).pack()
    return WriteRecord(0, 2).pack() + SegmentRecord(kind, 0, size, len(data), 0).pack() + data + fill


def transfer(kind: TransferKind, write: bytes, label: bytes = b"", data: bytes = MODEL) -> bytes:
    begin = BeginRecord(kind=kind, size=len(data), name=NAME if kind else b"", label=label,
                        digest=hashlib.sha256(data).digest())
    return b"".join(request(command, body) for command, body in (
        (Ask.BEGIN, begin.pack()),
        (Ask.DIGESTS, DigestsRecord(TransferArea.TARGET, 0, 512, 0, 8).pack()),
        (Ask.WRITE, write),
        (Ask.DIGESTS, DigestsRecord(TransferArea.SOURCE, 0, SECTOR, 0, 1).pack()),
        (Ask.END, b"")))


def copier() -> bytes:
    """A model of eight inputs that are its outputs."""
    maps = {f"{each}_{field}": value for each in ("ifm", "ofm") for field, value in
            {"h": 1, "w": 1, "c": 8, "px": 8, "row": 8}.items()}
    step = Command(opcode=Opcode.MAP, act_min=-127, act_max=127, **maps, ifm_region=int(Region.INPUT),
                   ofm_region=int(Region.OUTPUT))
    tensors = tuple(Tensor(name, region, (1, 2, 4), (0, 2, 1), -60, 0)
                    for name, region in (("input", Region.INPUT), ("output", Region.OUTPUT)))
    return Model(target=TARGETS["pal-e32"], commands=(step,), constants=bytes(4), tensors=tensors, arena_size=64,
                 sram_size=64, layers=(LayerEntry("copy", "", 0, 1, 0),), input_size=8, output_size=8).to_bytes()


def benchmark(label: bytes, raw: bytes) -> bytes:
    """A model with a label, and what the benchmark's runner says then."""
    data = copier()
    commands = ("name", "profile", f"model {label.decode()}", f"db load {len(raw)}", f"db {raw.hex()}", "db print 3 2",
                "infer 2 1", "results", "timestamp", "help", "db 00", "infer 1 x", "db load 99999999", "unknown")
    return (transfer(TransferKind.MODEL, sector(SegmentKind.RAW, data, len(data)), label, data)
            + b"".join(step(LINE, f"{command}%".encode()) for command in commands))


def literals(data: bytes) -> bytes:
    """An LZ4 block that repeats nothing."""
    lengths, rest = b"\xf0", len(data) - 15
    return lengths + b"\xff" * (rest // 255) + bytes([rest % 255]) + data


def seeds() -> dict[str, bytes]:
    raw = sector(SegmentKind.RAW, MODEL)
    stored = transfer(TransferKind.MODEL, raw)
    use = b"".join(request(command, body) for command, body in (
        (Ask.MODELS, b""), (Ask.STORE, b""), (Ask.FETCH, FetchRecord(NAME, 8, 100).pack()),
        (Ask.SESSION_OPEN, SessionOpenRecord(0, NAME).pack()),
        (Ask.SESSION_START, HandleRecord(HANDLE).pack()),
        (Ask.SESSION_RUN, RunRecord(HANDLE, 1, 3, 1000).pack()),
        (Ask.REMOVE, NamedRecord(NAME).pack()),
        (Ask.SESSION_CLOSE, HandleRecord(HANDLE).pack()),
        (Ask.REMOVE, NamedRecord(NAME).pack())))
    small = b"".join(request(command) for command in Ask if command != Ask.RESTART)
    return {
        "benchmark_bytes": benchmark(b"kws01", bytes(range(0, 160, 20))),
        "benchmark_floats": benchmark(b"ad01", struct.pack("<8f", *range(-4, 4))),
        "session": session(),
        "two_hosts": session()[:-60] + session(HANDLE + 1, port=1) + step(OPEN, b"\7") + request(Ask.IDENTIFY),
        "model_raw": stored + use,
        "model_lz4": transfer(TransferKind.MODEL, sector(SegmentKind.LZ4, literals(MODEL))),
        "model_copy": stored + transfer(TransferKind.MODEL, sector(SegmentKind.COPY, b"")),
        "image": transfer(TransferKind.IMAGE, raw) + request(Ask.SLOTS) + request(Ask.ABORT),
        "small": small + request(Ask.CRASH, b"\1"),
        "log": request(Ask.LOG, LogRecord(0, 0).pack()) + request(Ask.LOG, LogRecord(9999, 50).pack())
               + step(TIME, b"\4") + request(Ask.LOG, LogRecord(9999, 5000).pack()) + request(Ask.ECHO, b"hi"),
        "restart": request(Ask.RESTART, b"\1") + step(TIME, b"\xff"),
        "stream": step(STREAM, MessageRecord(Ask.ECHO, 0, 1, 5000).pack() + bytes(2000))
                  + step(STREAM, bytes(3100)),
        "line": step(LINE, b"name%\r\nprofile%") + step(LINE, b"\0\x05\x04garbage\0") + request(Ask.ECHO),
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, data in seeds().items():
        (FOLDER / name).write_bytes(data)
