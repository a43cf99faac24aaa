"""The board model: one thread that is every device beside the processor."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from pal_edge.errors import DeviceError
from pal_edge.spec.targets import TARGETS
from pal_edge.spec.virtual_board import BOARD_OFFSET, BoardRegister, Event

from .engine import Engine, SimulatedEngine
from .line import Line
from .machine import Machine
from .memory import Memory, Page
from .nor import Nor, PowerCut
from .power import Power
from .usb_device import UsbDevice

ID = 0x44524250
_CHUNK = 4096
_DARK = 0.05  # seconds without power after a cut
_WATCHDOG = 1.0


@dataclass
class Settings:
    """What a board is made of; paths are absolute."""

    folder: Path
    bootloader: Path
    serial_number: str
    target: str


class Board:
    """Power, serial line and devices. `run` serves them until `stop` is called."""

    def __init__(self, settings: Settings, log: IO[bytes]) -> None:
        self.settings, self._log = settings, log
        self.selector = selectors.DefaultSelector()
        self.memory = Memory()
        self.nor = Nor(self.memory, settings.folder / "flash.bin")
        self._target = TARGETS[settings.target]
        self.engine: Engine = SimulatedEngine(self.memory, self._target)
        self.power = Power(self.memory)
        self.usb = UsbDevice(self.memory, lambda: self._ring(Event.USB))
        self._page = Page(self.memory, BOARD_OFFSET)
        self.machine: Machine | None = None
        self.recovery = False  # the button is held down
        self.cuts = self.lockups = 0
        self.line = Line(self.selector)
        self._timers: list[tuple[float, Callable[[], None]]] = []
        self._running = True
        self._dark: Callable[[], None] | None = None  # ends the wait for power

    def power_on(self) -> None:
        """Start QEMU, unless it runs. Raises DeviceError."""
        if self.machine:
            return
        self._stay_dark()
        for device in (self.nor, self.engine, self.power, self.usb):
            device.power_on()
        self._page[BoardRegister.ID] = ID
        self._page[BoardRegister.POWERED] = 1
        self._page[BoardRegister.STRAP] = int(self.recovery)
        number = self.settings.serial_number.encode().ljust(16, b"\0")
        for i in range(4):
            self._page[BoardRegister.SERIAL_0 + 4 * i] = int.from_bytes(number[4 * i : 4 * i + 4], "little")
        self.machine = Machine(self.settings.folder, self.memory.path, self.settings.bootloader, self._log)
        self.selector.register(self.machine.events, selectors.EVENT_READ, self._from_wire)
        self.line.connect(self.machine.serial, self._died)

    def power_off(self) -> None:
        """Stop QEMU wherever it is."""
        self._stay_dark()
        if not self.machine:
            return
        self.selector.unregister(self.machine.events)
        self.line.disconnect()
        self.machine.power_off()
        self.machine = None
        self.memory.clear()
        self.usb.poll()

    def cycle_power(self, seconds: float = _DARK) -> None:
        """Switch off, and on again after so long."""
        self.power_off()
        self._dark = self.after(seconds, self.power_on)

    def _stay_dark(self) -> None:
        if self._dark:
            self._dark()
            self._dark = None

    def hold_recovery(self, down: bool) -> None:
        self.recovery = down
        self._page[BoardRegister.STRAP] = int(down)

    def status(self) -> dict[str, Any]:
        return {"powered": self.machine is not None, "line": self.line.path, "target": self.settings.target,
                "serial_number": self.settings.serial_number, "flash_operations": self.nor.operations,
                "power_cuts": self.cuts, "lockups": self.lockups, "recovery": self.recovery,
                "usb_attached": self.usb.attached,
                "rail": asdict(self.power.samples[-1]) if self.machine else None}

    def after(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        """Call `action` once, later; the returned function takes that back."""
        entry = (time.monotonic() + seconds, action)
        self._timers.append(entry)

        def cancel() -> None:
            if entry in self._timers:
                self._timers.remove(entry)

        return cancel

    def run(self) -> None:
        """Serve until `stop`. Raises DeviceError when QEMU ends by itself."""
        while self._running:
            now = time.monotonic()
            for entry in [each for each in self._timers if each[0] <= now]:
                if entry in self._timers:
                    self._timers.remove(entry)
                    entry[1]()
            wait = max(0.0, min((when for when, _ in self._timers), default=now + 3600) - time.monotonic())
            for key, _ in self.selector.select(wait):
                key.data()

    def stop(self) -> None:
        self._running = False

    def close(self) -> None:
        self.power_off()
        self.line.close()
        self.nor.close()
        self.selector.close()
        self.memory.close()

    # The event wire

    def _from_wire(self) -> None:
        for event in self._received():
            try:
                self._serve(event)
            except PowerCut:
                self.cuts += 1
                self.cycle_power()
                return

    def _serve(self, event: int) -> None:
        if event == Event.NOR:
            self.nor.poll()
            self._ring(Event.NOR)
        elif event == Event.ENGINE:
            before = self.engine.cycles
            interrupt = self.engine.poll()
            if self.engine.cycles != before:
                self.power.engine_ran((self.engine.cycles - before) / self._target.clock_hz)
            if interrupt:
                self._ring(Event.ENGINE)
        elif event == Event.USB:
            self.usb.poll()
        elif event == Event.POWER:
            self.power.marked()

    def _ring(self, event: Event) -> None:
        if self.machine:
            try:
                self.machine.events.send(bytes([event]))
            except BlockingIOError:  # a guest that leaves hundreds unread has this one among them
                pass
            except OSError:
                self._died()

    def _received(self) -> bytes:
        if not self.machine:
            return b""
        try:
            data = self.machine.events.recv(_CHUNK)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._died()
        return data

    def _died(self) -> None:
        """QEMU ends when its processor locks up, which a watchdog would see; else the board cannot go on."""
        if not self.machine or not self.machine.locked_up():
            raise DeviceError("QEMU ended by itself")
        self.lockups += 1
        self.cycle_power(_WATCHDOG)
