"""One board from power on until it is told to stop."""

from __future__ import annotations

import json
import os
import selectors
import signal
import sys
from pathlib import Path

from pal_edge.errors import PalError

from . import boards
from .control import Control, Server, Usb
from .machine import share_one_core
from .model import Board, Settings


def serve(folder: Path, bootloader: Path, serial_number: str, target: str) -> int:
    """Run the board of a folder, whose lock the caller holds; return the exit code."""
    try:
        run(folder, Settings(folder, bootloader, serial_number, target))
    except PalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error.filename or folder}: {error.strerror or error}", file=sys.stderr)
        return 2
    return 0


def run(folder: Path, settings: Settings) -> None:
    """Be the board until a signal or a client ends it. Raises DeviceError, OSError."""
    share_one_core()
    board = Board(settings, sys.stderr.buffer)
    signal.signal(signal.SIGTERM, lambda *_: board.stop())
    signal.signal(signal.SIGINT, lambda *_: board.stop())
    wake, waker = os.pipe()  # a signal ends the wait for events
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    board.selector.register(wake, selectors.EVENT_READ, lambda: os.read(wake, 64))
    servers = [Server(board, folder / "control.sock", Control), Server(board, folder / "usb.sock", Usb)]
    entry = None
    try:
        board.power_on()
        facts = {"line": board.line.path, "serial_number": settings.serial_number, "target": settings.target,
                 "pid": os.getpid()}
        fresh = folder / "run.json.new"
        fresh.write_text(json.dumps(facts))
        fresh.replace(folder / "run.json")
        entry = boards.register(folder)
        print(f"serial line: {board.line.path}", flush=True)
        board.run()
    finally:
        if entry:
            entry.unlink(missing_ok=True)
        (folder / "run.json").unlink(missing_ok=True)
        for server in servers:
            server.close()
        board.close()
