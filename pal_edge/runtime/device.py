"""Devices: what runs models. One engine runs one list at a time."""

from __future__ import annotations

import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np

from ..container import Model
from ..errors import DeviceError, ModelNotFound
from ..spec.targets import DEFAULT_TARGET, TARGETS, Target
from .loaded import LoadedModel, NativeModel
from .native import check, ffi, lib

ALIGN = int(lib.PAL_SESSION_ALIGN)
SIM_BASE = 0x1000_0000
SIM_MEMORY = 256 << 20  # bytes; the system commits a page only when it is touched


Result = TypeVar("Result")


class Device(ABC):
    """An opened device; sessions share it, each run holds `lock`."""

    uri: str
    target: Target

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._closed = False
        self._worker: ThreadPoolExecutor | None = None

    @property
    @abstractmethod
    def clock_hz(self) -> int:
        """Engine clock, from the engine itself."""

    @abstractmethod
    def load(self, model: Model, data: bytes) -> LoadedModel:
        """Load a model, whose file is `data`. Raises ContainerError, TargetError, DeviceError."""

    def fetch(self, name: str) -> bytes:
        """Return the file of a model that the device keeps under this name. Raises ModelNotFound."""
        raise ModelNotFound(f"there is no file {name!r}, and {self.uri} keeps no models")

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Run `work` in the device's worker thread, after what was submitted before."""
        with self.lock:
            self.check_open()
            if self._worker is None:
                self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"pal-{self.uri}")
            return self._worker.submit(work)

    def check_open(self) -> None:
        if self._closed:
            raise DeviceError(f"{self.uri}: the device is closed; open it again")

    def close(self) -> None:
        """Finish what was submitted and release the device; sessions on it fail from now on."""
        if self._worker is not None:
            self._worker.shutdown()
        with self.lock:
            if not self._closed:
                self._closed = True
                self._release()

    @abstractmethod
    def _release(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


class NativeDevice(Device):
    """An engine that the driver in this process drives, and the memory that it sees.

    Subclasses set `native` (struct pal_device *) and say which addresses are free for models.
    """

    native: Any

    def __init__(self, base: int, size: int) -> None:
        super().__init__()
        self._free = [(base, size)]  # sorted, never adjacent

    @property
    def clock_hz(self) -> int:
        return int(self.native.clock_hz)

    def load(self, model: Model, data: bytes) -> LoadedModel:
        return NativeModel(self, model, data)

    def allocate(self, size: int) -> int:
        """Return the address of `size` free bytes, a multiple of ALIGN. Raises DeviceError if none."""
        size = max(-(-size // ALIGN) * ALIGN, ALIGN)
        with self.lock:
            self.check_open()
            for i, (start, room) in enumerate(self._free):
                if room >= size:
                    self._free[i : i + 1] = [(start + size, room - size)] if room > size else []
                    return start
        largest = max((room for _, room in self._free), default=0)
        raise DeviceError(f"{self.uri}: the model needs {size} bytes of device memory, {largest} are free; "
                          "close other sessions or open the device with more memory")

    def release(self, address: int, size: int) -> None:
        """Give back what `allocate` returned."""
        size = max(-(-size // ALIGN) * ALIGN, ALIGN)
        with self.lock:
            merged: list[tuple[int, int]] = []
            for start, room in sorted([*self._free, (address, size)]):
                if merged and sum(merged[-1]) == start:
                    merged[-1] = (merged[-1][0], merged[-1][1] + room)
                else:
                    merged.append((start, room))
            self._free = merged


class SimDevice(NativeDevice):
    """The bit-exact engine model in C, in this process; time is modelled, not measured."""

    def __init__(self, target: str = DEFAULT_TARGET, memory: int = SIM_MEMORY) -> None:
        if target not in TARGETS:
            raise DeviceError(f"target {target!r} is unknown; known: {', '.join(TARGETS)}")
        self.uri, self.target = "sim", TARGETS[target]
        sram = self.target.sram_bytes
        super().__init__(SIM_BASE + sram, memory)
        self._memory = np.zeros(sram + memory, np.uint8)
        self._sim = ffi.new("struct pal_sim *")
        check(lib.pal_sim_init(self._sim, self.target.id, ffi.from_buffer(self._memory), SIM_BASE,
                               self._memory.size), "simulator")
        self.native = ffi.new("struct pal_device *")
        check(lib.pal_device_init(self.native, ffi.addressof(self._sim, "bus")), "simulator")

    def _release(self) -> None:
        del self._memory, self._sim


def _open_board(uri: str, target: str, memory: int) -> Device:
    from .remote import open_board  # lines to boards are loaded when they are used

    return open_board(uri)


def _open_virtual_board(uri: str, target: str, memory: int) -> Device:
    from .remote import open_virtual_board

    return open_virtual_board(target)


def _open_mmio(uri: str, target: str, memory: int) -> Device:
    if sys.platform != "linux":
        raise DeviceError(f"{uri}: only Linux on the engine's own chip has such devices")
    from .mmio import MmioDevice

    return MmioDevice(uri)


# By the part of the URI before its first colon: opener(uri, target, memory).
SCHEMES: dict[str, Callable[[str, str, int], Device]] = {
    "sim": lambda uri, target, memory: SimDevice(target, memory),
    "qemu": _open_virtual_board,
    "serial": _open_board,
    "usb": _open_board,
    "mmio": _open_mmio,
}


def open_device(uri: str, *, target: str = DEFAULT_TARGET, memory: int = SIM_MEMORY) -> Device:
    """Open a device by URI.

    Args:
        uri: "sim"; "qemu", the virtual board, started where it does not run, until the device is closed;
            "serial:/dev/ttyX[?baud=N]"; "usb:VID:PID[:SERIAL]"; "mmio:/dev/uioN[?dma=/dev/udmabufN]", an engine on
            this chip.
        target: engine that the simulator and the virtual board model.
        memory: bytes of system memory that the simulator has.

    Raises DeviceError for an unknown URI, and its subclasses for a device that is not there, not permitted or
    busy.
    """
    scheme, _, rest = uri.partition(":")
    if scheme not in SCHEMES or (scheme in ("sim", "qemu")) != (not rest and uri == scheme):
        raise DeviceError(f"device {uri!r} is unknown; known: {', '.join(SCHEMES)}; see `pal-edge devices`")
    return SCHEMES[scheme](uri, target, memory)
