"""The engine's share of a run, taken in the driver's bus, and the time that methods take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from .native import ffi, lib

if TYPE_CHECKING:
    from .device import NativeDevice


@contextmanager
def stopwatch(device: NativeDevice) -> Iterator[Any]:
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


@contextmanager
def watched(target: object, *names: str) -> Iterator[dict[str, int]]:
    """Sum the nanoseconds spent in these methods of one object while the block runs."""
    laps = dict.fromkeys(names, 0)

    def wrapped(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            start = perf_counter_ns()
            result = method(*args)
            laps[name] += perf_counter_ns() - start
            return result
        return call

    for name in names:
        setattr(target, name, wrapped(name, getattr(target, name)))
    try:
        yield laps
    finally:
        for name in names:
            delattr(target, name)
