"""Virtual boards come and go: what they leave behind, whatever process dies; what a user is told."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from host_tools.virtual_board import boards, firmware, machine
from host_tools.virtual_board.boards import VirtualBoard
from pal_edge.board import connect, flash_model
from pal_edge.errors import DeviceError
from pal_edge.spec.link import Mode
from pal_edge.spec.targets import TARGETS
from pal_edge.spec.virtual_board import NOR_SIZE
from tests.runtime.contract import MODEL
from tests.virtual_board.conftest import Starter

PATIENCE = 20.0  # seconds; only a test that fails waits so long
MODEL_BYTES = MODEL.to_bytes()


def processes(folder: Path) -> dict[str, int]:
    """Return the processes of a board, QEMU and its model, by what they are."""
    found = {}
    for each in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            words = (each / "cmdline").read_bytes().split(b"\0")
            if bytes(folder) in words:
                found["model"] = int(each.name)
            elif words[0].endswith(machine.PROGRAM.encode()) and Path(os.readlink(each / "cwd")) == folder:
                found["qemu"] = int(each.name)
    return found


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def running() -> set[Path]:
    return {each.folder for each in boards.running()}


def test_start_and_stop(start: Starter) -> None:
    board = start()
    assert set(processes(board.folder)) == {"model", "qemu"} and board.folder in running()
    assert processes(board.folder)["model"] == board.pid
    assert boards.find(board.folder) == board
    assert "serial line: " + board.serial in boards.log(board.folder)
    board.stop()
    assert not processes(board.folder) and board.folder not in running()
    assert sorted(each.name for each in board.folder.iterdir()) == ["board.json", "board.log", "flash.bin", "lock"]
    with pytest.raises(DeviceError, match="no board runs in"):
        boards.find(board.folder)
    board.stop()  # once more does no harm


def test_what_was_flashed_and_the_serial_number_last(start: Starter) -> None:
    board = start(target="pal-e32")
    with connect(board.usb) as link:
        flash_model(link, "kept", MODEL_BYTES)
    board.stop()
    again = start(target="pal-e32")
    assert again.serial_number == board.serial_number and again.usb == board.usb
    with connect(again.usb) as link:
        assert link.fetch("kept") == MODEL_BYTES
    again.stop()
    fresh = start(target="pal-e32", fresh=True)
    assert fresh.serial_number == board.serial_number
    with connect(fresh.usb) as link:
        assert link.models() == []


def test_two_boards_side_by_side(start: Starter) -> None:
    one, two = start("one", target="pal-e32"), start("two")
    assert one.serial != two.serial and one.serial_number != two.serial_number
    with connect(one.usb) as first, connect(two.usb) as second, connect(f"serial:{one.serial}") as third:
        assert first.identify().target == TARGETS["pal-e32"].id
        assert second.identify().target == TARGETS["pal-e128"].id
        assert first.identify().serial == third.identify().serial == one.serial_number
        assert second.identify().serial == two.serial_number
        flash_model(first, "here", MODEL_BYTES)
        assert second.models() == [] and [each.name for each in third.models()] == ["here"]
    one.stop()
    with connect(two.usb) as second:
        assert second.identify().serial == two.serial_number
    assert {one.folder, two.folder} & running() == {two.folder}


@pytest.mark.parametrize("victim", ("model", "qemu"))
def test_a_process_is_killed(start: Starter, victim: str) -> None:
    board = start(target="pal-e32")
    with connect(board.usb) as link:
        flash_model(link, "kept", MODEL_BYTES)
        os.kill(processes(board.folder)[victim], signal.SIGKILL)
        until(lambda: not processes(board.folder))
        with pytest.raises(DeviceError):
            link.echo(b"anybody there?")
    until(lambda: board.folder not in running())  # a dying process lets go of its files last
    with pytest.raises(DeviceError, match="does not answer"):
        board.ask("status")
    if victim == "qemu":
        assert "QEMU ended by itself" in boards.log(board.folder)
    with connect(start(target="pal-e32").usb) as link:
        assert link.fetch("kept") == MODEL_BYTES


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT))
def test_a_signal_stops_it_cleanly(start: Starter, number: signal.Signals) -> None:
    board = start()
    os.kill(board.pid, number)
    until(lambda: not processes(board.folder))
    assert not (board.folder / "control.sock").exists() and not (board.folder / "run.json").exists()
    assert "error" not in boards.log(board.folder)


def test_started_twice(start: Starter) -> None:
    board = start()
    with pytest.raises(DeviceError, match=r"is running already; `pal-edge board stop` ends it"):
        start()
    assert boards.find(board.folder) == board and board.ask("status")["powered"]


def test_started_by_several_at_once(qemu: None, tmp_path: Path) -> None:
    """One starts it; the others are told so, and do not disturb it."""
    results: list[VirtualBoard | DeviceError] = []

    def attempt(_: int) -> None:
        try:
            results.append(boards.start(tmp_path / "board"))
        except DeviceError as error:
            results.append(error)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(attempt, range(4)))
    (board,) = (each for each in results if isinstance(each, VirtualBoard))
    assert all("running already" in str(each) for each in results if isinstance(each, DeviceError))
    assert board.ask("status")["powered"] and len(results) == 4
    board.stop()


def test_looking_never_disturbs(start: Starter) -> None:
    board = start()
    board.stop()
    looking = [subprocess.Popen([sys.executable, "-c", LOOK, str(board.folder)]) for _ in range(2)]
    try:
        start().stop()
    finally:
        for each in looking:
            each.kill()
            each.wait()


LOOK = """
import fcntl, sys
while True:
    with open(sys.argv[1] + "/lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
"""


def test_on_demand(qemu: None) -> None:
    board, started = boards.on_demand("pal-e32")
    assert started and board.folder == boards.folder_of() and board.target == "pal-e32"
    assert boards.on_demand() == (board, False)
    board.stop()
    with ThreadPoolExecutor(2) as pool:
        both = sorted(pool.map(lambda _: boards.on_demand(), range(2)), key=lambda each: each[1])
    (found, again), (board, started) = both
    assert found == board and not again and started
    board.stop()


@pytest.mark.parametrize("how", ("with boards.temporary() as board:", "if board := boards.on_demand()[0]:"))
def test_a_board_for_one_process_ends_with_it(qemu: None, how: str) -> None:
    """Also when that one is killed."""
    program = f"from host_tools.virtual_board import boards\n{how}\n print(board.folder, flush=True)\n input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert set(processes(folder)) == {"model", "qemu"}
        process.kill()
    until(lambda: not processes(folder))
    shutil.rmtree(folder)


def test_a_temporary_board_leaves_nothing(qemu: None) -> None:
    with boards.temporary(target="pal-e32") as board:
        with connect(board.usb) as link:
            assert link.echo(b"hello") == b"hello"
        folder = board.folder
    assert not folder.exists() and not processes(folder)


def test_a_folder_with_a_long_name(start: Starter) -> None:
    """Longer than the name of a socket can be."""
    board = start("a very long name " * 10)
    with connect(board.usb) as link:
        assert link.echo(b"hello") == b"hello"


def test_the_recovery_button(start: Starter) -> None:
    board = start()
    board.ask("recovery", down=True)
    board.ask("reset")
    until(lambda: bool(board.ask("status")["usb_attached"]))
    with connect(f"serial:{board.serial}") as link:
        assert link.identify().mode == Mode.BOOTLOADER


# What a user is told


def refused(match: str, folder: Path, **options: object) -> None:
    with pytest.raises(DeviceError, match=match) as caught:
        boards.start(folder, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert not processes(folder)


def test_a_target_that_does_not_exist(tmp_path: Path) -> None:
    refused("target 'pal-e9' is unknown; known: ", tmp_path, target="pal-e9")


def test_a_folder_that_is_a_file(qemu: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    refused("File exists|Not a directory", tmp_path / "file")
    with pytest.raises(DeviceError, match="no board runs in"):
        boards.find(tmp_path / "file")


def test_firmware_that_is_not_there(tmp_path: Path) -> None:
    refused(r"bootloader.elf is not there; build the firmware: make -C firmware BOARD=virt", tmp_path / "board",
            firmware=tmp_path)


def test_flash_of_another_size(qemu: None, tmp_path: Path) -> None:
    (tmp_path / "flash.bin").write_bytes(b"my thesis")
    refused(f"is no board's flash, which has {NOR_SIZE:,} bytes; remove it", tmp_path)
    assert (tmp_path / "flash.bin").read_bytes() == b"my thesis"


@pytest.mark.parametrize("text", ("", "{}", "[]", "3", '{"serial_number"'))
def test_a_damaged_description(qemu: None, tmp_path: Path, text: str) -> None:
    (tmp_path / "board.json").write_text(text)
    refused("board.json is damaged; remove it, and the board gets a new serial number", tmp_path)


def test_without_qemu(qemu: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = firmware.build()
    monkeypatch.setenv("PATH", str(tmp_path))
    refused(r"qemu-system-arm is not installed; on Debian: apt install qemu-system-arm", tmp_path / "board",
            firmware=parts.bootloader.parent)


def test_without_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firmware, "SOURCES", tmp_path)
    (tmp_path / "Makefile").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    refused("arm-none-eabi-gcc is not installed; on Debian: .*gcc-arm-none-eabi libnewlib-arm-none-eabi",
            tmp_path / "board")


def test_without_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firmware, "SOURCES", tmp_path)
    refused("built from source; use a checkout", tmp_path / "board")


def test_firmware_that_does_not_build(qemu: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firmware, "SOURCES", tmp_path)
    (tmp_path / "Makefile").write_text("all:\n\t@echo the disk is full >&2; false\n")
    refused("the firmware does not build .*; see `make firmware`", tmp_path / "board")


def test_a_bootloader_that_qemu_refuses(qemu: None, tmp_path: Path) -> None:
    for name in ("bootloader.elf", "application.signed.bin"):
        (tmp_path / name).write_bytes(b"\x7fELF" + bytes(100))
    refused("fails at once; is it one for this board", tmp_path / "board", firmware=tmp_path)


def test_firmware_that_hangs(qemu: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never answers; the start gives up, and nothing of it is left."""
    (tmp_path / "bootloader.elf").write_bytes(bytes.fromhex("00000120 09000000 fee7") * 2)  # stack, entry; b .
    (tmp_path / "application.signed.bin").touch()
    monkeypatch.setattr(boards, "_START_TIMEOUT", 1.0)
    refused("does not start; see `pal-edge board log`", tmp_path / "board", firmware=tmp_path)


@pytest.mark.parametrize("name", ("", "..", ".hidden", "a/b"))
def test_names_that_are_no_folders(name: str) -> None:
    with pytest.raises(DeviceError, match="cannot name a board"):
        boards.folder_of(name)


def test_the_log_of_a_board_that_never_was(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no board was ever started in"):
        boards.log(tmp_path)


def test_looking_for_boards_needs_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    assert boards.running() == [] and boards.usb_backend() is None


def test_the_module_in_the_foreground(qemu: None, tmp_path: Path) -> None:
    parts = firmware.build()
    command = [sys.executable, "-m", "host_tools.virtual_board", str(tmp_path), "--bootloader", str(parts.bootloader),
               "--target", "pal-e32"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and "flash.bin" in done.stderr
    (tmp_path / "flash.bin").write_bytes(parts.application.read_bytes().ljust(NOR_SIZE, b"\xff"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline().split()[-1]
        with connect(f"serial:{line}") as link:
            assert link.identify().serial == "000000000000"
        other = subprocess.run(command, capture_output=True, text=True)
        assert other.returncode == 2 and "runs in" in other.stderr and "already" in other.stderr
        process.terminate()
    assert process.returncode == 0 and not processes(tmp_path)
