"""The application's requests, over its own link to this package's."""

from __future__ import annotations

import hashlib
import os
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pal_edge.board import Board
from pal_edge.board.records import Identity
from pal_edge.errors import DeviceError
from pal_edge.link import Connection, Response
from pal_edge.link.connection import BODY_MAX
from pal_edge.spec.link import (
    SECTOR,
    BeginRecord,
    ChunkRecord,
    Command,
    FetchRecord,
    HandleRecord,
    LogRecord,
    Mode,
    ModelRecord,
    NamedRecord,
    RanRecord,
    ReadRecord,
    ResetReason,
    RunRecord,
    SegmentKind,
    SegmentRecord,
    SessionOpenRecord,
    SlotState,
    SpanRecord,
    StoreRecord,
    TransferKind,
    TransferRecord,
    WriteRecord,
)
from pal_edge.spec.registers import Region
from pal_edge.spec.status import EngineError, Status
from pal_edge.spec.targets import TARGETS
from tests.driver.small_model import model

from .host_board import HostBoard, answer, settle, submit

MODEL = model()
FILE = MODEL.to_bytes()
COMMANDS = len(MODEL.commands)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[HostBoard]:
    with HostBoard(tmp_path / "flash.bin", "--target", "pal-e32") as board:
        yield board


@pytest.fixture
def board(host: HostBoard) -> Iterator[Board]:
    with host.connect() as board:
        yield board


@pytest.fixture
def link(host: HostBoard) -> Iterator[Connection]:
    with host.link() as link:
        yield link


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


@pytest.fixture
def free(link: Connection) -> Callable[[], int]:
    return lambda: Identity.parse(ask(link, Command.IDENTIFY)).memory_free


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


def test_an_upload_runs_and_is_freed(link: Connection, free: Callable[[], int]) -> None:
    before = free()
    handle = start_session(link)
    assert free() < before
    ask(link, Command.SESSION_TEST, handle_body(handle))
    ran = RanRecord.unpack(run(link, handle).body)
    assert ran.fault == EngineError.NONE and ran.counters[0] > 0 and ran.wall_us >= ran.engine_us
    assert MODEL.known_answer
    output = ask(link, Command.SESSION_READ, ReadRecord(handle, Region.OUTPUT, 0, MODEL.output_size).pack())
    assert output == MODEL.known_answer.output
    profile = ask(link, Command.SESSION_PROFILE, SpanRecord(handle, 0, COMMANDS).pack())
    assert len(profile) == 8 * COMMANDS
    ask(link, Command.SESSION_CLOSE, handle_body(handle))
    assert free() == before
    ask(link, Command.SESSION_RUN, RunRecord(handle, 0, 1, 0).pack(), Status.ERR_NOT_FOUND)


def test_a_session_is_used_in_its_order(link: Connection) -> None:
    handle = open_session(link)
    chunk = ChunkRecord(handle, 0).pack()
    for command, body in ((Command.SESSION_RUN, RunRecord(handle, 0, 1, 0).pack()),
                          (Command.SESSION_READ, ReadRecord(handle, 3, 0, 1).pack()),
                          (Command.SESSION_INPUT, chunk + b"x"), (Command.SESSION_TEST, handle_body(handle)),
                          (Command.SESSION_PROFILE, SpanRecord(handle, 0, 1).pack())):  # fmt: skip
        ask(link, command, body, Status.ERR_STATE)
    ask(link, Command.SESSION_START, handle_body(handle), Status.ERR_MAGIC)
    ask(link, Command.SESSION_LOAD, chunk + FILE)
    ask(link, Command.SESSION_START, handle_body(handle))
    ask(link, Command.SESSION_START, handle_body(handle), Status.ERR_STATE)
    ask(link, Command.SESSION_LOAD, chunk + FILE, Status.ERR_STATE)


def test_a_session_keeps_within_its_bounds(link: Connection) -> None:
    handle = open_session(link)
    for offset, data in ((len(FILE), b"x"), (0, FILE + b"x"), (2**32 - 1, b"x"), (2**32 - 1, b"xx")):
        ask(link, Command.SESSION_LOAD, ChunkRecord(handle, offset).pack() + data, Status.ERR_ARG)
    ask(link, Command.SESSION_LOAD, ChunkRecord(handle, 0).pack() + FILE)
    ask(link, Command.SESSION_START, handle_body(handle))
    wrong = [(Command.SESSION_INPUT, ChunkRecord(handle, MODEL.input_size).pack() + b"x"),
             (Command.SESSION_INPUT, ChunkRecord(handle, 2**32 - 1).pack() + b"xx"),
             (Command.SESSION_RUN, RunRecord(handle, 0, COMMANDS + 1, 0).pack()),
             (Command.SESSION_RUN, RunRecord(handle, 2**32 - 1, 2, 0).pack()),
             (Command.SESSION_READ, ReadRecord(handle, Region.OUTPUT, 0, MODEL.output_size + 1).pack()),
             (Command.SESSION_READ, ReadRecord(handle, 5, 0, 0).pack()),
             (Command.SESSION_READ, ReadRecord(handle, Region.ARENA, 0, BODY_MAX + 1).pack()),
             (Command.SESSION_PROFILE, SpanRecord(handle, COMMANDS, 1).pack()),
             (Command.SESSION_PROFILE, SpanRecord(handle, 1, 2**32 - 1).pack())]
    for command, body in wrong:
        ask(link, command, body, Status.ERR_ARG)
    assert run(link, handle).status == Status.OK


def test_refuses_models_that_are_not_for_it(link: Connection) -> None:
    other = replace(MODEL, target=TARGETS["pal-e128"]).to_bytes()
    for data, status in ((other, Status.ERR_TARGET), (FILE[:-1], Status.ERR_TRUNCATED),
                         (FILE[:40] + b"\1" + FILE[41:], Status.ERR_CRC)):
        handle = open_session(link, len(data))
        ask(link, Command.SESSION_LOAD, ChunkRecord(handle, 0).pack() + data)
        ask(link, Command.SESSION_START, handle_body(handle), status)
        ask(link, Command.SESSION_CLOSE, handle_body(handle))


def test_memory_runs_out_and_gaps_are_used_again(link: Connection, free: Callable[[], int]) -> None:
    before = free()
    ask(link, Command.SESSION_OPEN, SessionOpenRecord(before + 1, b"").pack(), Status.ERR_MEMORY)
    ask(link, Command.SESSION_OPEN, SessionOpenRecord(2**32 - 1, b"").pack(), Status.ERR_MEMORY)
    third = before // 3 // 64 * 64
    handles = [open_session(link, third) for _ in range(3)]
    ask(link, Command.SESSION_OPEN, SessionOpenRecord(third, b"").pack(), Status.ERR_MEMORY)
    ask(link, Command.SESSION_CLOSE, handle_body(handles[1]))
    assert free() == third
    again = open_session(link, third)
    assert again != handles[1]
    ask(link, Command.SESSION_LOAD, ChunkRecord(handles[1], 0).pack() + b"x", Status.ERR_NOT_FOUND)
    ask(link, Command.SESSION_CLOSE, handle_body(handles[1]), Status.ERR_NOT_FOUND)


def test_the_table_of_sessions_is_finite(link: Connection) -> None:
    for _ in range(8):
        open_session(link, 64)
    ask(link, Command.SESSION_OPEN, SessionOpenRecord(64, b"").pack(), Status.ERR_FULL)


def test_an_open_session_leaves_no_room_for_its_own_memory(link: Connection, free: Callable[[], int]) -> None:
    open_session(link, (free() - len(FILE)) // 64 * 64 - 64)
    handle = open_session(link)
    ask(link, Command.SESSION_LOAD, ChunkRecord(handle, 0).pack() + FILE)
    ask(link, Command.SESSION_START, handle_body(handle), Status.ERR_MEMORY)


def test_hosts_of_two_ports_do_not_disturb_each_other(host: HostBoard, link: Connection) -> None:
    with host.link(host.usb) as other:
        mine, theirs = start_session(link), start_session(other)
        assert mine != theirs
        assert run(link, theirs).status == run(other, mine).status == Status.ERR_NOT_FOUND
        for i in range(3):
            for each, handle in ((link, mine), (other, theirs)):
                data = bytes([i * 16 + handle % 16]) * MODEL.input_size
                ask(each, Command.SESSION_INPUT, ChunkRecord(handle, 0).pack() + data)
            for each, handle in ((link, mine), (other, theirs)):
                assert run(each, handle).status == Status.OK
                found = ask(each, Command.SESSION_READ, ReadRecord(handle, Region.INPUT, 0, MODEL.input_size).pack())
                assert found == bytes([i * 16 + handle % 16]) * MODEL.input_size


def test_a_new_host_finds_nothing_of_the_former(host: HostBoard, link: Connection, free: Callable[[], int]) -> None:
    before = free()
    with host.link(host.usb) as other:
        theirs = start_session(other)
        mine = start_session(link)
        submit(link, Command.ECHO, bytes(100), length=200)  # a message that never ends
        link.open()
        assert run(link, mine).status == Status.ERR_NOT_FOUND
        assert run(other, theirs).status == Status.OK
        other.open()
        assert free() == before


def test_an_engine_fault_names_the_command_and_the_layer(tmp_path: Path) -> None:
    with HostBoard(tmp_path / "flash.bin", "--target", "pal-e32", "--fault", "0x103") as host, \
            host.connect() as board:
        link = board.link()
        handle = start_session(link)
        response = run(link, handle)
        assert response.status == Status.ERR_ENGINE
        ran = RanRecord.unpack(response.body)
        assert (ran.fault, ran.command) == (EngineError.ADDRESS, 1)
        log = board.log().text
        assert 'error: engine: an access would leave its region, at command 1 of layer "layer1"' in log
        assert "error: self-test: the engine stopped with an error" in log


def test_a_run_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with HostBoard(tmp_path / "flash.bin", "--target", "pal-e32", "--delay", "50000") as host, \
            host.connect() as board:
        link = board.link()
        handle = start_session(link)
        assert run(link, handle, timeout_us=1000).status == Status.ERR_TIMEOUT
        assert "error: engine: the engine did not finish in time" in board.log().text
        assert run(link, handle).status == Status.OK


def test_the_link_lives_through_a_long_run(tmp_path: Path) -> None:
    with HostBoard(tmp_path / "flash.bin", "--target", "pal-e32", "--delay", "500000") as host, host.link() as link:
        handle = start_session(link)
        running = submit(link, Command.SESSION_RUN, RunRecord(handle, 0, 1, 0).pack())
        behind = [submit(link, Command.ECHO, bytes([i]) * 100) for i in range(3)]
        assert answer(link, running).status == Status.OK
        assert [answer(link, number).body for number in behind] == [bytes([i]) * 100 for i in range(3)]
        assert link.counts["resent"] == 0


def read_log(link: Connection, position: int, wait_ms: int = 0) -> tuple[int, bytes]:
    body = ask(link, Command.LOG, LogRecord(position, wait_ms).pack())
    return LogRecord.unpack(body).position, body[8:]


def log_something(link: Connection) -> None:
    handle = open_session(link, 64)
    ask(link, Command.SESSION_START, handle_body(handle), Status.ERR_MAGIC)
    ask(link, Command.SESSION_CLOSE, handle_body(handle))


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


def test_a_run_ends_with_its_host(tmp_path: Path) -> None:
    """An engine that is not done for ages keeps no other host waiting."""
    with HostBoard(tmp_path / "flash.bin", "--target", "pal-e32", "--delay", "2000000") as host, host.link() as link:
        handle = start_session(link)
        submit(link, Command.SESSION_RUN, RunRecord(handle, 0, 1, 2**31 - 1).pack())
        settle(link)
        link.open()
        ask(link, Command.ECHO)
        assert "an access to the device failed" in read_log(link, 0)[1].decode()
        again = start_session(link)
        assert link.ask(Command.SESSION_RUN, RunRecord(again, 0, 1, 1000).pack()).status == Status.ERR_TIMEOUT


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
