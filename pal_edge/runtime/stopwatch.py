"""The engine's share of a run, taken in the driver's bus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .device import Device
from .native import ffi, lib


@contextmanager
def stopwatch(device: Device) -> Iterator[Any]:
    """Yield a watch whose `engine_ns` sums up the time from doorbell to done, while the block runs."""
    watch = ffi.new("struct pal_stopwatch *")
    with device.lock:
        inner = device.native.bus
        lib.pal_stopwatch_init(watch, inner)
        device.native.bus = ffi.addressof(watch, "bus")
        try:
            yield watch
        finally:
            device.native.bus = inner
