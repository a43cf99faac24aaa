"""Models uploaded to a board and run there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pal_edge.link import Connection
from pal_edge.link.connection import BODY_MAX
from pal_edge.spec.link import (
    ChunkRecord,
    Command,
    RanRecord,
    ReadRecord,
    RunRecord,
    SessionOpenRecord,
    SpanRecord,
)
from pal_edge.spec.registers import Region
from pal_edge.spec.status import EngineError, Status
from pal_edge.spec.targets import TARGETS

from .host_board import HostBoard, answer, settle, submit
from .requests import COMMANDS, FILE, MODEL, ask, handle_body, open_session, read_log, run, start_session


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
