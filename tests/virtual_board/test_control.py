"""The board model's control socket, its power and its faults, with a processor that is a thread."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from host_tools.virtual_board import power, sockets
from host_tools.virtual_board.memory import Memory, Page
from host_tools.virtual_board.power import BOARD_UW, ENGINE_UW, Power
from pal_edge.errors import DeviceError
from pal_edge.spec.virtual_board import NOR_SECTOR, NOR_SIZE, POWER_OFFSET, BoardRegister, Event, PowerRegister
from tests.virtual_board.stand_in import PATIENCE, SERIAL_NUMBER, Running, running


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as board:
        yield board


@pytest.fixture
def client(board: Running) -> Iterator[socket.socket]:
    with sockets.connect(board.folder / "control.sock") as client:
        client.settimeout(PATIENCE)
        yield client


def receive(client: socket.socket) -> dict[str, Any]:
    line = b""
    while not line.endswith(b"\n"):
        piece = client.recv(65536)
        assert piece
        line += piece
    answer = json.loads(line)
    assert isinstance(answer, dict)
    return answer


def ask(client: socket.socket, do: str, **arguments: object) -> dict[str, Any]:
    client.sendall(json.dumps({"do": do, **arguments}).encode() + b"\n")
    answer = receive(client)
    assert answer.pop("ok"), answer
    return answer


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_status(board: Running, client: socket.socket) -> None:
    until(lambda: ask(client, "status")["usb_attached"])
    status = ask(client, "status")
    assert status.pop("line") == board.board.line.path and status.pop("rail")["microwatts"] == BOARD_UW
    assert status == {"powered": True, "target": "pal-e128", "serial_number": SERIAL_NUMBER, "flash_operations": 0,
                      "power_cuts": 0, "lockups": 0, "recovery": False, "usb_attached": True}


@pytest.mark.parametrize("line", (
    b"", b"{", b"status", b"[]", b"3", b'"status"', b"null", b"{}", b'{"do": null}', b'{"do": "fly"}',
    b'{"do": "flip"}', b'{"do": "flip", "address": "x", "bit": 0}', b'{"do": "flip", "address": -1, "bit": 0}',
    b'{"do": "flip", "address": 8388608, "bit": 0}', b'{"do": "cut_after"}', b'{"do": "power_log", "since": {}}',
    b"\xff\xfe", b"[" * 5000))
def test_nonsense_is_refused(client: socket.socket, line: bytes) -> None:
    client.sendall(line + b"\n")
    answer = receive(client)
    assert not answer["ok"] and answer["error"]
    assert ask(client, "status")["powered"]


def test_a_line_without_end(board: Running) -> None:
    with sockets.connect(board.folder / "control.sock") as client, sockets.connect(board.folder / "control.sock") as ok:
        client.settimeout(PATIENCE)
        client.sendall(b" " * 70_000)
        assert client.recv(10) == b""
        assert ask(ok, "status")["powered"]


def test_a_client_that_does_not_listen_is_cut_off(board: Running, client: socket.socket) -> None:
    for _ in range(power.HISTORY):
        board.machine.ring(Event.POWER)
    until(lambda: len(ask(client, "power_log")["samples"]) == power.HISTORY)
    with sockets.connect(board.folder / "control.sock") as deaf:
        deaf.sendall(b'{"do": "power_log"}\n' * 10)
        assert ask(client, "status")["powered"]


def test_requests_in_one_piece_and_in_many(client: socket.socket) -> None:
    client.sendall(b'{"do": "sta')
    time.sleep(0.01)
    client.sendall(b'tus"}\n{"do": "cut_after", "operations": 5}\n')
    received = b""
    while received.count(b"\n") < 2:
        received += client.recv(65536)
    assert [json.loads(line)["ok"] for line in received.splitlines()] == [True, True]


def test_power_off_and_on(board: Running, client: socket.socket) -> None:
    board.machine.program(0, b"kept" * 4)
    first = board.machine
    ask(client, "power_off")
    ask(client, "power_off")
    status = ask(client, "status")
    assert not first.is_alive() and not status["powered"] and not status["usb_attached"] and status["rail"] is None
    ask(client, "power_on")
    ask(client, "power_on")
    assert board.machine is not first and board.machine.board[BoardRegister.POWERED] == 1
    assert board.board.nor.operations == 1
    assert (board.folder / "flash.bin").read_bytes()[:16] == bytes(board.machine.memory.bytes[:16]) == b"kept" * 4


def test_off_stays_off_though_it_was_about_to_come_back(board: Running, client: socket.socket) -> None:
    ask(client, "reset")
    ask(client, "power_off")
    time.sleep(0.1)
    assert not ask(client, "status")["powered"]


@pytest.mark.parametrize("operations", (0, 1, 5))
def test_the_power_fails_at_a_flash_operation(board: Running, client: socket.socket, operations: int) -> None:
    first = board.machine
    ask(client, "cut_after", operations=operations)
    assert first.program(0, b"\x55" * 16 * 6) is None
    until(lambda: bool(ask(client, "status")["powered"]) and board.machine is not first)
    found = (board.folder / "flash.bin").read_bytes()[:96]
    whole = 16 * operations
    assert found[:whole] == b"\x55" * whole and found[whole : whole + 16] not in (b"\x55" * 16, b"\xff" * 16)
    assert found[whole + 16 :] == b"\xff" * (80 - whole)
    assert ask(client, "status")["power_cuts"] == 1
    assert board.machine.erase(0, NOR_SECTOR) == 0 and board.machine.program(0, bytes(96)) == 0  # it goes on


def test_a_cell_fails(board: Running, client: socket.socket) -> None:
    ask(client, "flip", address=NOR_SIZE - 1, bit=4)
    assert (board.folder / "flash.bin").read_bytes()[-1] == board.machine.memory.bytes[NOR_SIZE - 1] == 0xEF


def test_the_recovery_button(board: Running, client: socket.socket) -> None:
    ask(client, "recovery", down=True)
    assert board.machine.board[BoardRegister.STRAP] == 1
    ask(client, "power_off")
    ask(client, "power_on")
    assert board.machine.board[BoardRegister.STRAP] == 1 and ask(client, "status")["recovery"]
    ask(client, "recovery", down=False)
    assert board.machine.board[BoardRegister.STRAP] == 0


def test_the_serial_number_is_in_its_page(board: Running) -> None:
    words = (BoardRegister.SERIAL_0, BoardRegister.SERIAL_1, BoardRegister.SERIAL_2, BoardRegister.SERIAL_3)
    found = b"".join(board.machine.board[each].to_bytes(4, "little") for each in words)
    assert found == SERIAL_NUMBER.encode().ljust(16, b"\0")


def test_the_serial_line_survives_power_cuts(board: Running, client: socket.socket) -> None:
    host = os.open(board.board.line.path, os.O_RDWR | os.O_NOCTTY)
    for text in (b"one", b"two"):
        os.write(host, text)
        found = b""
        while found != text:
            assert select.select([host], [], [], PATIENCE)[0]
            found += os.read(host, 100)
        ask(client, "power_cut")
        until(lambda: bool(ask(client, "status")["powered"]))
    os.close(host)


def test_stop(board: Running, client: socket.socket) -> None:
    ask(client, "stop")
    board.wait()
    assert board.error is None


def test_the_processor_is_killed(board: Running) -> None:
    board.machine.end()
    board.wait()
    assert isinstance(board.error, DeviceError) and "QEMU ended" in str(board.error)


def test_the_processor_locks_up(board: Running, client: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    first = board.machine
    monkeypatch.setattr(first, "locked_up", lambda: True)
    first.end()
    until(lambda: ask(client, "status")["lockups"] == 1)
    until(lambda: bool(ask(client, "status")["powered"]))
    assert board.machine is not first and board.machine.board[BoardRegister.POWERED] == 1


def test_the_rail_is_told_step_by_step(board: Running, client: socket.socket) -> None:
    board.machine.memory.bytes[POWER_OFFSET + PowerRegister.MARKERS] = 2
    board.machine.ring(Event.POWER)
    until(lambda: ask(client, "power_log")["next"] == 2)
    log = ask(client, "power_log")
    assert [(each["microwatts"], each["markers"]) for each in log["samples"]] == [(BOARD_UW, 0), (BOARD_UW, 2)]
    assert ask(client, "power_log", since=1)["samples"] == log["samples"][1:]
    assert ask(client, "power_log", since=2) == {"samples": [], "next": 2}
    assert ask(client, "power_log", since=99) == {"samples": [], "next": 2}
    ask(client, "power_off")
    ask(client, "power_on")
    assert ask(client, "power_log", since=2)["next"] == 3


def test_energy_is_the_area_under_the_rail(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(power.time, "monotonic", lambda: now)
    memory = Memory()
    page, rail = Page(memory, POWER_OFFSET), Power(memory)
    rail.power_on()
    for seconds, busy in ((1.0, 0.25), (0.1, 0.5), (0.0, 0.5), (3.0, 0.0)):  # also longer than the wall's clock went
        now += seconds
        rail.engine_ran(busy)
    now += 10.0
    rail.marked()
    samples = list(rail.samples)
    area = sum(a.microwatts * (b.time - a.time) for a, b in pairwise(samples))
    assert all(a.time <= b.time for a, b in pairwise(samples))
    energy = (page[PowerRegister.ENERGY_NJ] | page[PowerRegister.ENERGY_NJ_HIGH] << 32) / 1e3
    assert energy == pytest.approx(area, rel=1e-6)
    assert area == pytest.approx(14.1 * BOARD_UW + 1.25 * ENGINE_UW)
    assert page[PowerRegister.RAIL_UW] == BOARD_UW
    memory.close()
