"""Start, find and stop virtual boards. Each has a folder of its own: flash.bin is what it keeps between starts.

    folder: flash.bin · board.json (what it is) · run.json (while it runs) · board.log · control.sock · usb.sock
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pal_edge.errors import DeviceError
from pal_edge.spec.link import USB_PRODUCT, USB_VENDOR
from pal_edge.spec.targets import DEFAULT_TARGET, TARGETS
from pal_edge.spec.virtual_board import NOR_SIZE

from . import firmware as build
from .sockets import connect
from .usb_backend import Backend

NAME = "qemu"
_START_TIMEOUT = 20.0
_STOP_TIMEOUT = 10.0
_POLL = 0.02
_LOCKUPS = 2  # of a processor that does not get as far as to serve


@dataclass(frozen=True)
class VirtualBoard:
    """A running board. `serial` is the path of its pseudo-terminal, `usb` its device URI.

    With a `lease`, it ends when this object does, and so when this process does.
    """

    folder: Path
    serial: str
    usb: str
    serial_number: str
    target: str
    pid: int
    lease: socket.socket | None = field(default=None, compare=False, repr=False)

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Ask the board model, see control.py. Raises DeviceError."""
        return _ask(self.folder, do, **arguments)

    def stop(self) -> None:
        """Switch off and end; returns when nothing of it is left."""
        with contextlib.suppress(DeviceError):  # it ended by itself
            self.ask("stop")
        deadline = time.monotonic() + _STOP_TIMEOUT
        while _alive(self.folder):
            if time.monotonic() > deadline:
                raise DeviceError(f"the board in {self.folder} does not stop; kill process {self.pid}")
            time.sleep(_POLL)
        if self.lease:
            self.lease.close()


def folder_of(name: str = NAME) -> Path:
    """Return the folder of a named board."""
    if not name or "/" in name or name.startswith("."):
        raise DeviceError(f"{name!r} cannot name a board; choose letters and digits, or give a folder with --dir")
    return _root() / "boards" / name


def start(folder: Path | None = None, *, target: str = DEFAULT_TARGET, firmware: Path | None = None,
          fresh: bool = False) -> VirtualBoard:
    """Switch a board on and return it when its firmware runs.

    Args:
        folder: where it keeps its state, made if it is not there; default: that of the board NAME.
        target: engine of the board.
        firmware: folder with bootloader.elf and application.signed.bin; default: built from source.
        fresh: begin with empty flash and the factory's firmware.

    Raises DeviceError.
    """
    if target not in TARGETS:
        raise DeviceError(f"target {target!r} is unknown; known: {', '.join(TARGETS)}")
    parts = build.Firmware.of(firmware) if firmware else build.build()
    with _folder(folder or folder_of()) as held:
        if _alive(held):
            raise DeviceError(f"the board in {held} is running already; `pal-edge board stop` ends it")
        return _start(held, target, parts, fresh)


def on_demand(target: str = DEFAULT_TARGET) -> tuple[VirtualBoard, bool]:
    """Return the board NAME, and whether it had to be started: with this target then, and for this process only.

    Raises DeviceError.
    """
    if _alive(folder_of()):
        return find(folder_of()), False
    parts = build.build()
    with _folder(folder_of()) as held:
        return (find(held), False) if _alive(held) else (_leased(_start(held, target, parts, False)), True)


def running() -> list[VirtualBoard]:
    """Return the boards of this user that run now."""
    found = []
    for entry in sorted(_registry().glob("*")):
        with contextlib.suppress(OSError):  # its daemon removes it just now, or it is not ours to remove
            folder = Path(os.readlink(entry))
            board = _running_in(folder) if _alive(folder) else None
            if board:
                found.append(board)
            elif not _alive(folder):
                entry.unlink()
    return found


def find(folder: Path) -> VirtualBoard:
    """Return the running board of a folder. Raises DeviceError if it does not run."""
    board = _running_in(folder.absolute()) if _alive(folder) else None
    if board is None:
        raise DeviceError(f"no board runs in {folder}; `pal-edge board start` starts one")
    return board


def log(folder: Path) -> str:
    """Return what the board model and QEMU said since the last start."""
    try:
        return (folder / "board.log").read_text(errors="replace")
    except FileNotFoundError as error:
        raise DeviceError(f"no board was ever started in {folder}") from error


@contextlib.contextmanager
def temporary(**options: Any) -> Iterator[VirtualBoard]:
    """A board that leaves nothing behind; options as for `start`. Raises DeviceError."""
    with tempfile.TemporaryDirectory(prefix="pal-board-") as folder:
        board = _leased(start(Path(folder), **options))
        try:
            yield board
        finally:
            board.stop()


def usb_backend() -> Backend | None:
    """Return a pyusb backend for the running boards, None without any."""
    sockets = [board.folder / "usb.sock" for board in running()]
    return Backend(lambda: sockets) if sockets else None


def register(folder: Path) -> Path:
    """Let `running` find the board of a folder; called by its daemon. Raises OSError."""
    _registry().mkdir(parents=True, exist_ok=True)
    entry = _registry() / hashlib.sha256(bytes(folder)).hexdigest()[:16]
    entry.unlink(missing_ok=True)  # of a board that was killed
    entry.symlink_to(folder)
    return entry


def _manufacture(folder: Path, application: Path, fresh: bool = False) -> str:
    """Make what is missing in a board's folder, and return its serial number. Raises DeviceError, OSError."""
    about = folder / "board.json"
    if not about.is_file():
        _write(about, json.dumps({"serial_number": secrets.token_hex(6).upper()}).encode())
    flash = folder / "flash.bin"
    if fresh or not flash.exists():
        _write(flash, application.read_bytes().ljust(NOR_SIZE, b"\xff"))
    if flash.stat().st_size != NOR_SIZE:
        raise DeviceError(f"{flash} is no board's flash, which has {NOR_SIZE:,} bytes; remove it")
    try:
        return str(json.loads(about.read_text())["serial_number"])
    except (ValueError, LookupError, TypeError) as error:
        raise DeviceError(f"{about} is damaged; remove it, and the board gets a new serial number") from error


@contextlib.contextmanager
def _folder(folder: Path) -> Iterator[Path]:
    """Make the folder, and keep others from starting a board there meanwhile. Raises DeviceError."""
    folder = folder.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise DeviceError(f"{folder}: {error.strerror or error}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(handle)


def _start(folder: Path, target: str, parts: build.Firmware, fresh: bool) -> VirtualBoard:
    try:
        number = _manufacture(folder, parts.application, fresh)
        (folder / "run.json").unlink(missing_ok=True)
        with open(folder / "board.log", "wb") as output:
            subprocess.run(
                [sys.executable, "-m", __package__, str(folder), "--bootloader", str(parts.bootloader.absolute()),
                 "--target", target, "--serial-number", number, "--detach"], stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, env=_environment(), check=False)
    except OSError as error:
        raise DeviceError(f"{folder}: {error.strerror or error}") from error
    try:
        return _wait_until_up(folder)
    except BaseException:
        _kill(folder)
        raise


def _wait_until_up(folder: Path) -> VirtualBoard:
    deadline = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < deadline:
        board = _running_in(folder)
        status = _status(board) if board else {}
        if board and status.get("usb_attached"):
            return board
        if status.get("lockups", 0) >= _LOCKUPS:
            raise DeviceError(f"the bootloader of the board in {folder} fails at once; is it one for this board?")
        if not _alive(folder):
            last = log(folder).strip().splitlines()[-1:] or ["no message"]
            raise DeviceError(f"the board in {folder} ended at once ({last[0]}); see `pal-edge board log`")
        time.sleep(_POLL)
    raise DeviceError(f"the firmware of the board in {folder} does not start; see `pal-edge board log`")


def _status(board: VirtualBoard) -> dict[str, Any]:
    try:
        return board.ask("status")
    except DeviceError:  # it ends
        return {}


def _running_in(folder: Path) -> VirtualBoard | None:
    try:
        facts = json.loads((folder / "run.json").read_text())
    except (OSError, ValueError):
        return None
    number = facts["serial_number"]
    return VirtualBoard(folder, facts["line"], f"usb:{USB_VENDOR:04x}:{USB_PRODUCT:04x}:{number}", number,
                        facts["target"], facts["pid"])


def _alive(folder: Path) -> bool:
    """Whether a daemon holds the folder's lock: the kernel lets go of it however the daemon ends."""
    try:
        with open(folder / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def _kill(folder: Path) -> None:
    """End a daemon that does not answer; QEMU ends with it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _STOP_TIMEOUT
        if _alive(folder):
            with contextlib.suppress(OSError, ValueError):
                os.kill(int((folder / "lock").read_text()), number)
        while _alive(folder) and time.monotonic() < deadline:
            time.sleep(_POLL)


def _leased(board: VirtualBoard) -> VirtualBoard:
    """Tie a board to this process."""
    try:
        lease = connect(board.folder / "control.sock")
        lease.sendall(b'{"do": "lease"}\n')
    except OSError as error:
        raise _mute(board.folder) from error
    return replace(board, lease=lease)


def _mute(folder: Path) -> DeviceError:
    return DeviceError(f"the board in {folder} does not answer; `pal-edge board status` shows those that run")


def _ask(folder: Path, do: str, **arguments: Any) -> dict[str, Any]:
    try:
        with connect(folder / "control.sock") as connection:
            connection.settimeout(_STOP_TIMEOUT)
            connection.sendall(json.dumps({"do": do, **arguments}).encode() + b"\n")
            with connection.makefile("rb") as answers:
                facts: dict[str, Any] = json.loads(answers.readline())
    except (OSError, ValueError) as error:
        raise _mute(folder) from error
    if not facts.pop("ok"):
        raise DeviceError(f"the board in {folder} refused: {facts['error']}")
    return facts


def _root() -> Path:
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "pal-edge"


def _registry() -> Path:
    return _root() / "running"


def _write(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(data)
    temporary.replace(path)


def _environment() -> dict[str, str]:
    """Let the daemon import this package from wherever it came."""
    root = str(Path(__file__).resolve().parents[2])
    known = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{known}" if known else root}
