"""The application as a process of this machine, under sanitizers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Self

from pal_edge.board import Board, connect
from pal_edge.link import Connection, Response, open_transport
from pal_edge.runtime.native import lib
from pal_edge.spec.link import MessageRecord

FIRMWARE = Path(__file__).parents[2] / "firmware"


@cache
def build() -> Path:
    """Return the program, made if need be."""
    made = subprocess.run(["make", "-s", "-j2", "-C", FIRMWARE / "boards" / "host", "all"], capture_output=True,
                          text=True)
    if made.returncode:
        raise RuntimeError(made.stderr)
    return FIRMWARE / "build" / "host" / "application"


class HostBoard:
    """A running board. Leaving it checks that no sanitizer had anything to say.

    Attributes:
        serial: URI of its serial port.
        usb: of the other port, a pseudo-terminal too.
    """

    def __init__(self, flash: Path, *options: str) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("BOARD_")}
        self._process = subprocess.Popen([build(), flash, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                         text=True, env=environment)
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(self._process.communicate()[1])
        ports: dict[str, Any] = json.loads(line)
        self.path, self.serial, self.usb = ports["serial"], f"serial:{ports['serial']}", f"serial:{ports['usb']}"

    def connect(self, uri: str = "") -> Board:
        return connect(uri or self.serial)

    def link(self, uri: str = "") -> Connection:
        return Connection(open_transport(uri or self.serial))

    def crash(self) -> None:
        self._process.send_signal(signal.SIGUSR1)

    def starve(self) -> None:
        """The watchdog bites."""
        self._process.send_signal(signal.SIGALRM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        status = self._process.poll()
        self._process.kill()
        _, said = self._process.communicate()
        assert status is None, said
        assert not said, said


def submit(link: Connection, command: int, body: bytes = b"", length: int | None = None) -> int:
    """Send a request of any length, without waiting; return its number for `answer`."""
    link._next = (link._next + 1) & 0xFFFF
    link._unsent += MessageRecord(command, 0, link._next, len(body) if length is None else length).pack() + body
    link._expected.add(link._next)
    link._push()
    link._pump(0)
    return link._next


def settle(link: Connection) -> None:
    """Wait until the board has everything that was submitted."""
    while not lib.pal_link_flushed(link._link):
        link._pump(0.01)


def answer(link: Connection, number: int, timeout: float = 10) -> Response:
    return link._await(number, timeout)

