"""The engine behind its page of the shared memory, driven as firmware does: the simulator's bits and cycles."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from host_tools.virtual_board.engine import SimulatedEngine
from host_tools.virtual_board.memory import PAGE, Memory, Page
from pal_edge.runtime import InferenceSession
from pal_edge.runtime.device import NativeDevice
from pal_edge.runtime.native import check, ffi, lib
from pal_edge.spec.registers import ID, REG_CTRL, REG_DONE, REG_ID, REG_IRQ_ENABLE, REG_SUBMIT, REG_TARGET
from pal_edge.spec.targets import TARGETS
from pal_edge.spec.virtual_board import ENGINE_OFFSET, MEMORY_OFFSET, MEMORY_SIZE, RAM_BASE
from tests.runtime.contract import MODEL, feed

TARGET = TARGETS["pal-e32"]


class PageDevice(NativeDevice):
    """The driver over the shared memory; a thread looks at the page as the board model does, at every request."""

    def __init__(self, memory: Memory, engine: SimulatedEngine) -> None:
        self.uri, self.target = "page", TARGET
        super().__init__(RAM_BASE + MEMORY_OFFSET + TARGET.sram_bytes, MEMORY_SIZE - TARGET.sram_bytes)
        self._whole = ffi.from_buffer("uint8_t[]", memory.bytes)
        self._near, self._far = socket.socketpair()
        self._mmio = ffi.new("struct pal_mmio *")
        lib.pal_mmio_init(self._mmio, ffi.cast("volatile uint32_t *", self._whole + ENGINE_OFFSET),
                          self._window(TARGET.sram_bytes, MEMORY_SIZE - TARGET.sram_bytes),
                          self._window(0, TARGET.sram_bytes), self._near.fileno())
        self.native = ffi.new("struct pal_device *")
        check(lib.pal_device_init(self.native, ffi.addressof(self._mmio, "bus")), self.uri)
        self._engine = engine
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _window(self, offset: int, size: int) -> dict[str, object]:
        return {"bytes": self._whole + MEMORY_OFFSET + offset, "address": RAM_BASE + MEMORY_OFFSET + offset,
                "size": size}

    def _serve(self) -> None:
        self._far.settimeout(0.0002)
        while True:
            try:
                if not self._far.recv(4096):  # the driver unmasks the interrupt before it waits
                    return
            except TimeoutError:
                pass
            if self._engine.poll():
                self._far.sendall(bytes(4))

    def _release(self) -> None:
        self._near.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._near.close()
        self._far.close()
        del self._mmio, self._whole


@pytest.fixture
def memory() -> Iterator[Memory]:
    memory = Memory()
    yield memory
    memory.close()


@pytest.fixture
def engine(memory: Memory) -> SimulatedEngine:
    engine = SimulatedEngine(memory, TARGET)
    engine.power_on()
    return engine


def test_bits_and_cycles_are_the_simulators(memory: Memory, engine: SimulatedEngine) -> None:
    values, cycles = feed(5), 0
    with PageDevice(memory, engine) as device, InferenceSession(MODEL, device) as there, \
            InferenceSession(MODEL) as here:
        for sample in range(5):
            one = {name: each[sample : sample + 1] for name, each in values.items()}
            for found, wanted in zip(there.run(None, one), here.run(None, one), strict=True):
                np.testing.assert_array_equal(found, wanted)
            assert there.counters == here.counters
            cycles += there.counters.cycles
        assert engine.cycles == cycles


def test_it_shows_itself_and_forgets_everything_at_power_on(memory: Memory, engine: SimulatedEngine) -> None:
    page = Page(memory, ENGINE_OFFSET)
    assert (page[REG_ID], page[REG_TARGET]) == (ID, TARGET.id)
    page[REG_IRQ_ENABLE] = 1
    page[REG_SUBMIT] = 7
    engine.poll()
    assert page[REG_DONE] == 7
    memory.clear()
    assert bytes(memory.bytes[ENGINE_OFFSET : ENGINE_OFFSET + PAGE]) == bytes(PAGE)
    engine.power_on()
    assert page[REG_ID] == ID and page[REG_DONE] == page[REG_SUBMIT] == page[REG_IRQ_ENABLE] == 0
    assert not engine.poll()


def test_a_doorbell_in_reset_takes_no_cycles(memory: Memory, engine: SimulatedEngine) -> None:
    page = Page(memory, ENGINE_OFFSET)
    page[REG_CTRL] = 1
    page[REG_SUBMIT] = 3
    engine.poll()
    assert page[REG_DONE] == 3 and engine.cycles == 0
