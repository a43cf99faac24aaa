"""The PAL engine: any model of it that follows a page of registers; here the simulator."""

from __future__ import annotations

from typing import Protocol

from pal_edge.runtime.native import check, ffi, lib
from pal_edge.spec.registers import REG_CTRL, REG_CYCLES, REG_DONE
from pal_edge.spec.targets import Target
from pal_edge.spec.virtual_board import ENGINE_OFFSET, MEMORY_OFFSET, MEMORY_SIZE, RAM_BASE

from .memory import PAGE, Memory, Page

_RESET = 1  # in REG_CTRL


class Engine(Protocol):
    """What the board asks of an engine.

    Attributes:
        cycles: of all its runs since the board was started.
    """

    cycles: int

    def power_on(self) -> None:
        """Show the registers as after a reset."""

    def poll(self) -> bool:
        """Follow the registers; return whether the interrupt line is high."""


class SimulatedEngine:
    """The bit-exact simulator on the shared memory."""

    def __init__(self, memory: Memory, target: Target) -> None:
        self._page = Page(memory, ENGINE_OFFSET)
        whole = memoryview(memory.bytes)
        self._memory = ffi.from_buffer(whole[MEMORY_OFFSET : MEMORY_OFFSET + MEMORY_SIZE])
        self._registers = ffi.from_buffer("uint32_t[]", whole[ENGINE_OFFSET : ENGINE_OFFSET + PAGE])
        self._sim = ffi.new("struct pal_sim *")
        self._target = target
        self.cycles = 0

    def power_on(self) -> None:
        check(lib.pal_sim_init(self._sim, self._target.id, self._memory, RAM_BASE + MEMORY_OFFSET, MEMORY_SIZE),
              "engine")
        lib.pal_page_open(self._sim, self._registers)

    def poll(self) -> bool:
        done = self._page[REG_DONE]
        interrupt = bool(lib.pal_page_poll(self._sim, self._registers))
        if self._page[REG_DONE] != done and not self._page[REG_CTRL] & _RESET:
            self.cycles += self._page[REG_CYCLES] | self._page[REG_CYCLES + 4] << 32
        return interrupt
