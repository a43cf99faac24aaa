"""An engine on the chip that this Linux runs on: UIO registers and interrupt, and a buffer that both see.

docs/linux.md says what the device tree needs.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from ..errors import DeviceBusy, DeviceError, DeviceNotFound, DevicePermissionError
from ..spec.registers import ID, REG_ID, REG_SRAM_BASE, REG_SRAM_SIZE, WINDOW
from ..spec.targets import TARGETS, Target
from .device import NativeDevice
from .native import check, ffi, lib

SYSFS = Path("/sys")
_HELP = "see docs/linux.md"
_MAPS = 5  # that a UIO device can have
_PAGE = mmap.PAGESIZE
_NOTHING = {"bytes": ffi.NULL, "address": 0, "size": 0}  # whole: a field left out would be garbage


class MmioDevice(NativeDevice):
    """The engine behind `mmio:/dev/uioN[?dma=/dev/udmabufN]`; one process at a time has it.

    The UIO device's map0 are the registers. A further map at the address of the engine's SRAM lets that be read, for
    traces; another one is the buffer, unless the URI names a u-dma-buf.

    Args:
        uri: the UIO node, and the u-dma-buf node of the buffer.
        sysfs: where sysfs is mounted.
        interrupt: file to wait on and to unmask with, borrowed; None: the UIO node itself.

    Raises DeviceNotFound, DevicePermissionError, DeviceBusy, and DeviceError for a device that does not fit.
    """

    def __init__(self, uri: str, *, sysfs: Path = SYSFS, interrupt: int | None = None) -> None:
        self.uri = uri
        node, dma = _parse(uri)
        with ExitStack() as stack:
            file = _open(node, os.O_RDWR, stack)
            _lock(file, node)
            maps = _uio_maps(node, file, sysfs)
            if not maps or maps[0].size < WINDOW:
                raise DeviceError(f"{node} has no map0 of {WINDOW} bytes for the engine's registers; {_HELP}")
            registers = ffi.cast("volatile uint32_t *", maps[0].open(stack)["bytes"])
            _check_id(node, registers[REG_ID // 4])
            if interrupt is None:
                interrupt = file
                _unmask(file, node)
            base = registers[REG_SRAM_BASE // 4]
            sram = next((each for each in maps[1:] if each.address == base), None)
            buffer = _dma_buffer(dma, sysfs, stack) if dma else next((m for m in maps[1:] if m is not sram), None)
            if buffer is None:
                raise DeviceError(f"{node} has no map for a buffer, and the URI names none: give one with "
                                  f"mmio:{node}?dma=/dev/udmabuf0; {_HELP}")
            if buffer.address < base + registers[REG_SRAM_SIZE // 4] and base < buffer.address + buffer.size:
                raise DeviceError(f"{node}: the buffer at 0x{buffer.address:x} and the engine's SRAM at 0x{base:x} "
                                  f"overlap; {_HELP}")
            super().__init__(buffer.address, buffer.size)
            self._mmio = ffi.new("struct pal_mmio *")
            lib.pal_mmio_init(self._mmio, registers, buffer.open(stack), sram.open(stack) if sram else _NOTHING,
                              interrupt)
            self.native = ffi.new("struct pal_device *")
            check(lib.pal_device_init(self.native, ffi.addressof(self._mmio, "bus")), uri)
            self.target = _target(node, self.native.target)
            self._held = stack.pop_all()

    def _release(self) -> None:
        self._held.close()


def engines(sysfs: Path = SYSFS) -> list[str]:
    """Return the URIs of the engines on this chip: UIO devices whose node in the device tree is named pal-engine."""
    buffers = sorted(each.name for each in (sysfs / "class/u-dma-buf").glob("udmabuf-pal*"))
    found = []
    for folder in sorted((sysfs / "class/uio").glob("uio*")):
        if (folder / "name").is_file() and (folder / "name").read_text().strip() == "pal-engine":
            own = (folder / "maps/map1").is_dir()
            found.append(f"mmio:/dev/{folder.name}" + (f"?dma=/dev/{buffers[0]}" if buffers and not own else ""))
    return found


@dataclass(frozen=True)
class _Map:
    """Memory that can be mapped: where it begins for the engine and in its file, in bytes.

    Only the driver's C touches it, since it may be uncached and Python's copies need not be aligned.
    """

    node: str
    file: int
    address: int
    size: int
    position: int = 0

    def open(self, stack: ExitStack) -> dict[str, Any]:
        """Map it as long as `stack` lives; return a struct pal_mmio_window."""
        if self.address + self.size > 1 << 32:
            raise DeviceError(f"{self.node}: memory at 0x{self.address:x} is beyond the engine's 32-bit addresses; "
                              f"reserve it lower; {_HELP}")
        skipped = self.position % _PAGE
        try:
            mapped = mmap.mmap(self.file, skipped + self.size, offset=self.position - skipped)
        except (OSError, ValueError) as error:
            raise DeviceError(f"{self.node}: {self.size} bytes at 0x{self.address:x} cannot be mapped: {error}; "
                              f"{_HELP}") from None
        view = stack.enter_context(ffi.from_buffer(stack.enter_context(mapped), require_writable=True))
        return {"bytes": ffi.cast("uint8_t *", view) + skipped, "address": self.address, "size": self.size}


def _uio_maps(node: str, file: int, sysfs: Path) -> list[_Map]:
    folder = sysfs / "class/uio" / Path(node).resolve().name
    if not folder.is_dir():
        raise DeviceError(f"{node} is no UIO device; {_HELP}")
    found = []
    for index in range(_MAPS):
        one = folder / f"maps/map{index}"
        if not one.is_dir():
            break
        offset = _number(one / "offset")  # in its first page; kernels differ in whether addr and size have it in them
        address = _number(one / "addr") // _PAGE * _PAGE + offset
        found.append(_Map(node, file, address, _number(one / "size") - offset, index * _PAGE + offset))
    return found


def _check_id(node: str, first: int) -> None:
    if first != ID:
        raise DeviceNotFound(f"{node}: no engine is there, its first word is 0x{first:08x}; check `reg` in the device "
                             f"tree and that the FPGA is loaded; {_HELP}")


def _target(node: str, number: int) -> Target:
    for target in TARGETS.values():
        if target.id == number:
            return target
    raise DeviceError(f"{node}: the engine is of target {number}, which this version does not know; update pal-edge")


def _parse(uri: str) -> tuple[str, str | None]:
    scheme, _, rest = uri.partition(":")
    node, _, query = rest.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    dma = options.pop("dma", None)
    if scheme != "mmio" or not node or options or dma == "":
        raise DeviceError(f"device {uri!r} is not of the form mmio:/dev/uio0 or mmio:/dev/uio0?dma=/dev/udmabuf0")
    return node, dma


def _open(node: str, flags: int, stack: ExitStack) -> int:
    try:
        file = os.open(node, flags | os.O_CLOEXEC)
    except PermissionError:
        raise DevicePermissionError(f"{node}: this user may not open it; run `sudo pal-edge doctor --install-udev`, "
                                    "join the group plugdev and log in again") from None
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise DeviceBusy(f"{node} is in use by another program; close that one") from None
        if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR):
            raise DeviceNotFound(f"{node} is not there; load its kernel module and check the device tree; "
                                 f"{_HELP}") from None
        raise DeviceError(f"{node}: {error.strerror}") from None
    stack.callback(os.close, file)
    return file


def _lock(file: int, node: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DeviceBusy(f"{node} is in use by another program; close that one") from None


def _unmask(file: int, node: str) -> None:
    try:
        os.write(file, (1).to_bytes(4, "little"))
    except OSError:
        raise DeviceError(f"{node} has no interrupt; add `interrupts` to its device tree node; {_HELP}") from None


def _dma_buffer(node: str, sysfs: Path, stack: ExitStack) -> _Map:
    file = _open(node, os.O_RDWR | os.O_SYNC, stack)  # O_SYNC: as the engine sees it, without the CPU's cache
    folder = sysfs / "class/u-dma-buf" / Path(node).resolve().name
    if not folder.is_dir():
        raise DeviceError(f"{node} is no u-dma-buf device; {_HELP}")
    return _Map(node, file, _number(folder / "phys_addr"), _number(folder / "size", 10))


def _number(path: Path, base: int = 16) -> int:
    try:
        return int(path.read_text(), base)
    except (OSError, ValueError):
        raise DeviceError(f"{path} cannot be read as a number; {_HELP}") from None
