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
    """`samples` are the changes of the rail, the latest HISTORY of them; `dropped` counts the older ones."""

    def __init__(self, memory: Memory) -> None:
        self._page = Page(memory, POWER_OFFSET)
        self.samples: deque[Sample] = deque(maxlen=HISTORY)
        self.dropped = 0

    def power_on(self) -> None:
        self._page[PowerRegister.ID] = ID
        self._start = time.monotonic()
        self._energy_nj = 0.0
        self._counted = 0.0
        self.samples.clear()
        self._sample(BOARD_UW)

    def marked(self) -> None:
        """The firmware changed its markers."""
        self._sample(BOARD_UW)

    def engine_ran(self, seconds: float) -> None:
        """The engine was busy for so long, just now."""
        self._sample(BOARD_UW + ENGINE_UW, -seconds)
        self._energy_nj += ENGINE_UW * seconds * 1e3
        self._sample(BOARD_UW)

    def _sample(self, microwatts: int, offset: float = 0.0) -> None:
        now = time.monotonic() - self._start
        self._energy_nj += BOARD_UW * (now - self._counted) * 1e3
        self._counted = now
        self.dropped += len(self.samples) == HISTORY
        self.samples.append(Sample(now + offset, microwatts, self._page[PowerRegister.MARKERS]))
        self._page[PowerRegister.RAIL_UW] = microwatts
        self._page.set_wide(PowerRegister.ENERGY_NJ, int(self._energy_nj))
