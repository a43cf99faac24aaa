"""Devices on this chip keep the contract, over the engine's model behind files that look like UIO."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pal_edge.errors import DeviceBusy, DeviceError, DeviceNotFound, DevicePermissionError, DeviceTimeout
from pal_edge.numeric import encode
from pal_edge.runtime import Device, InferenceSession, mmio, open_device
from pal_edge.runtime.mmio import MmioDevice
from pal_edge.spec.commands import SIZE
from pal_edge.spec.registers import REG_ABI, REG_CTRL, REG_ID, REG_SRAM_BASE, REG_TARGET, Region
from tests.runtime.contract import MODEL, DeviceContract, expected_codes, feed
from tests.runtime.uio_model import BASE, Board


def opened(board: Board) -> MmioDevice:
    return MmioDevice(board.uri, sysfs=board.sysfs, interrupt=board.interrupt)


def check_runs(device: Device) -> None:
    with InferenceSession(MODEL, device) as session:
        assert session.self_test()


@pytest.fixture(scope="module", params=["map1", "u-dma-buf"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    with Board(tmp_path_factory.mktemp("either"), udmabuf=request.param == "u-dma-buf") as board:
        yield board


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    with Board(tmp_path_factory.mktemp("lasting")) as board:
        yield board


@pytest.fixture
def board(lasting: Board) -> Iterator[Board]:
    """A board that tests may describe wrongly; it is put right again."""
    registers = (lasting.folder / "dev/uio0").read_bytes()[:REG_CTRL]
    yield lasting
    put(lasting, 0, registers)
    lasting.describe()
    with opened(lasting) as device:  # nothing was left locked
        check_runs(device)


def put(board: Board, register: int, data: bytes) -> None:
    with open(board.folder / "dev/uio0", "r+b") as file:
        file.seek(register)
        file.write(data)


class TestMmio(DeviceContract):
    @pytest.fixture
    def board(self, either: Board) -> Board:
        return either

    @pytest.fixture
    def device(self, board: Board) -> Iterator[Device]:
        self.board = board
        with opened(board) as device:
            yield device

    def damage_command(self, session: InferenceSession, index: int) -> None:
        self.board.memory[session.loaded.native.commands - self.board.address + index * SIZE] = 99

    def test_the_engines_own_memory_is_read_where_it_is_mapped(self, session: InferenceSession) -> None:
        session.run(None, feed())
        if self.board.udmabuf:
            assert session.loaded.read(Region.SRAM, 0, 64).any()
        else:
            with pytest.raises(DeviceError, match="an access to the device failed"):
                session.loaded.read(Region.SRAM, 0, 64)

    def test_any_alignment(self, session: InferenceSession) -> None:
        data = np.random.default_rng(1).integers(0, 256, 48).astype(np.uint8)
        for first in range(5):
            for size in range(12):
                session.loaded.write(0, bytes(48))
                session.loaded.write(first, data[:size])
                found = session.loaded.read(Region.INPUT, 0, 48)
                np.testing.assert_array_equal(found, [*[0] * first, *data[:size], *[0] * (48 - first - size)])
                np.testing.assert_array_equal(session.loaded.read(Region.INPUT, first, size), data[:size])

    def test_the_engine_can_be_opened_again(self, board: Board) -> None:
        for _ in range(3):
            with opened(board) as device:
                check_runs(device)
                check_runs(device)


def test_a_dead_engine_is_a_timeout_and_one_that_comes_back_works(tmp_path: Path) -> None:
    with Board(tmp_path) as board, opened(board) as device, InferenceSession(MODEL, device) as session:
        board.stop()
        session.loaded.native.timeout_us = 30_000
        with pytest.raises(DeviceTimeout, match="did not finish in time"):
            session.run(None, feed())
        board.go_on()
        session.loaded.native.timeout_us = 10_000_000
        codes = {t.name: encode(feed()[t.name], t.bias) for t in MODEL.inputs}
        np.testing.assert_array_equal(session.run_codes(["scores"], codes)[0], expected_codes(feed())["scores"])


def test_a_lost_interrupt_does_no_harm(tmp_path: Path) -> None:
    with Board(tmp_path, silent=True) as board, opened(board) as device:
        board.stop()  # so that the driver is asleep when the engine finishes
        threading.Timer(0.05, board.go_on).start()
        check_runs(device)


def test_two_cannot_share_the_engine(board: Board) -> None:
    with opened(board) as device:
        with pytest.raises(DeviceBusy, match="uio0 is in use by another program; close that one"):
            opened(board)
        check_runs(device)
    opened(board).close()


@pytest.mark.parametrize(("fault", "raised", "message"), [
    (errno.EACCES, DevicePermissionError, "may not open it; run `sudo pal-edge doctor --install-udev`"),
    (errno.EPERM, DevicePermissionError, "may not open it"),
    (errno.EBUSY, DeviceBusy, "in use by another program"),
    (errno.ENODEV, DeviceNotFound, "not there; load its kernel module"),
    (errno.EIO, DeviceError, "Input/output error"),
])
def test_what_open_says_becomes_an_error_of_its_kind(board: Board, monkeypatch: pytest.MonkeyPatch, fault: int,
                                                     raised: type[DeviceError], message: str) -> None:
    def refuse(path: str, flags: int) -> int:
        raise OSError(fault, os.strerror(fault), path)

    with monkeypatch.context() as patch:
        patch.setattr(mmio.os, "open", refuse)
        with pytest.raises(raised, match=message) as caught:
            opened(board)
    assert type(caught.value) is raised and str(board.folder / "dev/uio0") in str(caught.value)


def test_what_is_not_there_is_named(board: Board) -> None:
    with pytest.raises(DeviceNotFound, match="uio9 is not there"):
        open_device(f"mmio:{board.folder}/dev/uio9")
    with pytest.raises(DeviceNotFound, match="udmabuf0 is not there"):
        MmioDevice(f"{board.uri}?dma={board.folder}/dev/udmabuf0", sysfs=board.sysfs, interrupt=board.interrupt)
    with pytest.raises(DeviceError, match="uio0 is no UIO device"):
        MmioDevice(board.uri)
    with pytest.raises(DeviceError, match="uio0 is no u-dma-buf device"):
        MmioDevice(f"{board.uri}?dma={board.folder}/dev/uio0", sysfs=board.sysfs, interrupt=board.interrupt)


@pytest.mark.parametrize("uri", ["mmio:", "mmio", "mmio:?dma=/dev/udmabuf0", "mmio:/dev/uio0?dma=",
                                 "mmio:/dev/uio0?x=1"])
def test_a_wrong_uri_shows_the_right_form(uri: str) -> None:
    with pytest.raises(DeviceError, match="is not of the form mmio:/dev/uio0 or mmio:/dev/uio0.dma=/dev/udmabuf0"):
        MmioDevice(uri)


@pytest.mark.parametrize(("register", "value", "raised", "message"), [
    (REG_ID, 0xFFFF_FFFF, DeviceNotFound, "no engine is there, its first word is 0xffffffff; check `reg`"),
    (REG_ABI, 0x0063_0000, DeviceError, "ABI version is not supported"),
    (REG_TARGET, 99, DeviceError, "the engine is of target 99, which this version does not know"),
    (REG_SRAM_BASE, BASE + 4096, DeviceError, "the buffer at 0x40010000 and the engine's SRAM at 0x40001000 overlap"),
])
def test_an_engine_that_does_not_fit(board: Board, register: int, value: int, raised: type[DeviceError],
                                     message: str) -> None:
    put(board, register, value.to_bytes(4, "little"))
    with pytest.raises(raised, match=message):
        opened(board)


@pytest.mark.parametrize(("attribute", "text", "message"), [
    ("maps/map0/size", "0x100", "no map0 of 4096 bytes"),
    ("maps/map1/addr", "0xfff80000", "beyond the engine's 32-bit addresses; reserve it lower"),
    ("maps/map1/size", "much", "map1/size cannot be read as a number"),
    ("maps/map1/size", "0x40000000", "1073741824 bytes at 0x40010000 cannot be mapped"),
])
def test_maps_that_do_not_fit(board: Board, attribute: str, text: str, message: str) -> None:
    board.set(f"class/uio/uio0/{attribute}", text)
    with pytest.raises(DeviceError, match=message):
        opened(board)


def test_without_a_buffer_it_says_how_to_give_one(board: Board) -> None:
    shutil.rmtree(board.sysfs / "class/uio/uio0/maps/map1")
    with pytest.raises(DeviceError, match="no map for a buffer, .* mmio:.*/dev/uio0.dma=/dev/udmabuf0"):
        opened(board)
    shutil.rmtree(board.sysfs / "class/uio/uio0/maps")
    with pytest.raises(DeviceError, match="no map0"):
        opened(board)


def test_without_an_interrupt_it_says_what_to_add(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: int, data: bytes) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(mmio.os, "write", refuse)
        with pytest.raises(DeviceError, match="has no interrupt; add `interrupts` to its device tree node"):
            MmioDevice(board.uri, sysfs=board.sysfs)


def test_engines_of_this_chip_are_found(tmp_path: Path) -> None:
    assert mmio.engines(tmp_path) == []
    for number, name, maps in ((0, "pal-engine", 2), (1, "some-timer", 1), (2, "pal-engine", 1)):
        for index in range(maps):
            (tmp_path / f"class/uio/uio{number}/maps/map{index}").mkdir(parents=True)
        (tmp_path / f"class/uio/uio{number}/name").write_text(name + "\n")
    (tmp_path / "class/uio/uio3").mkdir()
    assert mmio.engines(tmp_path) == ["mmio:/dev/uio0", "mmio:/dev/uio2"]
    (tmp_path / "class/u-dma-buf/udmabuf-pal0").mkdir(parents=True)
    assert mmio.engines(tmp_path) == ["mmio:/dev/uio0", "mmio:/dev/uio2?dma=/dev/udmabuf-pal0"]
