"""Faults on purpose: with any one instruction skipped, once, the boot library accepts no bad image.

A small bootloader (firmware/tests/fault) runs on QEMU; its debugger's port stops it at an instruction and goes on
behind it. The program's exit code tells what came of the image.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2] / "firmware" / "tests"
ELF = TESTS.parent / "build" / "tests" / "fault.elf"
REFUSED, ACCEPTED = 1, 42
VALID, FORGED, DAMAGED, FOREIGN, DOWNGRADE, ELSEWHERE, NOT_SIGNED, MISPLACED = range(8)
BAD = (FORGED, DAMAGED, FOREIGN, DOWNGRADE, ELSEWHERE, NOT_SIGNED, MISPLACED)
ALL = ("verify", "start", "load", "boot_check_memory", "boot_insist", "boot_read", "journal_read", "find", "decode",
       "same", "hard_step", "differ", "misplaced", "below", "other_key", "forged", "image_parse", "parse_area",
       "area_size", "fetch", "image_hash", "crypto_verify_32", "crypto_verify_n", "crypto_eddsa_check_equation",
       "crypto_verify32", "is_above_l", "memcmp", "pal_load_u32")  # fmt: skip
PC = 15


@dataclass(frozen=True)
class Program:
    offer: int  # address of the variable that says which image
    instructions: dict[str, list[tuple[int, int]]]  # by function: address, bytes
    branches: list[tuple[int, int]]  # of the check, calls among them

    @classmethod
    def read(cls) -> Program:
        def tool(name: str, option: str) -> str:
            command = [f"arm-none-eabi-{name}", option, ELF]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout

        functions: dict[str, list[tuple[int, int]]] = {}
        branches = []
        for line in tool("objdump", "-d").splitlines():
            if head := re.match(r"[0-9a-f]+ <(.+)>:", line):
                function = functions.setdefault(head[1], [])
                checks = head[1] == "verify"
            elif found := re.match(r" +([0-9a-f]+):\t[0-9a-f]{4}( [0-9a-f]{4})? *\t(?!\.)(c?b[a-z.]*\t)?", line):
                function.append((int(found[1], 16), 4 if found[2] else 2))
                if checks and found[3]:
                    branches.append(function[-1])
        [offer] = re.findall(r"^([0-9a-f]+) \w offer$", tool("nm", "-p"), re.MULTILINE)
        return cls(int(offer, 16), functions, branches)


class Machine:
    """QEMU with the program, stopped before its first instruction, and its debugger's port."""

    def __init__(self) -> None:
        here, there = socket.socketpair()
        with there:
            self.process = subprocess.Popen(
                ["qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-serial", "null", "-monitor", "none",
                 "-semihosting", "-kernel", str(ELF), "-S",
                 "-chardev", f"socket,id=debugger,fd={there.fileno()}", "-gdb", "chardev:debugger"],
                pass_fds=[there.fileno()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        self.port = here
        self.port.settimeout(30)
        self.buffer = b""
        self.ask("qSupported:xmlRegisters=arm")
        self.ask("qXfer:features:read:target.xml:0,ffb")  # registers have their numbers only after that

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.port.close()

    def send(self, text: str) -> None:
        self.port.sendall(b"$%s#%02x" % (text.encode(), sum(text.encode()) % 256))

    def ask(self, text: str) -> str:
        """Return the answer; empty when the program has ended."""
        self.send(text)
        while not (found := re.search(rb"\$([^#]*)#..", self.buffer)):
            try:
                received = self.port.recv(4096)
            except ConnectionError:
                received = b""
            if not received:
                return ""
            self.buffer += received
        self.buffer = self.buffer[found.end() :]
        with contextlib.suppress(OSError):  # the program has ended, that was its answer
            self.port.sendall(b"+")
        return found[1].decode()

    def outcome(self) -> int | None:
        """Let it run to its end; None: it hangs, as it should when it finds a fault."""
        self.send("D")
        try:
            return self.process.wait(2)
        except subprocess.TimeoutExpired:
            return None


def attempt(program: Program, offer: int, skipped: tuple[int, int] | None, time: int) -> int | str | None:
    """The outcome for an image with an instruction skipped when it is due for the `time`-th time."""
    with Machine() as machine:
        assert machine.ask(f"M{program.offer:x},1:{offer:02x}") == "OK"
        if skipped is not None:
            address, size = skipped
            for i in range(time):
                if i:
                    machine.ask("s")
                assert machine.ask(f"Z0,{address:x},2") == "OK"
                if not machine.ask("c").startswith("T05"):
                    return "not reached"
                assert machine.ask(f"z0,{address:x},2") == "OK"
            assert machine.ask(f"P{PC:x}={(address + size).to_bytes(4, 'little').hex()}") == "OK"
        return machine.outcome()


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    for tool, package in (("qemu-system-arm", "qemu-system-arm"), ("arm-none-eabi-gcc", "gcc-arm-none-eabi")):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed (Debian: {package})")
    command = ["make", "-s", "-C", TESTS, "fault", f"PYTHON={sys.executable}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    yield Program.read()


def skip_each(
    program: Program, offer: int, places: list[tuple[int, int]], times: int
) -> Counter[int | str | None]:
    """Skip each instruction in turn; return how often each outcome was seen."""
    tries = [(place, time) for place in places for time in range(1, times + 1)]
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda one: attempt(program, offer, *one), tries))
    seen = zip(tries, outcomes, strict=True)
    accepted = [f"{place[0]:#x}, {time}" for (place, time), outcome in seen if outcome == ACCEPTED]
    assert offer == VALID or not accepted, f"image {offer} was accepted with one instruction skipped: {accepted}"
    return Counter(outcomes)


def test_nothing_skipped(program: Program) -> None:
    assert attempt(program, VALID, None, 0) == ACCEPTED
    for offer in BAD:
        assert attempt(program, offer, None, 0) == REFUSED


def test_branches(program: Program) -> None:
    """The image closest to a good one: only its counter is too low."""
    assert len(program.branches) > 30
    assert skip_each(program, DOWNGRADE, program.branches, 1)[REFUSED] > 10


@pytest.mark.exhaustive
def test_skips_matter(program: Program) -> None:
    """A step of the check that is missing refuses even a valid image."""
    outcomes = skip_each(program, VALID, program.instructions["verify"], 1)
    assert outcomes[REFUSED] > outcomes[ACCEPTED] > 0


@pytest.mark.exhaustive
@pytest.mark.parametrize("offer", BAD)
def test_every_instruction(program: Program, offer: int) -> None:
    places = [place for name in ALL for place in program.instructions.get(name, [])]
    assert skip_each(program, offer, places, 2)[REFUSED] > 500
