"""The board's serial line: a pseudo-terminal to the outside, QEMU's UART to the inside."""

from __future__ import annotations

import os
import select
import selectors
import socket
import termios
import tty
from collections.abc import Callable

_CHUNK = 4096
BACKLOG = 65536  # bytes kept each way; whoever sends more has to wait


class Line:
    """Bytes pass both ways without loss, held back at the sender. Only what nobody is there to hear is lost.

    Attributes:
        path: the end for the host. Nobody but hosts holds it open, so that the kernel tells whether there is one.
    """

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._pty, slave = os.openpty()
        self.path = os.ttyname(slave)
        tty.setraw(slave)
        os.close(slave)
        os.set_blocking(self._pty, False)
        self._edges = select.epoll()  # that no host is there would be told for ever; this tells each change once
        self._edges.register(self._pty, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
        self._state = select.poll()
        self._state.register(self._pty, 0)
        self._to_guest, self._to_host = bytearray(), bytearray()
        self._uart: socket.socket | None = None
        self._watched = 0
        selector.register(self._edges, selectors.EVENT_READ, self._host_changed)

    def connect(self, uart: socket.socket, gone: Callable[[], None]) -> None:
        """Connect QEMU's UART; `gone` is called when QEMU closes it."""
        self._uart, self._gone = uart, gone
        self._from_host()

    def disconnect(self) -> None:
        """Leave the line without a board: what the host sends waits there."""
        self._to_guest.clear()
        if self._uart:
            self._watch(0)
            self._uart = None

    def close(self) -> None:
        self.disconnect()
        self._selector.unregister(self._edges)
        self._edges.close()
        os.close(self._pty)

    @property
    def _host_is_there(self) -> bool:
        return not any(events & select.POLLHUP for _, events in self._state.poll(0))

    def _host_changed(self) -> None:
        self._edges.poll(0)
        self._from_host()
        if not self._host_is_there:  # the next one finds a raw terminal, and nothing that was for this one
            self._to_host.clear()
            termios.tcflush(self._pty, termios.TCOFLUSH)
            tty.setraw(self._pty, termios.TCSAFLUSH)
        self._to_host_now()

    def _uart_ready(self) -> None:
        self._from_host()
        self._from_guest()

    def _from_host(self) -> None:
        while self._uart:
            read = self._read_host()
            if not self._to_guest_now() and not read:
                break
        self._watch()

    def _read_host(self) -> bool:
        try:
            data = os.read(self._pty, min(_CHUNK, BACKLOG - len(self._to_guest)))
        except OSError:  # nothing, or nobody
            return False
        self._to_guest += data
        return bool(data)

    def _to_guest_now(self) -> bool:
        if not self._to_guest or not self._uart:
            return False
        try:
            sent = self._uart.send(self._to_guest)
        except BlockingIOError:
            return False
        except OSError:
            self._gone()
            return False
        del self._to_guest[:sent]
        return True

    def _from_guest(self) -> None:
        if not self._uart or len(self._to_host) >= BACKLOG:
            return
        try:
            data = self._uart.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._gone()
        elif self._host_is_there:
            self._to_host += data
            self._to_host_now()

    def _to_host_now(self) -> None:
        try:
            while self._to_host:
                del self._to_host[: os.write(self._pty, self._to_host)]
        except OSError:  # full, or nobody there any more; either change is told
            pass
        self._watch()

    def _watch(self, events: int | None = None) -> None:
        """Listen to the UART for what can be done with it now."""
        if not self._uart:
            return
        if events is None:
            events = (selectors.EVENT_READ if len(self._to_host) < BACKLOG else 0) | \
                     (selectors.EVENT_WRITE if self._to_guest else 0)
        if events == self._watched:
            return
        if not events:
            self._selector.unregister(self._uart)
        elif self._watched:
            self._selector.modify(self._uart, events, self._uart_ready)
        else:
            self._selector.register(self._uart, events, self._uart_ready)
        self._watched = events
