"""The process that is one virtual board; `boards.start` makes it, SIGTERM ends it."""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
import time
from pathlib import Path


def hold(lock: int) -> bool:
    """Take the lock; who only looks whether a board runs has it for a moment."""
    for _ in range(50):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        else:
            return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(prog="virtual board", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bootloader", type=Path, required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--serial-number", default="000000000000")
    parser.add_argument("--detach", action="store_true", help="go on in the background")
    given = parser.parse_args()
    given.folder = given.folder.absolute()
    lock = os.open(given.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    if not hold(lock):
        print(f"error: a board runs in {given.folder} already", file=sys.stderr)
        return 2
    if given.detach:  # before anything is imported that starts threads: they would not follow
        if os.fork():
            os._exit(0)  # the lock goes on with the child
        os.setsid()
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())

    from .daemon import serve

    return serve(given.folder, given.bootloader, given.serial_number, given.target)


if __name__ == "__main__":
    sys.exit(main())
