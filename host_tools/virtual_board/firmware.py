"""The virtual board's firmware: built from the sources beside this package."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pal_edge.errors import DeviceError

SOURCES = Path(__file__).resolve().parents[2] / "firmware"
COMPILER = "arm-none-eabi-gcc"


@dataclass(frozen=True)
class Firmware:
    """What a board is made with: the bootloader in its ROM, the signed application that the factory flashes."""

    bootloader: Path
    application: Path

    @classmethod
    def of(cls, folder: Path) -> Firmware:
        """Return what a build left in `folder`. Raises DeviceError if it is not there."""
        found = cls(folder / "bootloader.elf", folder / "application.signed.bin")
        for path in (found.bootloader, found.application):
            if not path.is_file():
                raise DeviceError(f"{path} is not there; build the firmware: make -C firmware BOARD=virt")
        return found


def build() -> Firmware:
    """Bring the build up to date, and return it.

    Raises DeviceError without sources, without a compiler where there is no build yet, and when it fails.
    """
    out = SOURCES / "build" / "virt"
    if not (SOURCES / "Makefile").is_file():
        raise DeviceError("the virtual board's firmware is built from source; use a checkout of PAL Edge "
                          "(`make firmware`), or name a build with --firmware")
    if shutil.which(COMPILER) is None:
        if (out / "bootloader.elf").is_file():
            return Firmware.of(out)
        raise DeviceError(f"{COMPILER} is not installed; on Debian: .ci/packages board, or "
                          "apt install gcc-arm-none-eabi libnewlib-arm-none-eabi")
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(out.parent / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["make", "-s", "-C", str(SOURCES), "BOARD=virt", f"PYTHON={sys.executable}"],
                              capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise DeviceError(f"the firmware does not build ({last[0]}); see `make firmware`")
    return Firmware.of(out)
