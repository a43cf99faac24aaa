"""What a running board answers on its sockets: `control.sock`, one JSON object a line, and `usb.sock`.

Control: {"do": "status"}, "stop", "power_on", "power_off", "power_cut", "reset" (power off and on),
{"do": "cut_after", "operations": n}, {"do": "flip", "address": n, "bit": n}, {"do": "recovery", "down": true},
{"do": "power_log"}. The answer is {"ok": true, ...} or {"ok": false, "error": text}.

USB: requests and responses of `usb_wire`, each answered once, in any order of completion per connection.
"""

from __future__ import annotations

import errno
import json
import selectors
import socket
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import usb_wire
from .model import Board
from .sockets import listen
from .usb_device import Transfer


class Server:
    """Accepts connections on a Unix socket; each gets its own handler."""

    def __init__(self, board: Board, path: Path, handler: Callable[[Board, socket.socket], Any]) -> None:
        self._board, self._path, self._handler = board, path, handler
        self._listener = listen(path)
        self._listener.setblocking(False)
        board.selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        self._handler(self._board, connection)

    def close(self) -> None:
        self._board.selector.unregister(self._listener)
        self._listener.close()
        self._path.unlink(missing_ok=True)


class _Connection:
    """Bytes arrive in `_buffer`; answers are small or wanted at once, so they are sent blocking."""

    def __init__(self, board: Board, connection: socket.socket) -> None:
        self._board, self._socket, self._buffer = board, connection, bytearray()
        board.selector.register(connection, selectors.EVENT_READ, self._ready)

    def _ready(self) -> None:
        try:
            data = self._socket.recv(1 << 17)
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._buffer += data
        self._take()

    def _take(self) -> None:
        raise NotImplementedError

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError:
            pass  # the client has gone; the next read tells

    def close(self) -> None:
        self._board.selector.unregister(self._socket)
        self._socket.close()


class Control(_Connection):
    """A client of `control.sock`."""

    def _take(self) -> None:
        while b"\n" in self._buffer:
            line, _, rest = self._buffer.partition(b"\n")
            self._buffer = rest
            try:
                answer = {"ok": True, **self._do(json.loads(line))}
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
            self._send(json.dumps(answer).encode() + b"\n")

    def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        board = self._board
        match request["do"]:
            case "status":
                return board.status()
            case "stop":
                board.stop()
            case "power_on":
                board.power_on()
            case "power_off":
                board.power_off()
            case "power_cut" | "reset":
                board.cycle_power()
            case "cut_after":
                board.nor.cut_after = int(request["operations"])
            case "flip":
                board.nor.flip(int(request["address"]), int(request["bit"]) & 7)
            case "recovery":
                board.hold_recovery(bool(request["down"]))
            case "power_log":
                return {"samples": [asdict(each) for each in board.power.samples], "dropped": board.power.dropped}
            case other:
                raise ValueError(f"cannot do {other!r}")
        return {}


class Usb(_Connection):
    """A client of `usb.sock`: a program that has the device open."""

    owner: Usb | None = None  # who has claimed the interface

    def __init__(self, board: Board, connection: socket.socket) -> None:
        super().__init__(board, connection)
        self._waiting: set[Transfer] = set()

    def _take(self) -> None:
        while True:
            request = usb_wire.Request.take(self._buffer)
            if request is None:
                return
            self._serve(request)

    def _serve(self, request: usb_wire.Request) -> None:
        usb = self._board.usb
        if not usb.attached:
            self._answer(request.number, errno.ENODEV)
        elif request.kind == usb_wire.CLAIM:
            if Usb.owner not in (None, self):
                self._answer(request.number, errno.EBUSY)
                return
            Usb.owner = self
            self._answer(request.number, 0)
        elif request.kind == usb_wire.RELEASE:
            self._release()
            self._answer(request.number, 0)
        elif request.kind == usb_wire.RESET:
            usb.reset()
            self._answer(request.number, 0)
        elif request.kind == usb_wire.CONTROL:
            self._start(request, usb.control)
        elif Usb.owner is not self:
            self._answer(request.number, errno.ENOENT)
        else:
            self._start(request, usb.bulk_out if request.kind == usb_wire.OUT else usb.bulk_in)

    def _start(self, request: usb_wire.Request, queue: Callable[[Transfer], None]) -> None:
        def finish(number: int, data: bytes) -> None:
            self._waiting.discard(transfer)
            forget_timeout()
            self._answer(request.number, number, data)

        transfer = Transfer(finish, request.setup, request.data, request.size)
        self._waiting.add(transfer)
        forget_timeout = self._board.after(request.timeout_ms / 1000, lambda: self._board.usb.cancel(transfer))
        queue(transfer)

    def _answer(self, number: int, error: int, data: bytes = b"") -> None:
        self._send(usb_wire.response(number, error, data))

    def _release(self) -> None:
        if Usb.owner is self:
            Usb.owner = None

    def close(self) -> None:
        self._release()
        super().close()
        for transfer in list(self._waiting):
            self._board.usb.cancel(transfer)
