"""Requests to a board, one by one, with what a test wants of the answer."""

from __future__ import annotations

import hashlib

from pal_edge.link import Connection, Response
from pal_edge.spec.link import (
    SECTOR,
    BeginRecord,
    ChunkRecord,
    Command,
    HandleRecord,
    LogRecord,
    ModelRecord,
    RunRecord,
    SegmentKind,
    SegmentRecord,
    SessionOpenRecord,
    TransferKind,
    TransferRecord,
    WriteRecord,
)
from pal_edge.spec.status import Status
from tests.driver.small_model import model

MODEL = model()
FILE = MODEL.to_bytes()
COMMANDS = len(MODEL.commands)


def ask(link: Connection, command: Command, body: bytes = b"", wanted: Status = Status.OK) -> bytes:
    response = link.ask(command, body)
    assert response.status == wanted
    return response.body


def open_session(link: Connection, size: int = len(FILE), name: bytes = b"") -> int:
    return HandleRecord.unpack(ask(link, Command.SESSION_OPEN, SessionOpenRecord(size, name).pack())).handle


def handle_body(handle: int) -> bytes:
    return HandleRecord(handle).pack()


def start_session(link: Connection, data: bytes = FILE) -> int:
    handle = open_session(link, len(data))
    ask(link, Command.SESSION_LOAD, ChunkRecord(handle, 0).pack() + data)
    ask(link, Command.SESSION_START, handle_body(handle))
    return handle


def run(link: Connection, handle: int, timeout_us: int = 0) -> Response:
    return link.ask(Command.SESSION_RUN, RunRecord(handle, 0, COMMANDS, timeout_us).pack())


def read_log(link: Connection, position: int, wait_ms: int = 0) -> tuple[int, bytes]:
    body = ask(link, Command.LOG, LogRecord(position, wait_ms).pack())
    return LogRecord.unpack(body).position, body[8:]


def log_something(link: Connection) -> None:
    handle = open_session(link, 64)
    ask(link, Command.SESSION_START, handle_body(handle), Status.ERR_MAGIC)
    ask(link, Command.SESSION_CLOSE, handle_body(handle))


def transfer(link: Connection, data: bytes, label: bytes = b"", name: bytes = b"model") -> Response:
    """BEGIN and the sectors of a model, if the board wants them; return the answer to BEGIN."""
    begin = BeginRecord(kind=TransferKind.MODEL, size=len(data), name=name, label=label,
                        digest=hashlib.sha256(data).digest())
    response = link.ask(Command.BEGIN, begin.pack())
    padded = data.ljust(-(-len(data) // SECTOR) * SECTOR, b"\xff")
    wanted = response.status == Status.OK and not TransferRecord.unpack(response.body).already
    for offset in range(0, len(padded) if wanted else 0, SECTOR):
        segment = SegmentRecord(SegmentKind.RAW, 0, SECTOR, SECTOR, 0).pack() + padded[offset : offset + SECTOR]
        ask(link, Command.WRITE, WriteRecord(offset, 1).pack() + segment)
    return response


def stored(link: Connection) -> list[tuple[bytes, bytes]]:
    """Return name and label of every model in the store."""
    body = ask(link, Command.MODELS)
    records = [ModelRecord.unpack(body[at : at + ModelRecord.STRUCT.size])
               for at in range(0, len(body), ModelRecord.STRUCT.size)]
    return [(record.name.rstrip(b"\0"), record.label.rstrip(b"\0")) for record in records]
