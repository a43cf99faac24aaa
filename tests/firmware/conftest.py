"""A board that runs in a process, and links to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pal_edge.board import Board
from pal_edge.board.records import Identity
from pal_edge.link import Connection
from pal_edge.spec.link import (
    Command,
)

from .host_board import HostBoard
from .requests import ask


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


@pytest.fixture
def free(link: Connection) -> Callable[[], int]:
    return lambda: Identity.parse(ask(link, Command.IDENTIFY)).memory_free
