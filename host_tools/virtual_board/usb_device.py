"""The USB device controller: the host's transfers become requests in its page, one at a time for each endpoint."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from pal_edge.spec.virtual_board import (
    USB_BUFFER,
    USB_CONTROL_OFFSET,
    USB_IN_OFFSET,
    USB_OFFSET,
    USB_OUT_OFFSET,
    UsbRegister,
)

from .memory import Memory, Page

ID = 0x42535550
SETUP_SIZE = 8
_IN = 0x80
SET_CONFIGURATION = b"\x00\x09"  # how its setup packet begins

Finish = Callable[[int, bytes], None]  # (errno or 0, data)


@dataclass(eq=False)
class Transfer:
    """One transfer that the host waits for. `data` goes out; `finish` is called once."""

    finish: Finish
    setup: bytes = b""
    data: bytes = b""
    size: int = 0


class UsbDevice:
    """Queues of transfers, and the page that carries one of each kind.

    Args:
        ring: tells the firmware that something changed.

    Attributes:
        owner: whoever has claimed the interface.
        departures: how often the device was detached; who opened it before that has to open it again.
    """

    def __init__(self, memory: Memory, ring: Callable[[], None]) -> None:
        self._memory = memory.bytes
        self._page = Page(memory, USB_OFFSET)
        self._ring = ring
        self._control: deque[Transfer] = deque()
        self._out: deque[Transfer] = deque()
        self._in: deque[Transfer] = deque()
        self._under_way: Transfer | None = None
        self._rest = b""  # of an IN transfer that was longer than the host had asked for
        self.owner: object = None
        self.departures = 0
        self._seen = False  # attached, at the last look

    def power_on(self) -> None:
        self._page[UsbRegister.ID] = ID

    @property
    def attached(self) -> bool:
        return bool(self._page[UsbRegister.CONNECT])

    def reset(self) -> None:
        """Reset the bus: address and configuration are forgotten, what was under way is lost."""
        self.fail(errno.EPIPE)
        self._page[UsbRegister.RESETS] += 1
        self._ring()

    def control(self, transfer: Transfer) -> None:
        self._queue(self._control, transfer)

    def bulk_out(self, transfer: Transfer) -> None:
        self._queue(self._out, transfer)

    def bulk_in(self, transfer: Transfer) -> None:
        self._queue(self._in, transfer)

    def cancel(self, transfer: Transfer) -> None:
        """Forget a transfer whose time is over; it finishes with ETIMEDOUT."""
        for queue in (self._control, self._out, self._in):
            if transfer in queue:
                queue.remove(transfer)
        if transfer is self._under_way:
            self._under_way = None
        transfer.finish(errno.ETIMEDOUT, b"")

    def fail(self, number: int) -> None:
        """Finish everything with this error."""
        if self._under_way:
            self._control.appendleft(self._under_way)
        self._under_way, self._rest = None, b""
        self._finish([self._control, self._out, self._in], number)

    def poll(self) -> None:
        """Go on with whatever the firmware has made possible."""
        if self._seen and not self.attached:
            self.owner = None
            self.departures += 1
        self._seen = self.attached
        if not self.attached:
            self.fail(errno.ENODEV)
            return
        self._poll_control()
        if self._page[UsbRegister.CONFIGURATION]:
            self._poll_out()
            self._poll_in()
        else:
            self._rest = b""
            self._finish([self._out, self._in], errno.ENOENT)

    def _finish(self, queues: list[deque[Transfer]], number: int) -> None:
        for queue in queues:
            while queue:
                queue.popleft().finish(number, b"")

    def _queue(self, queue: deque[Transfer], transfer: Transfer) -> None:
        queue.append(transfer)
        self.poll()

    def _poll_control(self) -> None:
        page = self._page
        if page[UsbRegister.SETUP_DONE] != page[UsbRegister.SETUP_SEQ]:
            return
        done, self._under_way = self._under_way, None
        if done:
            length = min(page[UsbRegister.SETUP_LENGTH], int.from_bytes(done.setup[6:8], "little"), USB_BUFFER)
            stalled = page[UsbRegister.SETUP_STATUS]
            data = b"" if stalled or not done.setup[0] & _IN else self._get(USB_CONTROL_OFFSET, length)
            done.finish(errno.EPIPE if stalled else 0, data)
        if self._control:
            transfer = self._under_way = self._control.popleft()
            self._put(USB_CONTROL_OFFSET, transfer.data)
            page[UsbRegister.SETUP_0] = int.from_bytes(transfer.setup[:4], "little")
            page[UsbRegister.SETUP_1] = int.from_bytes(transfer.setup[4:], "little")
            page[UsbRegister.SETUP_SEQ] += 1
            self._ring()

    def _poll_out(self) -> None:
        page = self._page
        if self._out and page[UsbRegister.OUT_DONE] == page[UsbRegister.OUT_SEQ]:
            transfer = self._out.popleft()
            self._put(USB_OUT_OFFSET, transfer.data)
            page[UsbRegister.OUT_LENGTH] = len(transfer.data)
            page[UsbRegister.OUT_SEQ] += 1
            self._ring()
            transfer.finish(0, b"")

    def _poll_in(self) -> None:
        page = self._page
        while self._in:
            if not self._rest:
                if page[UsbRegister.IN_DONE] == page[UsbRegister.IN_SEQ]:
                    return
                self._rest = self._get(USB_IN_OFFSET, min(page[UsbRegister.IN_LENGTH], USB_BUFFER))
                page[UsbRegister.IN_DONE] = page[UsbRegister.IN_SEQ]
                self._ring()
            transfer = self._in.popleft()
            data, self._rest = self._rest[: transfer.size], self._rest[transfer.size :]
            transfer.finish(0, data)

    def _get(self, offset: int, length: int) -> bytes:
        return bytes(self._memory[offset : offset + length])

    def _put(self, offset: int, data: bytes) -> None:
        self._memory[offset : offset + len(data)] = data
