"""Pseudo-terminals, and a loopback board behind one."""

from __future__ import annotations

import os
import threading
import tty

from tests.link.loopback import Handler, LoopbackBoard, echo


class Pty:
    """A pseudo-terminal; `path` is the end that a host opens."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self.uri = f"serial:{self.path}"
        self._slave = slave  # held open: the master reads, and is not hung up, between two hosts

    def unplug(self) -> None:
        os.close(self._slave)
        os.close(self.master)
        self.master = -1

    def close(self) -> None:
        if self.master >= 0:
            self.unplug()


class PtyBoard:
    """A loopback board whose line is a pseudo-terminal."""

    def __init__(self, handler: Handler = echo) -> None:
        self.pty = Pty()
        self.board = LoopbackBoard(handler)
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._up, self._down)]
        self._open = True
        for thread in self._threads:
            thread.start()

    def _up(self) -> None:
        while self._open:
            try:
                self.board.to_board.put(os.read(self.pty.master, 4096))
            except OSError:
                return

    def _down(self) -> None:
        while self._open:
            data = self.board.to_host.get(0.02)
            try:
                while data:
                    data = data[os.write(self.pty.master, data):]
            except OSError:
                return

    def close(self) -> None:
        self._open = False
        self.pty.close()
        self.board.close()
