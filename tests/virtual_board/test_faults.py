"""What the processor refuses is kept as a crash record over the reset that follows, and the board serves again.

QEMU's debugger stub takes the place of the faulty program: it sends the running firmware astray.
"""

from __future__ import annotations

import re
import shutil
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from host_tools.virtual_board import boards
from host_tools.virtual_board.boards import VirtualBoard
from pal_edge.board import Crash, connect
from pal_edge.spec.link import ResetReason
from pal_edge.spec.virtual_board import RAM_BASE

REGISTERS = {"r0": 0, "r1": 1, "r2": 2, "r3": 3, "sp": 13}  # their numbers in the debugger's protocol
PC = 15
CODE = 0x200
MEMORY_FAULT, USAGE_FAULT = 4, 6  # of exceptions
CRASH_WATCHDOG = 0x100
WATCHDOG_LOAD, WATCHDOG_LOCK = 0x40008000, 0x40008C00
STACK = 0x20000000  # its lowest address, where the guard is


class Debugger:
    """A few commands of GDB's remote protocol; the board stands still while this is connected."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(str(path))
        self.received = b""

    def __enter__(self) -> Debugger:
        self.ask("qXfer:features:read:target.xml:0,fff")  # before that it does not know single registers
        return self

    def __exit__(self, *_: object) -> None:
        """Let the board run on."""
        with self.socket:
            self.do("D")

    def ask(self, command: str) -> str:
        self.socket.sendall(f"${command}#{sum(command.encode()) % 256:02x}".encode())
        answer = "T"
        while answer.startswith("T"):  # that the board has stopped, told at any time
            while not (packet := re.match(rb"[^$]*\$([^#]*)#..", self.received, re.DOTALL)):
                self.received += self.socket.recv(4096)
            self.received = self.received[packet.end() :]
            self.socket.sendall(b"+")
            answer = packet[1].decode("latin-1")
        return answer

    def do(self, command: str) -> None:
        assert self.ask(command) == "OK"

    def set(self, register: int, value: int) -> None:
        self.do(f"P{register:x}={struct.pack('<I', value).hex()}")

    def write(self, address: int, data: bytes) -> None:
        self.do(f"M{address:x},{len(data):x}:{data.hex()}")


Stubbed = tuple[VirtualBoard, Path]  # and the socket of its debugger's stub
Astray = Callable[[Debugger], None]


@pytest.fixture(scope="module")
def board(qemu: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stubbed]:
    """A board whose QEMU has its debugger's stub open, on the socket."""
    folder = tmp_path_factory.mktemp("qemu")
    stub, wrapper = folder / "gdb.sock", folder / "qemu-system-arm"
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which(wrapper.name)} "$@" -gdb unix:{stub},server=on,wait=off\n')
    wrapper.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder), prepend=":")
        with boards.temporary() as started:
            yield started, stub


def run(*instructions: int, **registers: int) -> Astray:
    """Run these, with interrupts on, in the bootloader's place, where the next reset puts it again; then loop."""

    def send(debugger: Debugger) -> None:
        code = (0xB662, *instructions, 0xE7FE)  # cpsie i; ...; b .
        debugger.write(CODE, struct.pack(f"<{len(code)}H", *code))
        for name, value in registers.items():
            debugger.set(REGISTERS[name], value)
        debugger.set(PC, CODE)

    return send


@pytest.mark.parametrize(("astray", "reason"), [
    (run(0xDE00), USAGE_FAULT),  # udf
    (run(0x4708, r1=0x20001001), MEMORY_FAULT),  # bx r1: data does not run
    (run(0x6008, r1=RAM_BASE), MEMORY_FAULT),  # str r0, [r1]: nobody writes into flash past its controller
    (run(0x6008, r1=0x00100400), MEMORY_FAULT),  # nor into code
    (run(0xB5F0, 0xB5F0, sp=STACK + 0x110), MEMORY_FAULT),  # push {r4-r7, lr} twice: into the guard
    (run(0x6008, r1=0x10000000), MEMORY_FAULT),  # where there is nothing
])  # fmt: skip
def test_a_fault_is_kept(board: Stubbed, astray: Astray, reason: int) -> None:
    check_kept(board, astray, reason, ResetReason.CRASH)


def test_the_watchdog_ends_a_loop(board: Stubbed) -> None:
    """In 50 ms instead of its ten seconds: str r0, [r1]; str r2, [r3]."""
    hurry = run(0x6008, 0x601A, r0=0x1ACCE551, r1=WATCHDOG_LOCK, r2=25_000_000 // 20, r3=WATCHDOG_LOAD)
    crash = check_kept(board, hurry, CRASH_WATCHDOG, ResetReason.WATCHDOG)
    assert crash.registers[6] == CODE + 6  # where it was


def check_kept(board: Stubbed, astray: Astray, reason: int, reset: ResetReason) -> Crash:
    running, stub = board
    with Debugger(stub) as debugger:
        astray(debugger)
    with connect(f"serial:{running.serial}") as link:  # USB is away for the time of a reset
        identity = link.identify()
        assert identity.crashed and identity.reset_reason == reset
        crash = link.crash(clear=True)
        assert crash is not None and crash.reason == reason
        assert crash.version == identity.version
        assert link.crash() is None
        return crash
