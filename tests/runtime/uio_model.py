"""A board for tests of `mmio:` devices: the engine's model behind files that look like UIO and u-dma-buf.

`Board(folder)` makes them and starts this file as a process, which is the engine: it looks at the page of registers in
folder/dev/uio0 and runs what is submitted there. A socket stands for the interrupt and behaves as the UIO node does:
an interrupt masks itself and sends a count, a word 1 unmasks it.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Self

PAGE = mmap.PAGESIZE
BASE = 0x4000_0000  # of the engine's SRAM; the buffer follows
BUFFER = 1 << 20
REPOSITORY = Path(__file__).resolve().parents[2]


class Board:
    """Files and process. With `udmabuf`, uio0's second map is the engine's SRAM, and the buffer a u-dma-buf.

    Attributes:
        uri: of the device, without options.
        memory: the buffer, as this process sees it.
        address: where the buffer begins for the engine.
    """

    def __init__(self, folder: Path, target: str = "pal-e32", *, udmabuf: bool = False, silent: bool = False) -> None:
        from pal_edge.spec.targets import TARGETS

        sram = TARGETS[target].sram_bytes
        self.folder, self.address, self.udmabuf = folder, BASE + sram, udmabuf
        self.uri = f"mmio:{folder}/dev/uio0" + (f"?dma={folder}/dev/udmabuf0" if udmabuf else "")
        self._make("dev/uio0", PAGE + (sram if udmabuf else BUFFER))
        if udmabuf:
            self._make("dev/udmabuf0", BUFFER)
        self._maps = [(0xA000_0000, PAGE), (BASE, sram) if udmabuf else (self.address, BUFFER)]
        self.describe()
        with open(folder / ("dev/udmabuf0" if udmabuf else "dev/uio0"), "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), BUFFER, offset=0 if udmabuf else PAGE)
        self._near, far = socket.socketpair()
        command = [sys.executable, "-m", "tests.runtime.uio_model", str(folder), target, str(far.fileno()),
                   *["udmabuf"] * udmabuf, *["silent"] * silent]
        self._process = subprocess.Popen(command, cwd=REPOSITORY, pass_fds=[far.fileno()], stdout=subprocess.PIPE)
        far.close()
        assert self._process.stdout is not None and self._process.stdout.readline() == b"ready\n"

    @property
    def sysfs(self) -> Path:
        return self.folder / "sys"

    @property
    def interrupt(self) -> int:
        return self._near.fileno()

    def _make(self, name: str, size: int) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            file.truncate(size)

    def describe(self) -> None:
        """Write what sysfs says of the device."""
        for index, (address, size) in enumerate(self._maps):
            for name, value in (("addr", address), ("size", size), ("offset", 0)):
                self.set(f"class/uio/uio0/maps/map{index}/{name}", f"0x{value:x}")
        if self.udmabuf:
            self.set("class/u-dma-buf/udmabuf0/phys_addr", f"0x{self.address:x}")
            self.set("class/u-dma-buf/udmabuf0/size", str(BUFFER))

    def set(self, attribute: str, text: str) -> None:
        """Write a file of sysfs."""
        path = self.sysfs / attribute
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")

    def stop(self) -> None:
        """Let the engine hang."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()  # type: ignore[union-attr]
        self._near.close()
        self.memory.close()


class _Interrupt:
    """The kernel's side of a UIO interrupt."""

    def __init__(self, line: socket.socket, silent: bool) -> None:
        self.line, self.silent = line, silent
        self.masked, self.count = False, 0

    def level(self, high: int) -> None:
        if high and not self.masked:
            self.masked = True
            self.count += 1
            if not self.silent:
                self.line.send(self.count.to_bytes(4, "little"))

    def wait(self, seconds: float) -> bool:
        """Let time pass, or be unmasked; False once the other side is gone."""
        if not select.select([self.line], [], [], seconds)[0]:
            return True
        words = self.line.recv(4096)
        self.masked = False
        return bool(words)


def _shared(address: int, size: int, path: Path, offset: int) -> None:
    """Map a part of the file at `address`."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    fixed = 0x10
    with open(path, "r+b") as file:
        found = libc.mmap(address, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED | fixed, file.fileno(),
                          offset)
    assert found == address, os.strerror(ctypes.get_errno())


def main(folder: Path, target_name: str, line: socket.socket, udmabuf: bool, silent: bool) -> None:
    from pal_edge.runtime.native import check, ffi, lib
    from pal_edge.spec.targets import TARGETS

    target = TARGETS[target_name]
    memory = mmap.mmap(-1, target.sram_bytes + BUFFER)
    start = int(ffi.cast("uintptr_t", ffi.from_buffer(memory)))
    uio = folder / "dev/uio0"
    if udmabuf:
        _shared(start, target.sram_bytes, uio, PAGE)
        _shared(start + target.sram_bytes, BUFFER, folder / "dev/udmabuf0", 0)
    else:
        _shared(start + target.sram_bytes, BUFFER, uio, PAGE)
    sim = ffi.new("struct pal_sim *")
    check(lib.pal_sim_init(sim, target.id, ffi.from_buffer(memory), BASE, len(memory)), "model")
    with open(uio, "r+b") as file:
        registers = mmap.mmap(file.fileno(), PAGE)
    page = ffi.from_buffer("uint32_t[]", registers)
    lib.pal_page_open(sim, page)
    print("ready", flush=True)
    interrupt = _Interrupt(line, silent)
    while interrupt.wait(0.0005):
        interrupt.level(lib.pal_page_poll(sim, page))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], socket.socket(fileno=int(sys.argv[3])), "udmabuf" in sys.argv[4:],
         "silent" in sys.argv[4:])
