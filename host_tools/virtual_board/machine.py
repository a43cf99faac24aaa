"""QEMU: the processor, its memory and its serial ports."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import IO

from pal_edge.errors import DeviceError

from .sockets import listen

PROGRAM = "qemu-system-arm"
_START_TIMEOUT = 10.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class Machine:
    """One run of QEMU, from power on to power off.

    Attributes:
        serial: UART0, what the board's serial line carries.
        events: UART1, the wire for doorbells and interrupts.
    """

    def __init__(self, folder: Path, memory: Path, bootloader: Path, log: IO[bytes]) -> None:
        program = shutil.which(PROGRAM)
        if program is None:
            raise DeviceError(f"{PROGRAM} is not installed; on Debian: apt install qemu-system-arm")
        listeners = {name: _listen(folder / f"{name}.sock") for name in ("serial", "events")}
        command = [
            program, "-M", "mps2-an386,memory-backend=mps.ram", "-nodefaults", "-display", "none", "-monitor", "none",
            "-object", f"memory-backend-file,id=mps.ram,share=on,mem-path={memory},size={memory.stat().st_size}",
            "-chardev", "socket,id=serial,path=serial.sock", "-serial", "chardev:serial",
            "-chardev", "socket,id=events,path=events.sock", "-serial", "chardev:events",
            "-kernel", str(bootloader)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                                        preexec_fn=_die_with_parent)
        try:
            self.serial, self.events = (self._accept(listener) for listener in listeners.values())
        except OSError as error:
            self.power_off()
            raise DeviceError(f"QEMU did not start ({error or 'timeout'}); its log is {log.name}") from error
        finally:
            for name, listener in listeners.items():
                listener.close()
                (folder / f"{name}.sock").unlink(missing_ok=True)

    def _accept(self, listener: socket.socket) -> socket.socket:
        connection, _ = listener.accept()
        connection.setblocking(False)
        return connection

    def power_off(self) -> None:
        """Stop at once, wherever it is."""
        self.process.kill()
        self.process.wait()
        for each in ("serial", "events"):
            if hasattr(self, each):
                getattr(self, each).close()


def _listen(path: Path) -> socket.socket:
    listener = listen(path, 1)
    listener.settimeout(_START_TIMEOUT)
    return listener


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def share_one_core() -> None:
    """Keep this process and its children on one core: an event then costs a fifth (no wake-up of another core)."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})
