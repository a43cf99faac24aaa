"""A board model whose processor is a thread of this process: the devices, the line and the sockets without QEMU."""

from __future__ import annotations

import mmap
import os
import selectors
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from host_tools.virtual_board import model
from host_tools.virtual_board.control import Control, Server, Usb
from host_tools.virtual_board.memory import Page
from host_tools.virtual_board.usb_backend import Backend
from pal_edge.spec.link import USB_PRODUCT, USB_VENDOR
from pal_edge.spec.targets import DEFAULT_TARGET
from pal_edge.spec.virtual_board import (
    BOARD_OFFSET,
    NOR_BUFFER_OFFSET,
    NOR_REGS_OFFSET,
    NOR_SIZE,
    RAM_SIZE,
    USB_CONTROL_OFFSET,
    USB_IN_OFFSET,
    USB_OFFSET,
    USB_OUT_OFFSET,
    Event,
    NorRegister,
    UsbRegister,
)

SERIAL_NUMBER = "0123456789AB"
PATIENCE = 20.0  # seconds; only a test that fails waits so long
STRINGS = ("", "PAL", "stand-in", SERIAL_NUMBER)
DEVICE = bytes([18, 1, 0, 2, 0, 0, 0, 64]) + USB_VENDOR.to_bytes(2, "little") + USB_PRODUCT.to_bytes(2, "little") \
    + bytes([0, 1, 1, 2, 3, 1])
CONFIGURATION = bytes([9, 2, 32, 0, 1, 1, 0, 0x80, 250, 9, 4, 0, 0, 2, 0xFF, 0, 0, 0,
                       7, 5, 0x01, 2, 64, 0, 0, 7, 5, 0x81, 2, 64, 0, 0])
KEEP = 0x40  # vendor request: keeps the data of an OUT transfer, gives it back in an IN transfer
HOLD = 0x41  # vendor request: takes no bulk transfer while its value is not 0
REATTACH = 0x42  # vendor request: leaves the bus and comes back


class Shared:
    """The board's memory, as the processor maps it."""

    def __init__(self, path: Path) -> None:
        with open(path, "r+b") as file:
            self.bytes = mmap.mmap(file.fileno(), RAM_SIZE)


class StandIn(threading.Thread):
    """Takes the place of `Machine`: what comes over USB or the line goes back as it was."""

    def __init__(self, folder: Path, memory: Path, bootloader: Path, log: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.serial, self._line = socket.socketpair()
        self.events, self._wire = socket.socketpair()
        self.serial.setblocking(False)
        self.events.setblocking(False)
        self.memory = Shared(memory)
        self.usb, self.nor, self.board = (Page(self.memory, each)  # type: ignore[arg-type]
                                          for each in (USB_OFFSET, NOR_REGS_OFFSET, BOARD_OFFSET))
        self._nor_done = threading.Event()
        self._kept = b""
        self._hold = False
        self._powered = True
        self._echoes: deque[bytes] = deque()
        self.start()

    # What the board model calls

    def power_off(self) -> None:
        for each in (self.serial, self.events):
            each.close()
        if threading.current_thread() is not self:
            self.join()

    def locked_up(self) -> bool:
        return False

    # What a test calls

    def erase(self, address: int, length: int) -> int | None:
        return self._flash(1, address, length)

    def program(self, address: int, data: bytes) -> int | None:
        self.memory.bytes[NOR_BUFFER_OFFSET : NOR_BUFFER_OFFSET + len(data)] = data
        return self._flash(2, address, len(data))

    def _flash(self, command: int, address: int, length: int) -> int | None:
        """Return the status of an operation, None if the power went."""
        for register, value in ((NorRegister.COMMAND, command), (NorRegister.ADDRESS, address),
                                (NorRegister.LENGTH, length)):
            self.nor[register] = value
        self.nor[NorRegister.SUBMIT] += 1
        self._nor_done.clear()
        self.ring(Event.NOR)
        assert self._nor_done.wait(PATIENCE)
        return self.nor[NorRegister.STATUS] if self._powered else None

    def ring(self, event: Event) -> None:
        try:
            self._wire.send(bytes([event]))
        except OSError:  # no power
            pass

    def end(self) -> None:
        """Die, as by kill -9."""
        self._wire.shutdown(socket.SHUT_RDWR)

    # The processor

    def run(self) -> None:
        self.attach()
        with selectors.DefaultSelector() as selector:
            for each in (self._line, self._wire):
                selector.register(each, selectors.EVENT_READ)
            while self._serve({key.fileobj for key, _ in selector.select()}):
                pass
        self._line.close()
        self._wire.close()
        self._powered = False
        self._nor_done.set()

    def _serve(self, ready: set[object]) -> bool:
        try:
            if self._line in ready:
                data = self._line.recv(4096)
                self._line.sendall(data)
                return bool(data)
            events = self._wire.recv(4096)
        except OSError:
            return False
        if Event.NOR in events:
            self._nor_done.set()
        if Event.USB in events:
            self._usb()
        return bool(events)

    def attach(self) -> None:
        self.usb[UsbRegister.CONFIGURATION] = self.usb[UsbRegister.ADDRESS] = 0
        self.usb[UsbRegister.RESETS_SEEN] = self.usb[UsbRegister.RESETS]
        self.usb[UsbRegister.CONNECT] = 1
        self.ring(Event.USB)

    def _usb(self) -> None:
        usb = self.usb
        if usb[UsbRegister.RESETS_SEEN] != usb[UsbRegister.RESETS]:
            usb[UsbRegister.CONFIGURATION] = 0
            usb[UsbRegister.RESETS_SEEN] = usb[UsbRegister.RESETS]
        if usb[UsbRegister.SETUP_DONE] != usb[UsbRegister.SETUP_SEQ]:
            setup = b"".join(usb[each].to_bytes(4, "little") for each in (UsbRegister.SETUP_0, UsbRegister.SETUP_1))
            answer = self._control(setup)
            if answer is not None:
                self.memory.bytes[USB_CONTROL_OFFSET : USB_CONTROL_OFFSET + len(answer)] = answer
            usb[UsbRegister.SETUP_STATUS] = answer is None
            usb[UsbRegister.SETUP_LENGTH] = len(answer or b"")
            usb[UsbRegister.SETUP_DONE] = usb[UsbRegister.SETUP_SEQ]
        if usb[UsbRegister.CONFIGURATION] and not self._hold:
            self._bulk()
        self.ring(Event.USB)

    def _bulk(self) -> None:
        usb = self.usb
        if usb[UsbRegister.OUT_DONE] != usb[UsbRegister.OUT_SEQ]:
            length = usb[UsbRegister.OUT_LENGTH]
            self._echoes.append(bytes(self.memory.bytes[USB_OUT_OFFSET : USB_OUT_OFFSET + length]))
            usb[UsbRegister.OUT_DONE] = usb[UsbRegister.OUT_SEQ]
        if self._echoes and usb[UsbRegister.IN_DONE] == usb[UsbRegister.IN_SEQ]:
            data = self._echoes.popleft()
            self.memory.bytes[USB_IN_OFFSET : USB_IN_OFFSET + len(data)] = data
            usb[UsbRegister.IN_LENGTH] = len(data)
            usb[UsbRegister.IN_SEQ] += 1

    def _control(self, setup: bytes) -> bytes | None:
        """Return what a transfer brings, None for a stall."""
        kind, request = setup[0], setup[1]
        value, length = (int.from_bytes(setup[at : at + 2], "little") for at in (2, 6))
        match kind, request:
            case 0x80, 6:
                return self._descriptor(value >> 8, value & 0xFF)[:length] or None
            case 0x80, 8:
                return bytes([self.usb[UsbRegister.CONFIGURATION]])
            case 0x00, 9:
                self.usb[UsbRegister.OUT_DONE] = self.usb[UsbRegister.OUT_SEQ]
                self.usb[UsbRegister.IN_SEQ] = self.usb[UsbRegister.IN_DONE]
                self._echoes.clear()
                self.usb[UsbRegister.CONFIGURATION] = value
            case 0x40, 0x40:
                self._kept = bytes(self.memory.bytes[USB_CONTROL_OFFSET : USB_CONTROL_OFFSET + length])
            case 0xC0, 0x40:
                return self._kept
            case 0x40, 0x41:
                self._hold = bool(value)
            case 0x40, 0x42:
                self.usb[UsbRegister.CONNECT] = 0
                self.ring(Event.USB)
                threading.Timer(0.05, self.attach).start()
            case _:
                return None
        return b""

    def _descriptor(self, kind: int, index: int) -> bytes:
        if kind == 3:
            text = STRINGS[index].encode("utf-16-le") if index else b"\x09\x04"
            return bytes([2 + len(text), 3]) + text
        return {1: DEVICE, 2: CONFIGURATION}.get(kind, b"")


class Running:
    """A board model with its sockets in `folder`, served by a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "flash.bin").write_bytes(b"\xff" * NOR_SIZE)
        settings = model.Settings(folder, folder / "none.elf", SERIAL_NUMBER, DEFAULT_TARGET)
        self._log = (folder / "board.log").open("wb")
        self.board = model.Board(settings, self._log)
        self._servers = [Server(self.board, folder / "control.sock", Control),
                         Server(self.board, folder / "usb.sock", Usb)]
        self.error: Exception | None = None
        self._wake, self._waker = os.pipe()
        self.board.selector.register(self._wake, selectors.EVENT_READ, lambda: os.read(self._wake, 1))
        self.board.power_on()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.board.run()
        except Exception as error:  # a test may look for it
            self.error = error

    @property
    def machine(self) -> StandIn:
        machine = self.board.machine
        assert isinstance(machine, StandIn)
        return machine

    def backend(self) -> Backend:
        return Backend(lambda: [self.folder / "usb.sock"])

    def wait(self) -> None:
        """Wait until it has ended."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def close(self) -> None:
        self.board.stop()
        os.write(self._waker, b".")
        self.wait()
        for server in self._servers:
            server.close()
        self.board.close()
        os.close(self._waker)
        os.close(self._wake)
        self._log.close()


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "Machine", StandIn)
        board = Running(folder)
        try:
            yield board
        finally:
            board.close()

