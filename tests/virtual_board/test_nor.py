"""The NOR flash without a processor: what lasts, what does not, and what a power cut leaves."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tools.virtual_board import nor
from host_tools.virtual_board.memory import Memory, Page
from host_tools.virtual_board.nor import Nor, PowerCut
from pal_edge.spec.virtual_board import (
    NOR_BUFFER,
    NOR_BUFFER_OFFSET,
    NOR_GRANULE,
    NOR_OFFSET,
    NOR_REGS_OFFSET,
    NOR_SECTOR,
    NOR_SIZE,
    NorRegister,
)

BLANK = b"\xff"


class Controller:
    """The flash of a folder, and what firmware does with its registers."""

    def __init__(self, path: Path, seed: int = 0) -> None:
        self.path = path
        self.memory = Memory()
        self.page = Page(self.memory, NOR_REGS_OFFSET)
        self.nor = Nor(self.memory, path, seed)
        self.nor.power_on()

    def submit(self, command: int, address: int, length: int, data: bytes = b"") -> int:
        self.memory.bytes[NOR_BUFFER_OFFSET : NOR_BUFFER_OFFSET + len(data)] = data
        for register, value in ((NorRegister.COMMAND, command), (NorRegister.ADDRESS, address),
                                (NorRegister.LENGTH, length),
                                (NorRegister.SUBMIT, self.page[NorRegister.SUBMIT] + 1)):
            self.page[register] = value
        self.nor.poll()
        assert self.page[NorRegister.DONE] == self.page[NorRegister.SUBMIT]
        return self.page[NorRegister.STATUS]

    def erase(self, address: int, length: int = NOR_SECTOR) -> int:
        return self.submit(nor.ERASE, address, length)

    def program(self, address: int, data: bytes) -> int:
        return self.submit(nor.PROGRAM, address, len(data), data)

    def read(self, address: int, length: int) -> bytes:
        """Return what the window shows, which is what the file has."""
        shown = bytes(self.memory.bytes[NOR_OFFSET + address : NOR_OFFSET + address + length])
        with open(self.path, "rb") as file:
            file.seek(address)
            assert file.read(length) == shown
        return shown

    def close(self) -> None:
        self.nor.close()
        self.memory.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "flash.bin"
    path.write_bytes(BLANK * NOR_SIZE)
    return path


@pytest.fixture
def flash(path: Path) -> Iterator[Controller]:
    controller = Controller(path)
    yield controller
    controller.close()


def test_the_controller_says_what_it_is(flash: Controller) -> None:
    assert [flash.page[each] for each in (NorRegister.ID, NorRegister.SIZE, NorRegister.SECTOR,
                                          NorRegister.GRANULE)] == [0x524F4E50, NOR_SIZE, NOR_SECTOR, NOR_GRANULE]


def test_programming_only_clears_bits_and_erasing_sets_them(flash: Controller) -> None:
    assert flash.program(NOR_SECTOR, b"\xf0" * 32) == nor.DONE
    assert flash.program(NOR_SECTOR, b"\x30" * 32) == nor.DONE
    assert flash.program(NOR_SECTOR, b"\x31" * 16 + b"\x10" * 16) == nor.VERIFY
    assert flash.read(NOR_SECTOR - 1, 34) == BLANK + b"\x30" * 16 + b"\x10" * 16 + BLANK
    assert flash.erase(NOR_SECTOR) == nor.DONE and flash.read(NOR_SECTOR, NOR_SECTOR) == BLANK * NOR_SECTOR
    assert flash.nor.operations == 3 * 2 + 1


def test_the_whole_buffer_and_the_whole_flash(flash: Controller) -> None:
    data = random.Random(1).randbytes(NOR_BUFFER)
    assert flash.program(NOR_SIZE - NOR_BUFFER, data) == nor.DONE
    assert flash.read(NOR_SIZE - NOR_BUFFER, NOR_BUFFER) == data
    assert flash.erase(0, NOR_SIZE) == nor.DONE and flash.read(0, NOR_SIZE) == BLANK * NOR_SIZE


@pytest.mark.parametrize(("command", "address", "length", "status"), [
    (nor.ERASE, 1, NOR_SECTOR, nor.RANGE),
    (nor.ERASE, 0, NOR_SECTOR - 1, nor.RANGE),
    (nor.ERASE, NOR_SIZE, NOR_SECTOR, nor.RANGE),
    (nor.ERASE, 2**32 - NOR_SECTOR, 2 * NOR_SECTOR, nor.RANGE),
    (nor.PROGRAM, 8, 16, nor.RANGE),
    (nor.PROGRAM, 0, 8, nor.RANGE),
    (nor.PROGRAM, 0, NOR_BUFFER + 16, nor.RANGE),
    (nor.PROGRAM, NOR_SIZE - 16, 32, nor.RANGE),
    (nor.PROGRAM, 2**32 - 16, 32, nor.RANGE),
    (0, 0, NOR_SECTOR, nor.UNKNOWN),
    (3, 0, NOR_SECTOR, nor.UNKNOWN),
])
def test_what_it_refuses_changes_nothing(flash: Controller, command: int, address: int, length: int,
                                         status: int) -> None:
    flash.program(0, bytes(16))
    assert flash.submit(command, address, length, bytes(16)) == status
    assert flash.read(0, NOR_SIZE) == bytes(16) + BLANK * (NOR_SIZE - 16)


def test_a_doorbell_without_a_request_does_nothing(flash: Controller) -> None:
    flash.program(0, bytes(16))
    flash.nor.poll()
    assert flash.nor.operations == 1


def test_it_lasts(flash: Controller, path: Path) -> None:
    flash.program(160, b"last" * 4)
    again = Controller(path)
    assert again.read(160, 16) == b"last" * 4
    again.close()


def test_a_cell_fails(flash: Controller) -> None:
    flash.program(0, bytes(16))
    flash.nor.flip(3, 7)
    flash.nor.flip(NOR_SIZE - 1, 0)
    assert flash.read(3, 1) == b"\x80" and flash.read(NOR_SIZE - 1, 1) == b"\xfe"
    for address in (-1, NOR_SIZE):
        with pytest.raises(ValueError, match="no byte"):
            flash.nor.flip(address, 0)


@pytest.mark.parametrize("operations", range(8))
def test_power_fails_while_it_programs(path: Path, operations: int) -> None:
    flash = Controller(path, seed=operations)
    old, new = b"\x5f" * 128, bytes(range(128))
    wanted = bytes(o & n for o, n in zip(old, new, strict=True))
    flash.program(256, old)
    flash.nor.cut_after = operations
    with pytest.raises(PowerCut):
        flash.program(256, new)
    found = [flash.read(256 + 16 * i, 16) for i in range(8)]
    assert found[:operations] == [wanted[16 * i : 16 * (i + 1)] for i in range(operations)]
    assert found[operations + 1 :] == [old[:16]] * (7 - operations)
    torn, meant = found[operations], wanted[16 * operations : 16 * (operations + 1)]
    assert torn not in (old[:16], meant)
    assert all(t & m == m and t & o == t for t, o, m in zip(torn, old[:16], meant, strict=True))
    assert flash.nor.cut_after is None  # once
    assert flash.page[NorRegister.DONE] != flash.page[NorRegister.SUBMIT]
    flash.close()


def test_power_fails_between_two_requests(flash: Controller) -> None:
    flash.nor.cut_after = 2
    flash.program(0, bytes(32))
    with pytest.raises(PowerCut):
        flash.program(64, bytes(16))
    assert flash.read(0, 32) == bytes(32)


@pytest.mark.parametrize("operations", range(3))
def test_power_fails_while_it_erases(path: Path, operations: int) -> None:
    flash = Controller(path, seed=operations)
    old = random.Random(9).randbytes(3 * NOR_SECTOR)
    flash.program(NOR_SECTOR, old)
    flash.nor.cut_after = operations
    with pytest.raises(PowerCut):
        flash.erase(NOR_SECTOR, 3 * NOR_SECTOR)
    found = [flash.read(NOR_SECTOR * (1 + i), NOR_SECTOR) for i in range(3)]
    were = [old[NOR_SECTOR * i : NOR_SECTOR * (i + 1)] for i in range(3)]
    assert found[:operations] == [BLANK * NOR_SECTOR] * operations and found[operations + 1 :] == were[operations + 1 :]
    torn = found[operations]
    assert torn not in (BLANK * NOR_SECTOR, were[operations])
    assert all(o & ~t == 0 for t, o in zip(torn, were[operations], strict=True))
    flash.close()


def test_like_a_plain_model_of_a_flash(flash: Controller) -> None:
    """Random requests within a few sectors, beside an implementation byte by byte."""
    rng, space = random.Random(2), 4 * NOR_SECTOR
    plain = bytearray(BLANK * space)
    for _ in range(300):
        address, length = rng.randrange(space // 16) * 16, rng.choice((16, 64, 4096))
        if rng.random() < 0.1:
            address = address // NOR_SECTOR * NOR_SECTOR
            flash.erase(address)
            plain[address : address + NOR_SECTOR] = BLANK * NOR_SECTOR
            continue
        data = bytes(rng.randrange(256) | rng.randrange(256) for _ in range(min(length, space - address)))
        before = plain[address : address + len(data)]
        status = flash.program(address, data)
        after = bytes(b & d for b, d in zip(before, data, strict=True))
        plain[address : address + len(data)] = after
        assert status == (nor.DONE if after == data else nor.VERIFY)
    assert flash.read(0, space) == plain
