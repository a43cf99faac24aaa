"""Models in a board's store: transfers, use in place, and who may take them away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pal_edge.board import Board
from pal_edge.link import Connection
from pal_edge.link.connection import BODY_MAX
from pal_edge.spec.link import (
    ChunkRecord,
    Command,
    FetchRecord,
    NamedRecord,
    SessionOpenRecord,
    StoreRecord,
    TransferRecord,
)
from pal_edge.spec.status import Status

from .host_board import HostBoard
from .requests import FILE, MODEL, ask, handle_body, open_session, run, stored, transfer


def test_a_model_in_the_store_is_used_in_place(link: Connection, free: Callable[[], int]) -> None:
    assert transfer(link, FILE).status == Status.OK
    ask(link, Command.END)
    before = free()
    handle = open_session(link, 0, b"model")
    assert free() == before  # nothing was copied
    ask(link, Command.SESSION_LOAD, ChunkRecord(handle, 0).pack() + FILE, Status.ERR_STATE)
    ask(link, Command.SESSION_START, handle_body(handle))
    ask(link, Command.SESSION_TEST, handle_body(handle))
    ask(link, Command.SESSION_OPEN, SessionOpenRecord(0, b"nobody").pack(), Status.ERR_NOT_FOUND)


def test_a_model_in_use_stays(host: HostBoard, link: Connection) -> None:
    assert transfer(link, FILE).status == Status.OK
    ask(link, Command.END)
    handle = open_session(link, 0, b"model")
    with host.link(host.usb) as other:
        ask(other, Command.REMOVE, NamedRecord(b"model").pack(), Status.ERR_STATE)
        changed = replace(MODEL, known_answer=None).to_bytes()
        assert transfer(other, changed).status == Status.ERR_STATE
        assert transfer(other, FILE, b"kws01").status == Status.ERR_STATE  # also where only its label changes
        ask(other, Command.END, wanted=Status.ERR_STATE)
        assert TransferRecord.unpack(transfer(other, FILE).body).already  # nothing to do is no change
        assert transfer(other, changed, name=b"another").status == Status.OK
        ask(other, Command.END)
        ask(link, Command.SESSION_START, handle_body(handle))
        assert run(link, handle).status == Status.OK
        ask(link, Command.SESSION_CLOSE, handle_body(handle))
        ask(other, Command.REMOVE, NamedRecord(b"model").pack())
        assert stored(other) == [(b"another", b"")]


def test_a_session_that_opens_during_a_transfer_delays_its_end(host: HostBoard, link: Connection) -> None:
    assert transfer(link, FILE).status == Status.OK
    ask(link, Command.END)
    with host.link(host.usb) as other:
        assert transfer(other, FILE, b"ic01").status == Status.OK
        handle = open_session(link, 0, b"model")
        ask(other, Command.END, wanted=Status.ERR_STATE)
        ask(link, Command.SESSION_CLOSE, handle_body(handle))
        ask(other, Command.END)
        assert stored(other) == [(b"model", b"ic01")]


def test_a_transfer_belongs_to_the_host_that_began_last(host: HostBoard, link: Connection) -> None:
    with host.link(host.usb) as other:
        assert transfer(link, FILE, name=b"first").status == Status.OK
        assert transfer(other, FILE, name=b"second").status == Status.OK
        for command, body in ((Command.WRITE, bytes(8)), (Command.DIGESTS, bytes(12)), (Command.END, b"")):
            ask(link, command, body, Status.ERR_STATE)
        ask(link, Command.ABORT)  # is not the other's
        ask(other, Command.END)
        assert stored(link) == [(b"second", b"")]
        assert transfer(link, FILE, name=b"third").status == Status.OK
        link.open()
        ask(link, Command.END, wanted=Status.ERR_STATE)  # a new host has begun nothing


def test_the_log_tells_of_changes(board: Board) -> None:
    link = board.link()
    assert transfer(link, FILE).status == Status.OK
    ask(link, Command.END)
    ask(link, Command.REMOVE, NamedRecord(b"model").pack())
    ask(link, Command.END, wanted=Status.ERR_STATE)
    text = board.log().text
    assert f"update: model written, {len(FILE)} bytes" in text and "store: model removed" in text
    assert "update: nothing refused" in text


def test_a_model_is_fetched_within_its_bounds(link: Connection) -> None:
    assert transfer(link, FILE).status == Status.OK
    ask(link, Command.END)
    assert ask(link, Command.FETCH, FetchRecord(b"model", 100, 1000).pack()) == FILE[100:1100]
    assert ask(link, Command.FETCH, FetchRecord(b"model", len(FILE), 0).pack()) == b""
    for offset, size in ((len(FILE), 1), (0, len(FILE) + 1), (2**32 - 1, 2), (0, BODY_MAX + 1)):
        ask(link, Command.FETCH, FetchRecord(b"model", offset, size).pack(), Status.ERR_ARG)
    ask(link, Command.FETCH, FetchRecord(b"nobody", 0, 1).pack(), Status.ERR_NOT_FOUND)
    room = StoreRecord.unpack(ask(link, Command.STORE))
    assert room.models == 1 and 0 < room.largest <= room.free < room.size
