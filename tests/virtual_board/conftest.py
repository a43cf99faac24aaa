"""Virtual boards for tests: in folders of their own, stopped whatever happens."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from host_tools.virtual_board import boards, firmware
from host_tools.virtual_board.boards import VirtualBoard
from pal_edge.spec.virtual_board import RAM_BASE

Starter = Callable[..., VirtualBoard]


@pytest.fixture(scope="module", autouse=True)
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A user of the tests' own, whose boards are the only ones to be seen."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(home / "state"))
        patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
        yield home
        for each in boards.running():
            each.stop()


@pytest.fixture(scope="session")
def qemu() -> None:
    """Skip where a virtual board cannot be."""
    for tool, package in (("qemu-system-arm", "qemu-system-arm"), (firmware.COMPILER, "gcc-arm-none-eabi")):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed (Debian: {package})")


@pytest.fixture
def start(qemu: None, tmp_path: Path) -> Iterator[Starter]:
    """Start boards that live as long as the test."""
    started: list[VirtualBoard] = []

    def make(name: str = "board", **options: object) -> VirtualBoard:
        board = boards.start(tmp_path / name, **options)  # type: ignore[arg-type]
        started.append(board)
        return board

    yield make
    for each in started:
        each.stop()


@pytest.fixture(scope="module")
def lasting(qemu: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualBoard]:
    """One board with the smallest engine, for many tests."""
    board = boards.start(tmp_path_factory.mktemp("lasting") / "board", target="pal-e32")
    yield board
    board.stop()


def poke(board: VirtualBoard, address: int, data: bytes) -> None:
    """Change the board's shared memory behind its back; `address` is the bus's."""
    descriptors = Path(f"/proc/{board.pid}/fd")
    memory = next(each for each in descriptors.iterdir() if "pal-board" in os.readlink(each))
    with open(memory, "r+b") as file:
        file.seek(address - RAM_BASE)
        file.write(data)
