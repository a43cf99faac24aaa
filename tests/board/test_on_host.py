"""The host's library and the real firmware, a process of this machine, over pseudo-terminals: flashing, models,
inference, and everything that can happen to a board meanwhile."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from pal_edge.bench import bench
from pal_edge.board import Board, connect, flash_image, flash_model
from pal_edge.board import flash as flash_module
from pal_edge.errors import (
    ContainerError,
    DeviceBusy,
    DeviceError,
    DeviceNotFound,
    ImageError,
    LinkError,
    ModelNotFound,
    StoreFullError,
)
from pal_edge.link import Connection, open_transport
from pal_edge.runtime import Device, InferenceSession, remote
from pal_edge.runtime.remote import BoardDevice, RemoteModel
from pal_edge.spec.link import Command, Mode, ResetReason, SlotState
from tests.board.host_board import BOARD_ID, HostBoard, Signer
from tests.link.lossy import LossyTransport
from tests.runtime.contract import MODEL, DeviceContract, feed


@pytest.fixture(scope="module")
def signer(tmp_path_factory) -> Signer:
    return Signer(tmp_path_factory.mktemp("signer"))


@pytest.fixture
def host(tmp_path, signer: Signer, monkeypatch) -> Iterator[HostBoard]:
    monkeypatch.setattr(flash_module, "_PAUSE", 0.05)
    board = HostBoard(tmp_path, "--key", signer.public)
    yield board
    board.close()


@pytest.fixture
def board(host: HostBoard) -> Iterator[Board]:
    with connect(host.serial) as opened:
        yield opened


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


class TestHostBoard(DeviceContract):
    large_arena = 4_000_000

    @pytest.fixture
    def device(self, host: HostBoard) -> Iterator[Device]:
        self.host = host
        with BoardDevice(connect(host.usb)) as device:
            yield device

    def damage_command(self, session: InferenceSession, index: int) -> None:
        assert isinstance(session.loaded, RemoteModel)
        self.host.damage(session.loaded.address, index)


def test_it_says_what_it_is(board: Board) -> None:
    identity = board.identify()
    assert (identity.board, identity.board_id, identity.mode) == ("host", BOARD_ID, Mode.APPLICATION)
    assert identity.serial.startswith("HOST") and identity.reset_reason == ResetReason.POWER and not identity.crashed
    assert [slot.state for slot in board.slots()] == [SlotState.EMPTY] * 2
    assert board.models() == [] and board.store().free > 5_000_000
    assert board.echo(noise(4600)) == noise(4600)
    assert board.crash() is None


def test_firmware_boots_on_trial_and_stays(board: Board, signer: Signer) -> None:
    first = signer.sign(noise(100_000), "1.0.0")
    result = flash_image(board, first)
    assert result.sent < len(first) * 1.02
    assert board.slots()[result.slot].state == SlotState.PENDING
    identity = board.restart()
    assert (identity.slot, identity.version) == (result.slot, "1.0.0")
    wait_for(lambda: board.slots()[result.slot].state == SlotState.CONFIRMED)
    assert flash_image(board, first).already

    changed = bytearray(noise(100_000))
    changed[60_000:61_000] = noise(1000, 1)
    second = signer.sign(bytes(changed), "1.0.1", counter=2)
    update = flash_image(board, second)
    assert update.slot != result.slot and update.sent + update.received < 0.05 * len(second)
    assert board.restart().version == "1.0.1"
    wait_for(lambda: board.slots()[update.slot].state == SlotState.CONFIRMED)
    assert board.identify().security_counter == 2
    with pytest.raises(ImageError, match="security counter 1 is older than the board's, 2"):
        flash_image(board, first)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_dry_run_changes_nothing(board: Board, host: HostBoard, signer: Signer, tmp_path) -> None:
    image = signer.sign(noise(50_000))
    before = (tmp_path / "flash.bin").read_bytes()
    planned = flash_image(board, image, dry_run=True)
    assert (tmp_path / "flash.bin").read_bytes() == before
    assert replace(flash_image(board, image), seconds=0) == replace(planned, seconds=0)


def test_another_key_is_refused_and_the_board_goes_on(board: Board, tmp_path) -> None:
    (tmp_path / "other").mkdir()
    stranger = Signer(tmp_path / "other")
    with pytest.raises(ImageError, match="not signed by the key that this board trusts"):
        flash_image(board, stranger.sign(noise(5000)))
    assert board.restart().version == "0.0.0"
    assert all(slot.state != SlotState.PENDING for slot in board.slots())


def test_models_come_and_go(board: Board, host: HostBoard) -> None:
    data = MODEL.to_bytes()
    flash_model(board, "small", data, label="kws01")
    (entry,) = board.models()
    assert (entry.name, entry.label, entry.size) == ("small", "kws01", len(data))
    assert entry.digest == hashlib.sha256(data).digest() and board.fetch("small") == data
    board.close()
    with InferenceSession("small", host.serial) as session:
        assert session.self_test()
        with connect(host.usb) as other:
            with pytest.raises(DeviceBusy, match="a session uses model 'small'"):
                other.remove("small")
            changed = replace(MODEL, known_answer=None).to_bytes()
            with pytest.raises(DeviceBusy, match="a session uses the model of that name"):
                flash_model(other, "small", changed)
            assert session.self_test()
    with connect(host.serial) as again:
        again.remove("small")
        assert again.models() == []
        with pytest.raises(ModelNotFound):
            again.remove("small")


def test_a_full_store_refuses_and_keeps_what_it_has(board: Board) -> None:
    padded = replace(MODEL, provenance={"noise": noise(1_500_000).hex()}).to_bytes()
    for name in "abcdefgh":
        try:
            flash_model(board, name, padded + b"", progress=None)
        except StoreFullError as error:
            assert "remove one with `pal-edge models rm`" in str(error)
            break
    else:
        pytest.fail("eight models of 1.5 MB fit into 7 MiB")
    names = [each.name for each in board.models()]
    assert len(names) > 1 and all(board.fetch(each) == padded for each in names[:2])


@pytest.mark.parametrize("probability", [0.002, 0.01])
def test_a_bad_line_flashes_and_infers_all_the_same(host: HostBoard, signer: Signer, probability: float) -> None:
    seeds = iter(range(1000))
    bad = Board(lambda: LossyTransport(open_transport(host.serial), probability, next(seeds)), host.serial)
    image = signer.sign(noise(60_000))
    flash_image(bad, image)
    assert bad.restart().version == "1.0.0"
    with BoardDevice(bad) as device, InferenceSession(MODEL, device) as there, InferenceSession(MODEL) as here:
        for found, wanted in zip(there.run(None, feed(10)), here.run(None, feed(10)), strict=True):
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("seed", range(3))
def test_power_cuts_in_a_transfer_are_taken_up(host: HostBoard, signer: Signer, seed: int) -> None:
    with connect(host.serial) as board:
        running = flash_image(board, signer.sign(noise(250_000, 99))).slot
        board.restart()
        wait_for(lambda: board.slots()[running].state == SlotState.CONFIRMED)
    image = signer.sign(noise(250_000, seed))
    generator = random.Random(seed)
    cuts = sorted(generator.randrange(len(image)) for _ in range(3))

    def cut(done: int, total: int, sent: int) -> None:
        if cuts and done > cuts[0]:
            cuts.pop(0)
            host.kill()
            host.start()

    with connect(host.serial) as board:
        result = flash_image(board, image, progress=cut)
        assert not cuts and 1 <= result.reconnects <= 3  # two cuts may be so close that one link breaks
        assert result.slot != running
        assert result.sent < 2.5 * len(image)  # three times what was on its way
        assert board.restart().slot == result.slot


def test_unplugging_for_good_is_one_error(host: HostBoard, signer: Signer) -> None:
    def cut(done: int, total: int, sent: int) -> None:
        if done > 50_000:
            host.kill()

    with connect(host.serial) as board, pytest.raises((LinkError, DeviceNotFound)):
        flash_image(board, signer.sign(noise(200_000)), progress=cut)
    host.start()
    with connect(host.serial) as board:
        assert board.identify().board == "host"


def test_a_host_killed_in_mid_flight_leaves_the_next_one_the_rest(host: HostBoard, signer: Signer, tmp_path) -> None:
    path = tmp_path / "image.bin"
    image = signer.sign(noise(250_000))
    path.write_bytes(image)
    code = f"""
import os, signal
from pathlib import Path
from pal_edge.board import connect, flash_image
def die(done, total, sent):
    if done > 100_000:
        os.kill(os.getpid(), signal.SIGKILL)
with connect({host.serial!r}) as board:
    flash_image(board, Path({str(path)!r}).read_bytes(), progress=die)
"""
    killed = subprocess.run([sys.executable, "-c", code])
    assert killed.returncode == -signal.SIGKILL
    with connect(host.serial) as board:
        result = flash_image(board, image)
        assert result.skipped * 4096 > 90_000
        assert board.restart().version == "1.0.0"


def test_two_hosts_at_once(board: Board, host: HostBoard, signer: Signer) -> None:
    with pytest.raises(DeviceBusy, match="is in use by another program"):
        connect(host.serial)
    image = signer.sign(noise(200_000))
    other = connect(host.usb)
    assert other.identify().board == "host"
    started = threading.Event()

    def begin(done: int, total: int, sent: int) -> None:
        if done > 50_000 and not started.is_set():
            started.set()
            flash_model(other, "theirs", MODEL.to_bytes())

    with pytest.raises(DeviceBusy, match="another host began a transfer to this board"):
        flash_image(board, image, progress=begin)
    assert [each.name for each in other.models()] == ["theirs"]
    flash_image(board, image)
    assert board.restart().version == "1.0.0"
    other.close()


def test_garbage_at_connect(host: HostBoard) -> None:
    for seed in range(5):
        handle = os.open(host.serial.removeprefix("serial:"), os.O_RDWR | os.O_NOCTTY)
        os.write(handle, noise(3000, seed))
        os.close(handle)
        with connect(host.serial) as board:
            assert board.identify().board == "host"


def test_a_crash_is_told_and_the_board_comes_back(host: HostBoard, board: Board) -> None:
    with BoardDevice(connect(host.usb)) as device:
        session = InferenceSession(MODEL, device)
        host.crash()
        with pytest.raises((LinkError, DeviceError)):
            session.run(None, feed())
            session.run(None, feed())
        with pytest.raises(DeviceError, match="the session is lost"):
            session.run(None, feed())
        with InferenceSession(MODEL, device) as again:
            assert again.self_test()
    identity = board.identify()
    assert identity.crashed and identity.reset_reason == ResetReason.CRASH
    found = board.crash(clear=True)
    assert found is not None and found.registers[6] == 0x1234
    assert board.crash() is None
    assert "crash: reason" in board.log().text


def test_the_log_waits_for_what_comes(host: HostBoard, board: Board) -> None:
    entry = board.log()
    with connect(host.usb) as other:
        timer = threading.Timer(0.2, lambda: flash_model(other, "small", MODEL.to_bytes()))
        timer.start()
        more = board.log(entry.position + entry.size, 20_000)
        timer.join()
    assert "small" in more.text and more.position == entry.position + entry.size


def test_the_bootloader_waits_and_takes_firmware(board: Board, signer: Signer) -> None:
    assert board.restart(Mode.BOOTLOADER).mode == Mode.BOOTLOADER
    with pytest.raises(DeviceError, match="the board is in its bootloader, which cannot do this"):
        flash_model(board, "small", MODEL.to_bytes())
    with pytest.raises(DeviceError, match="the board is in its bootloader"):
        BoardDevice(board)


def test_a_model_whose_commands_point_outside_their_regions_is_refused(host: HostBoard, monkeypatch) -> None:
    bad = replace(MODEL, commands=(replace(MODEL.commands[0], ofm_offset=1 << 20), *MODEL.commands[1:]),
                  known_answer=None)
    with BoardDevice(connect(host.serial)) as device:
        with pytest.raises(ContainerError, match="model: the model's structure is invalid"):
            InferenceSession(bad, device)
        monkeypatch.setattr(remote, "session_memory", lambda data: 0)  # this host does not look
        with pytest.raises(ContainerError, match="model for pal-e32 on a pal-e32: the model's structure is invalid"):
            InferenceSession(bad, device)
        with InferenceSession(MODEL, device) as good:
            assert good.self_test()


def test_bench_tells_the_link_from_the_engine(host: HostBoard) -> None:
    found = bench(MODEL, runs=3, device=host.serial)
    assert found.device == host.serial and found.split.copy > 0 and found.split.engine > 0
    with InferenceSession(MODEL) as here:
        here.run(None, feed())
        assert found.cycles == here.counters.cycles


def test_a_long_run_keeps_the_link(tmp_path, signer: Signer) -> None:
    slow = HostBoard(tmp_path, "--key", signer.public, "--delay", "50000")
    try:
        with BoardDevice(connect(slow.serial)) as device, InferenceSession(MODEL, device) as session:
            session.run(None, feed())
            with session.loaded.timed() as take:
                session.run(None, feed())
                _, _, engine = take()
            assert engine >= 50_000_000
    finally:
        slow.close()


def test_requests_of_any_bytes_are_answered_or_refused(host: HostBoard) -> None:
    generator = random.Random(5)
    commands = [each for each in Command if each != Command.RESTART]
    with Connection(open_transport(host.serial)) as link:
        for response in link.pipeline((generator.choice(commands), generator.randbytes(generator.randrange(120)))
                                      for _ in range(2000)):
            assert -26 <= response.status <= 0
    with connect(host.serial) as board:
        assert board.identify().reset_reason == ResetReason.POWER
