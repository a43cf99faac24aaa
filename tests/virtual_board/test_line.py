"""The serial line between a host's pseudo-terminal and a socket that stands for QEMU's UART."""

from __future__ import annotations

import os
import random
import selectors
import socket
import termios
import time
from collections.abc import Callable, Iterator

import pytest

from host_tools.virtual_board.line import BACKLOG, Line

PATIENCE = 20.0  # seconds; only a test that fails waits so long
PLENTY = 1 << 20


class Wire:
    """A line, and the other ends of both sides."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.line = Line(self.selector)
        self.guest, self.uart = socket.socketpair()
        self.guest.setblocking(False)
        self.uart.setblocking(False)
        self.ends = 0
        self.turns = 0
        self.line.connect(self.uart, self.end)

    def end(self) -> None:
        self.ends += 1
        self.line.disconnect()
        self.uart.close()

    def open(self) -> int:
        return os.open(self.line.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def turn(self, wait: float = 0.0) -> bool:
        """Let the line do what there is to do; return whether there was anything."""
        ready = self.selector.select(wait)
        for key, _ in ready:
            key.data()
        self.turns += bool(ready)
        return bool(ready)

    def settle(self) -> None:
        while self.turn(0.02):
            pass

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            self.turn(0.001)

    def close(self) -> None:
        self.line.close()
        self.selector.close()
        self.guest.close()
        self.uart.close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.close()


@pytest.fixture
def host(wire: Wire) -> Iterator[int]:
    host = wire.open()
    yield host
    os.close(host)


def write(end: int | socket.socket, data: bytes) -> int:
    """Write what goes in, without waiting."""
    try:
        return end.send(data) if isinstance(end, socket.socket) else os.write(end, data)
    except BlockingIOError:
        return 0


def read(end: int | socket.socket, size: int = 65536) -> bytes:
    try:
        return end.recv(size) if isinstance(end, socket.socket) else os.read(end, size)
    except BlockingIOError:
        return b""


def pass_through(wire: Wire, source: int | socket.socket, sink: int | socket.socket, data: bytes) -> None:
    """Send and receive in random pieces; each side rests now and then."""
    rng, received = random.Random(3), bytearray()
    left = memoryview(data)

    def go_on() -> bool:
        nonlocal left
        if rng.random() < 0.5:
            left = left[write(source, bytes(left[: rng.randrange(1, 20_000)])) :] if left else left
        if rng.random() < 0.5:
            received.extend(read(sink, rng.randrange(1, 20_000)))
        return len(received) >= len(data)

    wire.until(go_on)
    assert received == data


def fill(wire: Wire, source: int | socket.socket) -> int:
    """Send until nothing goes in any more; return how much did. Bytes are their position's."""
    total = 0
    while total < PLENTY:
        sent = write(source, bytes(each % 251 for each in range(total, total + 1000)))
        total += sent
        if not sent:
            wire.settle()
            if not (again := write(source, bytes([total % 251]))):
                break
            total += again
    return total


def test_bytes_of_all_kinds_go_both_ways(wire: Wire, host: int) -> None:
    data = bytes(range(256)) * 1200
    pass_through(wire, host, wire.guest, data)
    pass_through(wire, wire.guest, host, data)


def test_a_host_that_sends_faster_than_the_guest_takes_is_held_back(wire: Wire, host: int) -> None:
    sent = fill(wire, host)
    assert BACKLOG <= sent < PLENTY
    received = bytearray()

    def drain() -> bool:
        received.extend(read(wire.guest))
        return len(received) >= sent

    wire.until(drain)
    assert received == bytes(each % 251 for each in range(sent))
    pass_through(wire, host, wire.guest, b"again" * 1000)


def test_a_guest_that_sends_faster_than_the_host_takes_is_held_back(wire: Wire, host: int) -> None:
    sent = fill(wire, wire.guest)
    assert BACKLOG <= sent < PLENTY
    received = bytearray()

    def drain() -> bool:
        received.extend(read(host))
        return len(received) >= sent

    wire.until(drain)
    assert received == bytes(each % 251 for each in range(sent))
    pass_through(wire, wire.guest, host, b"again" * 1000)


def test_what_nobody_hears_is_lost_and_holds_nobody_back(wire: Wire) -> None:
    assert fill(wire, wire.guest) >= PLENTY
    wire.settle()
    host = wire.open()
    wire.guest.send(b"new")
    wire.settle()
    assert read(host) == b"new"
    os.close(host)


def test_the_next_host_finds_a_raw_line_without_anything_of_the_one_before(wire: Wire) -> None:
    for amount in (10, 5_000, BACKLOG):
        host = wire.open()
        attributes = termios.tcgetattr(host)
        attributes[3] |= termios.ICANON | termios.ECHO
        wire.guest.send(b"x" * amount)
        wire.settle()
        os.write(host, b"last words")
        termios.tcsetattr(host, termios.TCSANOW, attributes)
        os.close(host)
        wire.settle()
        assert read(wire.guest).endswith(b"last words")
        host = wire.open()
        assert not termios.tcgetattr(host)[3] & (termios.ICANON | termios.ECHO)
        wire.guest.send(b"\x03\r\n")
        wire.settle()
        assert read(host) == b"\x03\r\n"
        os.close(host)
        wire.settle()


def test_an_idle_line_costs_nothing(wire: Wire) -> None:
    wire.settle()
    before = wire.turns
    wire.settle()
    host = wire.open()
    wire.settle()
    os.close(host)
    wire.settle()
    assert wire.turns - before <= 3


def test_a_second_host_on_the_same_line_may_leave(wire: Wire, host: int) -> None:
    os.close(wire.open())
    wire.settle()
    pass_through(wire, wire.guest, host, b"still here" * 1000)


def test_the_guest_ends(wire: Wire, host: int) -> None:
    wire.guest.close()
    wire.until(lambda: wire.ends > 0)
    os.write(host, b"waits for the next one")
    wire.settle()
    wire.guest, wire.uart = socket.socketpair()
    wire.uart.setblocking(False)
    wire.line.connect(wire.uart, wire.end)
    wire.settle()
    assert wire.guest.recv(100) == b"waits for the next one" and wire.ends == 1
