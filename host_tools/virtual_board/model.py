"""The board model: one thread that is every device beside the processor."""

from __future__ import annotations

import errno
import os
import selectors
import time
import tty
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from pal_edge.spec.targets import TARGETS
from pal_edge.spec.virtual_board import BOARD_OFFSET, BoardRegister, Event

from .engine import Engine, SimulatedEngine
from .machine import Machine
from .memory import Memory, Page
from .nor import Nor, PowerCut
from .power import Power
from .usb_device import UsbDevice

ID = 0x44524250
_CHUNK = 4096
_BACKLOG = 65536  # bytes on their way to the guest's UART
_DARK = 0.05  # seconds without power after a cut


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
        self.cuts = 0
        self._timers: list[tuple[float, Callable[[], None]]] = []
        self._running = True
        self._open_line()

    @property
    def line(self) -> str:
        """Path of the pseudo-terminal that is the board's serial line."""
        return os.ttyname(self._slave)

    def power_on(self) -> None:
        if self.machine:
            return
        for device in (self.nor, self.engine, self.power, self.usb):
            device.power_on()
        self._page.clear()
        self._page[BoardRegister.ID] = ID
        self._page[BoardRegister.POWERED] = 1
        self._page[BoardRegister.STRAP] = int(self.recovery)
        number = self.settings.serial_number.encode().ljust(16, b"\0")
        for i in range(4):
            self._page[BoardRegister.SERIAL_0 + 4 * i] = int.from_bytes(number[4 * i : 4 * i + 4], "little")
        self.machine = Machine(self.settings.folder, self.memory.path, self.settings.bootloader, self._log)
        self._to_guest = b""
        self.selector.register(self.machine.serial, selectors.EVENT_READ, self._from_guest)
        self.selector.register(self.machine.events, selectors.EVENT_READ, self._from_wire)
        self._listen_to_line(True)

    def power_off(self) -> None:
        if not self.machine:
            return
        self.selector.unregister(self.machine.serial)
        self.selector.unregister(self.machine.events)
        self._listen_to_line(False)
        self.machine.power_off()
        self.machine = None
        self.usb.fail(errno.ENODEV)

    def cycle_power(self) -> None:
        self.power_off()
        self.after(_DARK, self.power_on)

    def hold_recovery(self, down: bool) -> None:
        self.recovery = down
        self._page[BoardRegister.STRAP] = int(down)

    def status(self) -> dict[str, Any]:
        return {"powered": self.machine is not None, "line": self.line, "target": self.settings.target,
                "serial_number": self.settings.serial_number, "flash_operations": self.nor.operations,
                "power_cuts": self.cuts, "recovery": self.recovery, "usb_attached": self.usb.attached,
                "rail": asdict(self.power.samples[-1]) if self.power.samples else None}

    def after(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        """Call `action` once, later; the returned function takes that back."""
        entry = (time.monotonic() + seconds, action)
        self._timers.append(entry)

        def cancel() -> None:
            if entry in self._timers:
                self._timers.remove(entry)

        return cancel

    def run(self) -> None:
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
        self.nor.close()
        self.memory.close()

    # The serial line

    def _open_line(self) -> None:
        self._master, self._slave = os.openpty()  # our end of the slave stays open: a host may come and go
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._heard = False

    def _listen_to_line(self, on: bool) -> None:
        if on != self._heard:
            if on:
                self.selector.register(self._master, selectors.EVENT_READ, self._from_line)
            else:
                self.selector.unregister(self._master)
            self._heard = on

    def _from_line(self) -> None:
        self._to_guest += os.read(self._master, _CHUNK)
        self._feed_guest()

    def _feed_guest(self) -> None:
        """Hand on what the UART takes; hold the host back while it takes nothing."""
        machine = self.machine
        if not machine:
            return
        try:
            self._to_guest = self._to_guest[machine.serial.send(self._to_guest):]
        except BlockingIOError:
            pass
        except OSError:
            self._died()
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._to_guest else 0)
        self.selector.modify(machine.serial, events, self._serial_ready if self._to_guest else self._from_guest)
        self._listen_to_line(len(self._to_guest) < _BACKLOG)

    def _serial_ready(self) -> None:
        self._feed_guest()
        self._from_guest()

    def _from_guest(self) -> None:
        data = self._receive("serial")
        try:
            while data:
                data = data[os.write(self._master, data):]
        except BlockingIOError:  # no host reads: what it would have shown is lost, as on a wire
            pass

    # The event wire

    def _from_wire(self) -> None:
        for event in self._receive("events"):
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
            if self.engine.poll():
                self.power.engine_ran(self.engine.cycles() / self._target.clock_hz)
                self._ring(Event.ENGINE)
        elif event == Event.USB:
            self.usb.poll()
        elif event == Event.POWER:
            self.power.marked()

    def _ring(self, event: Event) -> None:
        if self.machine:
            try:
                self.machine.events.send(bytes([event]))
            except OSError:
                self._died()

    def _receive(self, port: str) -> bytes:
        if not self.machine:
            return b""
        try:
            data: bytes = getattr(self.machine, port).recv(_CHUNK)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._died()
        return data

    def _died(self) -> None:
        self._log.write(b"QEMU ended; the board is off\n")
        self._log.flush()
        self.power_off()
