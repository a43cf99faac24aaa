"""Firmware and models on the virtual board, with the power failing, the host dying and images that lie."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from host_tools.virtual_board import firmware
from host_tools.virtual_board.boards import VirtualBoard
from pal_edge.board import Board, connect, flash_image, flash_model
from pal_edge.errors import DeviceBusy, DeviceError, ImageError, PalError, StoreFullError
from pal_edge.runtime import InferenceSession
from pal_edge.spec.link import Mode, ResetReason, SlotState
from pal_edge.spec.targets import TARGETS
from pal_edge.spec.virtual_board import ID
from tests.runtime.contract import MODEL, feed
from tests.virtual_board.conftest import Starter

BUILD = firmware.SOURCES / "build"
KEY = BUILD / "keys" / "development.pem"
HANG = bytes.fromhex("fee7")  # b .
CUTS = (1, 2, 30, 257, 400, 3000, 4100, 4180)  # of some 4,200 operations of a firmware update


def board_tlv(number: int) -> str:
    return "0x" + number.to_bytes(4, "little").hex()


@pytest.fixture
def signed(tmp_path: Path) -> Callable[..., bytes]:
    """Sign the application's code, or other code, as the build does."""

    def sign(version: str, *, code: bytes | None = None, counter: int = 1, board: int = ID, key: Path = KEY) -> bytes:
        if code is None:
            code = (BUILD / "virt" / "application.bin").read_bytes()
        source, image = tmp_path / "code.bin", tmp_path / "image.bin"
        source.write_bytes(code)
        subprocess.run(
            [sys.executable, "-m", "imgtool.main", "sign", "--key", str(key), "--header-size", "0x100", "--pad-header",
             "--slot-size", "0x40000", "--align", "1", "--load-addr", "0x00100000", "--version", version,
             "--security-counter", str(counter), "--custom-tlv", "0x00a0", board_tlv(board), str(source), str(image)],
            check=True, capture_output=True)
        return image.read_bytes()

    return sign


def other_code() -> bytes:
    """Return the application with a text changed, so that most of it is the same."""
    code = (BUILD / "virt" / "application.bin").read_bytes()
    assert code.count(b"self-test") >= 1
    return code.replace(b"self-test", b"self_test")


def versions(board: Board) -> tuple[str, str]:
    first, second = board.slots()
    return first.version, second.version


def test_new_firmware_boots_on_trial_and_stays(start: Starter, signed: Callable[..., bytes]) -> None:
    with connect(start().usb) as board:
        result = flash_image(board, signed("1.2.3", code=other_code(), counter=2))
        assert result.slot == 1 and result.sent + result.received < result.size / 20  # the rest is on the board
        assert board.slots()[1].state == SlotState.PENDING
        identity = board.restart()
        assert (identity.slot, identity.version, identity.security_counter) == (1, "1.2.3", 2)
        assert board.slots()[1].state == SlotState.CONFIRMED
        assert flash_image(board, signed("1.2.3", code=other_code(), counter=2)).already
        with pytest.raises(ImageError, match="security counter 1 is older than the board's, 2"):
            flash_image(board, signed("1.2.4", counter=1))


def test_the_board_itself_refuses_what_the_host_would_let_pass(
        start: Starter, signed: Callable[..., bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other_key = tmp_path / "other.pem"
    subprocess.run([sys.executable, "-m", "imgtool.main", "keygen", "-t", "ed25519", "-k", str(other_key)], check=True,
                   capture_output=True)
    monkeypatch.setattr("pal_edge.board.image.Image.check_board", lambda *_: None)
    with connect(start().usb) as board:
        with pytest.raises(ImageError, match="not signed by the key"):
            flash_image(board, signed("2.0.0", key=other_key))
        with pytest.raises(ImageError, match="for another board"):
            flash_image(board, signed("2.0.0", board=ID + 1))
        assert board.slots()[1].state not in (SlotState.PENDING, SlotState.VALID, SlotState.CONFIRMED)
        assert board.restart().slot == 0


def test_an_image_that_hangs_is_reverted_by_the_watchdog(start: Starter, signed: Callable[..., bytes]) -> None:
    code = bytearray((BUILD / "virt" / "application.bin").read_bytes())
    entry = int.from_bytes(code[4:8], "little") - 1 - 0x00100000 - 0x100  # of the reset vector
    code[entry : entry + 2] = HANG
    with connect(start().usb) as board:
        flash_image(board, signed("6.6.6", code=bytes(code)))
        identity = board.restart(timeout=40)
        assert (identity.slot, identity.version[:1]) == (0, "0")
        assert board.slots()[1].state == SlotState.REJECTED
        assert "watchdog" in str(board.crash(clear=True))
        assert board.crash() is None


@pytest.mark.parametrize("operations", CUTS)
def test_the_power_fails_while_firmware_is_written(start: Starter, signed: Callable[..., bytes],
                                                   operations: int) -> None:
    virtual = start()
    image = signed("3.0.0", code=other_code() + np.random.default_rng(0).bytes(20_000))
    with connect(virtual.usb) as board:
        flash_model(board, "kept", MODEL_FOR_BOARD)
        virtual.ask("cut_after", operations=operations)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("pal_edge.board.flash.RETRIES", 0)  # a host that gives up when the link breaks
            with contextlib.suppress(DeviceError):
                flash_image(board, image)
                board.restart()
    assert virtual.ask("status")["power_cuts"] == 1
    with connect_again(virtual) as board:
        assert board.identify().mode == Mode.APPLICATION and board.fetch("kept") == MODEL_FOR_BOARD
        flash_image(board, signed("3.0.1", code=other_code()))
        assert board.restart().version == "3.0.1"


@pytest.mark.parametrize("operations", (1, 2, 40, 60, 300))
def test_the_power_fails_while_a_model_is_written(start: Starter, operations: int) -> None:
    virtual = start()
    with connect(virtual.usb) as board:
        flash_model(board, "kept", MODEL_FOR_BOARD)
        flash_model(board, "changing", MODEL_FOR_BOARD)
        virtual.ask("cut_after", operations=operations)
        newer = larger_model(20_000)
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(DeviceError):
            patch.setattr("pal_edge.board.flash.RETRIES", 0)
            flash_model(board, "changing", newer)
    assert virtual.ask("status")["power_cuts"] == 1
    with connect_again(virtual) as board:
        assert board.fetch("kept") == MODEL_FOR_BOARD and board.fetch("changing") in (MODEL_FOR_BOARD, newer)
        flash_model(board, "changing", newer)
        assert board.fetch("changing") == newer


def test_a_host_dies_and_the_next_one_goes_on(start: Starter, tmp_path: Path) -> None:
    virtual = start()
    model = tmp_path / "large.pal"
    model.write_bytes(larger_model(150_000))
    command = [sys.executable, "-m", "pal_edge", "flash", str(model), "--device", f"serial:{virtual.serial}"]
    host = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: virtual.ask("status")["flash_operations"] > 2000)
    host.send_signal(signal.SIGKILL)
    host.communicate()
    with connect(virtual.usb) as board:
        assert board.models() == []
        result = flash_model(board, "large", model.read_bytes())
        assert result.skipped > 5 and board.fetch("large") == model.read_bytes()


def test_unplugged_in_mid_inference_and_back(start: Starter) -> None:
    virtual = start(target="pal-e32")
    with InferenceSession(MODEL, virtual.usb) as session:
        session.run(None, feed())
        virtual.ask("power_off")
        with pytest.raises(DeviceError):
            session.run(None, feed())
        virtual.ask("power_on")
        wait_until(lambda: virtual.ask("status")["usb_attached"])
        with pytest.raises(DeviceError, match="open it again"):
            session.run(None, feed())
    with InferenceSession(MODEL, virtual.usb) as session:
        assert session.self_test()


def test_two_hosts_at_once(start: Starter) -> None:
    virtual = start()
    for uri in (virtual.usb, f"serial:{virtual.serial}"):
        with connect(uri) as first:
            with pytest.raises(DeviceBusy, match="in use by another program"):
                connect(uri)
            assert first.echo(b"still here") == b"still here"


def test_garbage_on_the_line(start: Starter) -> None:
    virtual = start()
    line = os.open(virtual.serial, os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(line, np.random.default_rng(1).bytes(3000))
    finally:
        os.close(line)
    with connect(f"serial:{virtual.serial}") as board:
        assert board.echo(bytes(range(256))) == bytes(range(256))


def test_recovery_by_hand_and_when_nothing_boots(start: Starter, signed: Callable[..., bytes]) -> None:
    virtual = start()
    with connect(virtual.usb) as board:
        flash_model(board, "kept", MODEL_FOR_BOARD)
        assert board.restart(Mode.BOOTLOADER).mode == Mode.BOOTLOADER
        with pytest.raises(PalError, match="bootloader"):
            board.models()
        assert board.restart().mode == Mode.APPLICATION
    virtual.ask("recovery", down=True)
    virtual.ask("power_cut")
    with connect_again(virtual) as board:
        assert board.identify().mode == Mode.BOOTLOADER
    virtual.ask("recovery", down=False)
    virtual.ask("flip", address=0x2000, bit=3)  # of the only image
    virtual.ask("power_cut")
    with connect_again(virtual) as board:
        assert board.identify().mode == Mode.BOOTLOADER
        flash_image(board, signed("4.0.0"))
        identity = board.restart()
        assert (identity.mode, identity.version) == (Mode.APPLICATION, "4.0.0")
        assert identity.reset_reason == ResetReason.SOFTWARE and board.fetch("kept") == MODEL_FOR_BOARD


@pytest.mark.parametrize("address", (0, 9, 0x24, 0x108, 0x5000, -1))
def test_a_flipped_bit_anywhere_in_an_image_is_refused(start: Starter, address: int) -> None:
    virtual = start()
    image = (BUILD / "virt" / "application.signed.bin").read_bytes()
    virtual.ask("flip", address=address % len(image), bit=0)
    virtual.ask("power_cut")
    with connect_again(virtual) as board:
        assert board.identify().mode == Mode.BOOTLOADER
        assert board.slots()[0].state == SlotState.INVALID


def test_a_full_store(start: Starter) -> None:
    with connect(start().usb) as board:
        large = larger_model(4 << 20)
        flash_model(board, "first", large)
        with pytest.raises(StoreFullError, match="the largest that fits"):
            flash_model(board, "second", large)
        flash_model(board, "small", MODEL_FOR_BOARD)
        assert board.fetch("small") == MODEL_FOR_BOARD


def larger_model(size: int) -> bytes:
    constants = MODEL.constants + np.random.default_rng(size).bytes(size)
    return replace(MODEL, constants=constants, pieces=(), target=TARGETS["pal-e128"]).to_bytes()


MODEL_FOR_BOARD = replace(MODEL, target=TARGETS["pal-e128"]).to_bytes()


def wait_until(condition: Callable[[], bool], timeout: float = 30.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def connect_again(virtual: VirtualBoard, timeout: float = 20.0) -> Board:
    """Connect to a board that is on its way back."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return connect(virtual.usb)
        except DeviceError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
