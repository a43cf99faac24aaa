"""QEMU: the processor, its memory and its serial ports."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import IO

from pal_edge.errors import DeviceError

from .sockets import listen

PROGRAM = "qemu-system-arm"
_START_TIMEOUT = 10.0
_END_TIMEOUT = 5.0
_POLL = 0.05
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
                                        preexec_fn=partial(_prepare, os.getpid()))
        try:
            self.serial, self.events = (self._accept(listener) for listener in listeners.values())
        except OSError as error:
            code = self.process.poll()
            self.power_off()
            why = "it is silent" if code is None else f"exit code {code}"
            raise DeviceError(f"QEMU does not start ({why})") from error
        finally:
            for name, listener in listeners.items():
                listener.close()
                (folder / f"{name}.sock").unlink(missing_ok=True)

    def _accept(self, listener: socket.socket) -> socket.socket:
        deadline = time.monotonic() + _START_TIMEOUT
        while True:
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
            else:
                connection.setblocking(False)
                return connection

    def locked_up(self) -> bool:
        """Whether QEMU, which closed a port, ended because the processor took a fault in its fault handler."""
        try:
            return self.process.wait(_END_TIMEOUT) == -signal.SIGABRT
        except subprocess.TimeoutExpired:
            return False

    def power_off(self) -> None:
        """Stop at once, wherever it is."""
        self.process.kill()
        self.process.wait()
        for each in ("serial", "events"):
            if hasattr(self, each):
                getattr(self, each).close()


def _listen(path: Path) -> socket.socket:
    listener = listen(path, 1)
    listener.settimeout(_POLL)
    return listener


def _prepare(parent: int) -> None:
    """In the child: end with the board model; leave no core file."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended meanwhile
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def share_one_core() -> None:
    """Keep this process and its children on one core: an event then costs a fifth (no wake-up of another core)."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})
