"""A model in a device's memory, ready to run: the same interface for an engine of this process and a board's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..container import Model
from ..errors import EngineError
from ..spec.status import ENGINE_ERROR_TEXT, Status
from .native import check, ffi, lib
from .stopwatch import stopwatch, watched

if TYPE_CHECKING:
    from .device import NativeDevice

TIMEOUT_US = 60_000_000  # of one engine segment
Codes = NDArray[np.uint8]
Inputs = Sequence[tuple[int, Any]]  # offset in the INPUT region, bytes or an array of them
Place = tuple[int, int, int]  # region, offset, size
Spent = tuple[int, int, int]  # nanoseconds: moving bytes, the driver, the engine


class Counters(NamedTuple):
    """What the engine counted in the last call, over all samples of the batch."""

    cycles: int = 0
    mac_cycles: int = 0
    stall_read: int = 0
    stall_write: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    inferences: int = 0

    def plus(self, other: Counters) -> Counters:
        return Counters(*(a + b for a, b in zip(self, other, strict=True)))

    @property
    def cycles_per_inference(self) -> float:
        return self.cycles / self.inferences if self.inferences else 0.0


class LoadedModel(ABC):
    """One model on one device. Callers hold the device's lock.

    Every method raises DeviceError, EngineError if the engine stops.
    """

    def __init__(self, uri: str, model: Model) -> None:
        self.uri = uri
        self.model = model
        self.counters = Counters()  # of the last run

    @abstractmethod
    def write(self, offset: int, data: Any) -> None:
        """Copy bytes into the INPUT region."""

    @abstractmethod
    def run(self, first: int = 0, count: int | None = None) -> None:
        """Run `count` commands, all from `first` on for None."""

    @abstractmethod
    def read(self, region: int, offset: int, size: int) -> Codes:
        """Return bytes of a region."""

    @abstractmethod
    def profile(self, first: int, count: int) -> list[tuple[int, int]]:
        """Return the first and last engine cycle of commands of the last run."""

    @abstractmethod
    def self_test(self) -> bool:
        """Run the known-answer test, which the model has; False if the output differs."""

    @abstractmethod
    def close(self) -> None:
        """Give the device's memory back."""

    @abstractmethod
    def timed(self) -> AbstractContextManager[Callable[[], Spent]]:
        """Take the time while the block runs: what is yielded returns what was spent since its last call."""

    def infer(self, samples: Iterable[Inputs], places: Sequence[Place]) -> Iterator[list[Codes]]:
        """Yield the bytes of `places` after a run of each sample; `counters` are that run's then."""
        for inputs in samples:
            for offset, data in inputs:
                self.write(offset, data)
            self.run()
            yield [self.read(*place) for place in places]

    def stopped(self, code: int, command: int) -> EngineError:
        """Return the error of an engine that stopped."""
        layer = next((e.name for e in self.model.layers
                      if e.first_command <= command < e.first_command + e.command_count), "?")
        return EngineError(f"{self.uri}: the engine stopped at command {command} of layer {layer!r}: "
                           f"{ENGINE_ERROR_TEXT.get(code, f'error {code}')}", code, command, layer)


class NativeModel(LoadedModel):
    """Driven by the driver in this process.

    Args:
        data: the model's file.

    Raises ContainerError, TargetError, DeviceError if the device has too little memory free.
    """

    def __init__(self, device: NativeDevice, model: Model, data: bytes) -> None:
        super().__init__(device.uri, model)
        self._device = device
        self._data = ffi.from_buffer(data)
        self._native_model = ffi.new("struct pal_model *")
        check(lib.pal_model_open(self._native_model, self._data, len(data)), "model")
        self._memory = int(lib.pal_session_memory(self._native_model))
        self._address = device.allocate(self._memory)
        self.native = ffi.new("struct pal_session *")
        place = {"address": self._address, "size": self._memory}
        status = lib.pal_session_init(self.native, device.native, self._native_model, place)
        if status < 0:
            self.close()
        check(status, f"model for {model.target.name} on a {device.target.name}")
        self.native.timeout_us = TIMEOUT_US

    def write(self, offset: int, data: Any) -> None:
        view = ffi.from_buffer(data)
        self._check(lib.pal_session_set_input(self.native, offset, view, len(view)))

    def run(self, first: int = 0, count: int | None = None) -> None:
        if count is None and not first:
            self._check(lib.pal_session_run(self.native))
        else:
            rest = len(self.model.commands) - first
            self._check(lib.pal_session_run_range(self.native, first, rest if count is None else count))
        c = self.native.counters
        self.counters = Counters(c.cycles, c.mac_cycles, c.stall_read, c.stall_write, c.bytes_read, c.bytes_written, 1)

    def read(self, region: int, offset: int, size: int) -> Codes:
        codes = np.empty(size, np.uint8)
        self._check(lib.pal_session_read(self.native, region, offset, ffi.from_buffer(codes), size))
        return codes

    def profile(self, first: int, count: int) -> list[tuple[int, int]]:
        record = ffi.new("struct pal_profile_record *")
        spans = []
        for index in range(first, first + count):
            self._check(lib.pal_session_profile(self.native, index, record))
            spans.append((int(record.start), int(record.end)))
        return spans

    def self_test(self) -> bool:
        status = lib.pal_session_self_test(self.native)
        if status != Status.ERR_KAT:
            self._check(status)
        return bool(status != Status.ERR_KAT)

    @contextmanager
    def timed(self) -> Iterator[Callable[[], Spent]]:
        with stopwatch(self._device) as watch, watched(self, "write", "read", "run") as laps:
            def take() -> Spent:
                engine = int(watch.engine_ns)
                spent = laps["write"] + laps["read"], laps["run"] - engine, engine
                laps.update(dict.fromkeys(laps, 0))
                watch.engine_ns = 0
                return spent

            yield take

    def close(self) -> None:
        self._device.release(self._address, self._memory)

    def _check(self, status: int) -> None:
        if status == Status.ERR_ENGINE:
            raise self.stopped(self.native.fault.code, self.native.fault.command)
        check(status, self.uri)


def session_memory(data: bytes) -> int:
    """Return the bytes of device memory that a session of this model file takes. Raises ContainerError."""
    view, model = ffi.from_buffer(data), ffi.new("struct pal_model *")
    check(lib.pal_model_open(model, view, len(data)), "model")
    return int(lib.pal_session_memory(model))
