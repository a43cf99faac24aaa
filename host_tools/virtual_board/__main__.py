"""The process that is one virtual board; `boards.start` makes it, SIGTERM ends it."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
from pathlib import Path

from pal_edge.errors import PalError
from pal_edge.spec.targets import DEFAULT_TARGET, TARGETS

from . import boards
from .control import Control, Server, Usb
from .machine import share_one_core
from .model import Board, Settings


def main() -> int:
    parser = argparse.ArgumentParser(prog="virtual board", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bootloader", type=Path, required=True)
    parser.add_argument("--target", choices=TARGETS, default=DEFAULT_TARGET)
    parser.add_argument("--serial-number", default="000000000000")
    given = parser.parse_args()
    folder: Path = given.folder.absolute()
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"error: a board runs in {folder} already", file=sys.stderr)
        return 2
    share_one_core()
    board = Board(Settings(folder, given.bootloader, given.serial_number, given.target), sys.stderr.buffer)
    signal.signal(signal.SIGTERM, lambda *_: board.stop())
    signal.signal(signal.SIGINT, lambda *_: board.stop())
    wake, waker = os.pipe()  # a signal ends the wait for events
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    board.selector.register(wake, 1, lambda: os.read(wake, 64))
    servers = [Server(board, folder / "control.sock", Control), Server(board, folder / "usb.sock", Usb)]
    entry = None
    try:
        board.power_on()
        facts = {"line": board.line, "serial_number": given.serial_number, "target": given.target, "pid": os.getpid()}
        (folder / "run.json.new").write_text(json.dumps(facts))
        (folder / "run.json.new").replace(folder / "run.json")
        entry = boards.register(folder)
        board.run()
    except PalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    finally:
        if entry:
            entry.unlink(missing_ok=True)
        (folder / "run.json").unlink(missing_ok=True)
        for server in servers:
            server.close()
        board.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
