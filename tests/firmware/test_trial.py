"""New firmware must pass its self-test, or the former one comes back. The host's port runs the same program whatever
the images hold, so an engine that fails fails them all."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pal_edge.board import Board, flash_image
from pal_edge.spec.link import ResetReason, SlotState

from .host_board import HostBoard
from .signer import Signer


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(tmp_path_factory.mktemp("signer"))


def states(board: Board) -> list[SlotState]:
    return [slot.state for slot in board.slots()]


def test_firmware_is_confirmed_after_its_self_test(tmp_path: Path, signer: Signer) -> None:
    with HostBoard(tmp_path / "flash.bin", "--key", signer.public) as host, host.connect() as board:
        flash_image(board, signer.sign("1.2.3"))
        identity = board.restart()
        assert (identity.slot, identity.version) == (1, "1.2.3")
        assert states(board)[1] == SlotState.CONFIRMED
        assert "boot: slot 1 is confirmed" in board.log().text
        board.restart()
        assert "confirmed" not in board.log().text  # it is already


def test_firmware_that_fails_its_self_test_is_given_up(tmp_path: Path, signer: Signer) -> None:
    flash = tmp_path / "flash.bin"
    with HostBoard(flash, "--key", signer.public) as host, host.connect() as board:
        flash_image(board, signer.sign("1.0.0"))
        assert board.restart().version == "1.0.0"
    with HostBoard(flash, "--key", signer.public, "--fault", "4") as host, host.connect() as board:
        assert board.identify().version == "1.0.0"  # on trial no longer: it stays, and tells
        assert "error: self-test: the engine stopped with an error" in board.log().text
        result = flash_image(board, signer.sign("2.0.0"))
        assert states(board)[result.slot] == SlotState.PENDING
        board.restart()
        wait_for(lambda: board.identify().crashed)
        identity = board.identify()
        assert (identity.version, identity.reset_reason) == ("1.0.0", ResetReason.CRASH)
        crash = board.crash()
        assert crash and crash.version == "2.0.0" and crash.text == "self-test on trial failed"
        assert states(board)[result.slot] == SlotState.REJECTED
