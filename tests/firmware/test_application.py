"""The application's requests, over its own link to this package's."""

from __future__ import annotations

import os
import struct
import time

import pytest

from pal_edge.board import Board
from pal_edge.errors import DeviceError
from pal_edge.link import Connection
from pal_edge.link.connection import BODY_MAX
from pal_edge.spec.link import (
    Command,
    LogRecord,
    Mode,
    ResetReason,
    SlotState,
)
from pal_edge.spec.status import Status

from .host_board import HostBoard, answer, submit
from .requests import MODEL, ask, log_something, read_log, start_session


def test_says_who_it_is(board: Board) -> None:
    identity = board.identify()
    assert (identity.mode, identity.slot, identity.board) == (Mode.APPLICATION, 0, "host")
    assert identity.target == MODEL.target.id and identity.clock_hz == MODEL.target.clock_hz
    assert identity.memory_free == identity.memory_size > 0
    assert identity.reset_reason == ResetReason.POWER and not identity.crashed
    assert [slot.state for slot in board.slots()] == [SlotState.EMPTY, SlotState.EMPTY]
    assert [slot.running for slot in board.slots()] == [True, False]


def test_announces_itself_in_plain_text(host: HostBoard) -> None:
    with open(host.path, "rb", buffering=0) as line:
        banner = b""
        while not banner.endswith(b"\r\n"):
            banner += os.read(line.fileno(), 100)
    assert b"boot: host, firmware 0.0.0 in slot 0 after power on" in banner


def test_echoes_any_length(board: Board) -> None:
    for size in (0, 1, 253, 254, BODY_MAX):
        data = bytes(i * 7 % 256 for i in range(size))
        assert board.echo(data) == data


def test_answers_in_order(link: Connection) -> None:
    bodies = [struct.pack("<I", i) * (i % 100) for i in range(500)]
    assert [each.body for each in link.pipeline((Command.ECHO, body) for body in bodies)] == bodies


def test_refuses_what_it_does_not_know(link: Connection) -> None:
    for command in (0, 7, 99, 255):
        assert answer(link, submit(link, command, b"body")).status == Status.ERR_COMMAND
    ask(link, Command.ECHO)


@pytest.mark.parametrize("length", [BODY_MAX + 1, 100_000])
def test_refuses_a_message_that_is_too_long_and_goes_on_behind_it(link: Connection, length: int) -> None:
    number = submit(link, Command.ECHO, bytes(length))
    assert answer(link, number).status == Status.ERR_ARG
    assert ask(link, Command.ECHO, b"next") == b"next"


@pytest.mark.parametrize("command", sorted(set(Command) - {Command.RESTART}))
def test_takes_bodies_of_any_length(link: Connection, command: Command) -> None:
    for size in (*range(100), BODY_MAX):
        for fill in (b"\0", b"\xff"):
            if (command, size, fill) != (Command.LOG, 8, b"\xff"):  # would wait
                assert link.ask(command, fill * size).status <= 0
    ask(link, Command.IDENTIFY)


def test_the_log_is_read_from_any_position(link: Connection) -> None:
    _, whole = read_log(link, 0)
    assert whole.startswith(b"0.") and whole.count(b"\n") >= 2
    for position in (1, len(whole) - 1, len(whole)):
        assert read_log(link, position) == (position, whole[position:])
    assert read_log(link, len(whole) + 10) == (len(whole) + 10, b"")


def test_the_log_forgets_its_beginning(link: Connection) -> None:
    for _ in range(150):
        log_something(link)
    position, text = read_log(link, 0)
    assert position > 0 and len(text) == 4096
    assert read_log(link, position + len(text)) == (position + len(text), b"")


def test_a_log_request_waits_for_text(host: HostBoard, link: Connection) -> None:
    _, whole = read_log(link, 0)
    waiting = submit(link, Command.LOG, LogRecord(len(whole), 60_000).pack())
    with host.link(host.usb) as other:
        ask(other, Command.ECHO)
        log_something(other)
    assert b"not a PAL model" in answer(link, waiting).body


def test_a_log_request_waits_no_longer_than_asked_nor_than_what_follows(link: Connection) -> None:
    _, whole = read_log(link, 0)
    assert read_log(link, len(whole), 20) == (len(whole), b"")
    waiting = submit(link, Command.LOG, LogRecord(len(whole), 60_000).pack())
    assert ask(link, Command.ECHO, b"I cannot wait") == b"I cannot wait"
    assert answer(link, waiting).body == LogRecord(len(whole), 60_000).pack()


def test_a_crash_leaves_a_record(host: HostBoard) -> None:
    with host.connect() as board:
        assert board.crash() is None
        host.crash()
        while not (identity := board.identify()).crashed:
            pass
        assert identity.reset_reason == ResetReason.CRASH
        crash = board.crash()
        assert crash and crash.reason == 3 and crash.text == "serving" and crash.registers[6] == 0x1234
        assert "error: crash: reason 00000003 at 00001234" in board.log().text
        assert "after crash" in board.log().text
        identity = board.restart()
        assert identity.crashed and identity.reset_reason == ResetReason.SOFTWARE
        assert board.crash(clear=True) == crash
        assert board.crash() is None and not board.identify().crashed
        host.starve()
        while not (identity := board.identify()).crashed:
            pass
        assert identity.reset_reason == ResetReason.WATCHDOG


def test_recovery_answers_what_it_can(board: Board) -> None:
    identity = board.restart(Mode.BOOTLOADER)
    assert identity.mode == Mode.BOOTLOADER and identity.slot == 255
    assert "recovery" in board.log().text
    assert board.echo(b"still there") == b"still there"
    assert len(board.slots()) == 2
    with pytest.raises(DeviceError, match="bootloader"):
        board.models()
    for command in (Command.CRASH, Command.SESSION_OPEN, Command.STORE):
        assert board.ask(command).status == Status.ERR_COMMAND
    assert board.restart().mode == Mode.APPLICATION


def test_restart_wants_a_mode(link: Connection) -> None:
    for body in (b"", b"\2", b"\0\0"):
        ask(link, Command.RESTART, body, Status.ERR_ARG)
    ask(link, Command.ECHO)


def test_a_host_that_dies_in_the_middle_frees_what_it_held(host: HostBoard) -> None:
    with host.link() as link:
        start_session(link)
        for _ in range(200):  # answers that nobody will acknowledge
            submit(link, Command.ECHO, bytes(4000))
    with host.connect(host.usb) as other:
        assert other.identify().memory_free < other.identify().memory_size
        deadline = time.monotonic() + 20
        while other.identify().memory_free < other.identify().memory_size:
            assert time.monotonic() < deadline
            time.sleep(0.2)
