"""The supply rail: what the board draws, for the meters that watch it. A documented model, not a measurement.

The rail draws BOARD_UW always and ENGINE_UW more while the engine runs. The engine's time is its cycles over its
clock, so an inference takes as much energy here as on the modelled silicon, however slow the simulation is.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from pal_edge.spec.virtual_board import POWER_OFFSET, PowerRegister

from .memory import Memory, Page

ID = 0x52575050
BOARD_UW = 6_000  # a small microcontroller that mostly sleeps
ENGINE_UW = 42_000
HISTORY = 4096


@dataclass(frozen=True)
class Sample:
    """The rail from `time` (seconds since power on) until the next sample."""

    time: float
    microwatts: int
    markers: int


class Power:
    """The rail's steps. Its energy is what is under them: meters that integrate find the same.

    Attributes:
        samples: the latest HISTORY of them.
        count: how many there were since the board was started.
    """

    def __init__(self, memory: Memory) -> None:
        self._page = Page(memory, POWER_OFFSET)
        self.samples: deque[Sample] = deque(maxlen=HISTORY)
        self.count = 0

    def power_on(self) -> None:
        self._page[PowerRegister.ID] = ID
        self._start = time.monotonic()
        self._energy_nj = 0.0
        self.samples.clear()
        self._step(BOARD_UW, 0.0)

    def marked(self) -> None:
        """The firmware changed its markers."""
        self._step(BOARD_UW, self._now())

    def engine_ran(self, seconds: float) -> None:
        """The engine was busy for so long, until now or, if the rail was already shown until now, from now on."""
        begin = max(self._now() - seconds, self.samples[-1].time)
        self._step(BOARD_UW + ENGINE_UW, begin)
        self._step(BOARD_UW, begin + seconds)

    def since(self, number: int) -> list[Sample]:
        """Return the samples from this number on that are still kept."""
        kept = max(0, min(len(self.samples), self.count - number))
        return list(self.samples)[len(self.samples) - kept :]

    def _now(self) -> float:
        return time.monotonic() - self._start

    def _step(self, microwatts: int, when: float) -> None:
        if self.samples:
            last = self.samples[-1]
            when = max(when, last.time)
            self._energy_nj += last.microwatts * (when - last.time) * 1e3
        self.samples.append(Sample(when, microwatts, self._page[PowerRegister.MARKERS]))
        self.count += 1
        self._page[PowerRegister.RAIL_UW] = microwatts
        self._page.set_wide(PowerRegister.ENERGY_NJ, int(self._energy_nj))
