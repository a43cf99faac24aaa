"""How long a session's call takes on this machine, where the time goes, and what the engine counts.

The latency is that of `InferenceSession.run` itself. The split is measured in further calls, so that what
measuring costs is not in the latency.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

import numpy as np

from .container import Model
from .errors import InputError
from .numeric import decode
from .runtime import InferenceSession

WARM_UP = 3
PARTS = ("python", "copy", "driver", "engine")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Latency:
    """Seconds of one call with one sample; p90 and p99 are percentiles."""

    min: float
    median: float
    p90: float
    p99: float
    max: float


@dataclass(frozen=True)
class Split:
    """Median seconds of a call: float arrays to codes and back and the rest of `run`; moving codes to the device
    and back, over the link of a board; the driver, with the operators that it runs on the CPU; and the engine, from
    doorbell to done: on the simulator the time that simulating takes."""

    python: float
    copy: float
    driver: float
    engine: float

    @property
    def total(self) -> float:
        return self.python + self.copy + self.driver + self.engine


@dataclass(frozen=True)
class Benchmark:
    """The result of `bench`. `modelled_seconds` is what `cycles` take at the target's clock, without the
    operators on the CPU; `gmacs` the simulator's 1e9 multiply-accumulates a second of engine time."""

    device: str
    target: str
    runs: int
    latency: Latency
    split: Split
    macs: int
    cycles: int
    modelled_seconds: float
    gmacs: float


def bench(model: Model | str | os.PathLike[str], data: Mapping[str, Any] | None = None, *, runs: int = 100,
          device: str = "sim", progress: Progress | None = None) -> Benchmark:
    """Measure `runs` calls, one sample each.

    Args:
        model: a Model or the path of one.
        data: one sample by input name; random codes where it is None.
        device: where to run.
        progress: called as progress(stage, done, total).

    Raises InputError for data that do not fit, ContainerError, DeviceError.
    """
    if runs < 1:
        raise InputError(f"{runs} runs measure nothing; ask for at least 1")
    loaded = model if isinstance(model, Model) else Model.load(model)
    with InferenceSession(loaded, device=device) as session:
        feed = _random(loaded) if data is None else data
        for _ in range(WARM_UP):
            session.run(None, feed)
        if session.counters.inferences != 1:
            raise InputError(f"one sample is wanted, not a batch of {session.counters.inferences}")
        times = np.array([_timed(session, feed, progress, i, runs) for i in range(runs)]) / 1e9
        split = _split(session, feed, runs)
        cycles = session.counters.cycles
        clock = session.device.clock_hz
    low, median, p90, p99, high = np.percentile(times, (0, 50, 90, 99, 100)).tolist()
    macs = sum(layer.macs for layer in loaded.layers)
    return Benchmark(device, loaded.target.name, runs, Latency(low, median, p90, p99, high), split, macs, cycles,
                     cycles / clock, macs / split.engine / 1e9 if split.engine else 0.0)


def _random(model: Model) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    return {t.name: decode(generator.integers(0, 256, t.shape, np.uint8), t.bias).astype(np.float32)
            for t in model.inputs}


def _timed(session: InferenceSession, feed: Mapping[str, Any], progress: Progress | None, done: int,
           total: int) -> int:
    start = perf_counter_ns()
    session.run(None, feed)
    took = perf_counter_ns() - start
    if progress:
        progress("bench", done + 1, total)
    return took


def _split(session: InferenceSession, feed: Mapping[str, Any], runs: int) -> Split:
    calls = []
    with session.loaded.timed() as take:
        for _ in range(runs):
            take()
            start = perf_counter_ns()
            session.run(None, feed)
            total = perf_counter_ns() - start
            spent = take()
            calls.append((total - sum(spent), *spent))
    return Split(*(np.median(calls, axis=0) / 1e9).tolist())
