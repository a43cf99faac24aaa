"""What a running board answers on its sockets: `control.sock`, one JSON object a line, and `usb.sock`.

Control: {"do": "status"}, "stop", "power_on", "power_off", "power_cut", "reset" (power off and on),
{"do": "cut_after", "operations": n}, {"do": "flip", "address": n, "bit": n}, {"do": "recovery", "down": true},
{"do": "power_log", "since": n} (samples of the rail from number n on, and the number of the next one).
{"do": "lease"}: the board ends when this connection does, as when the program that needs it is killed.
The answer is {"ok": true, ...} or {"ok": false, "error": text}.

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

from pal_edge.errors import PalError

from . import usb_wire
from .model import Board
from .sockets import listen
from .usb_device import SET_CONFIGURATION, Transfer

_PATIENCE = 2.0
_LINE_MAX = 65536


class Server:
    """Accepts connections on a Unix socket; each gets its own handler."""

    def __init__(self, board: Board, path: Path, handler: type[Connection]) -> None:
        self._board, self._path, self._handler = board, path, handler
        self._connections: set[Connection] = set()
        self._listener = listen(path)
        self._listener.setblocking(False)
        board.selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        self._connections.add(self._handler(self._board, connection, self._connections.discard))

    def close(self) -> None:
        for each in list(self._connections):
            each.close()
        self._board.selector.unregister(self._listener)
        self._listener.close()
        self._path.unlink(missing_ok=True)


class Connection:
    """Bytes arrive in `_buffer`. Answers are wanted at once: a client that does not take them is cut off.

    Args:
        closed: told when it is over.
    """

    def __init__(self, board: Board, connection: socket.socket, closed: Callable[[Connection], None]) -> None:
        connection.settimeout(_PATIENCE)
        self._board, self._socket, self._buffer, self._closed = board, connection, bytearray(), closed
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
        try:
            self._take()
        except ValueError:  # it does not speak our language
            self.close()

    def _take(self) -> None:
        raise NotImplementedError

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except TimeoutError:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the client has gone; the next read tells

    def close(self) -> None:
        self._board.selector.unregister(self._socket)
        self._socket.close()
        self._closed(self)


class Control(Connection):
    """A client of `control.sock`."""

    _lease = False

    def _take(self) -> None:
        if len(self._buffer) > _LINE_MAX:
            raise ValueError("line too long")
        while b"\n" in self._buffer:
            line, _, rest = self._buffer.partition(b"\n")
            self._buffer = rest
            try:
                answer = {"ok": True, **self._do(json.loads(line))}
            except PalError as error:
                answer = {"ok": False, "error": str(error)}
            except (ValueError, LookupError, TypeError, RecursionError) as error:
                answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
            self._send(json.dumps(answer).encode() + b"\n")

    def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        board = self._board
        match request["do"]:
            case "status":
                return board.status()
            case "stop":
                board.stop()
            case "lease":
                self._lease = True
            case "power_on":
                board.power_on()
            case "power_off":
                board.power_off()
            case "power_cut" | "reset":
                board.cycle_power()
            case "cut_after":
                board.nor.cut_after = max(0, int(request["operations"]))
            case "flip":
                board.nor.flip(int(request["address"]), int(request["bit"]) & 7)
            case "recovery":
                board.hold_recovery(bool(request["down"]))
            case "power_log":
                samples = board.power.since(int(request.get("since", 0)))
                return {"samples": [asdict(each) for each in samples], "next": board.power.count}
            case other:
                raise ValueError(f"cannot do {other!r}")
        return {}

    def close(self) -> None:
        super().close()
        if self._lease:
            self._board.stop()


class Usb(Connection):
    """A client of `usb.sock`: a program that has the device open."""

    def __init__(self, board: Board, connection: socket.socket, closed: Callable[[Connection], None]) -> None:
        super().__init__(board, connection, closed)
        self._waiting: set[Transfer] = set()
        self._departures = board.usb.departures

    def _take(self) -> None:
        while request := usb_wire.Request.take(self._buffer):
            self._serve(request)

    def _serve(self, request: usb_wire.Request) -> None:
        usb = self._board.usb
        queue = {usb_wire.CONTROL: usb.control, usb_wire.OUT: usb.bulk_out, usb_wire.IN: usb.bulk_in}.get(request.kind)
        refused = self._refused(request)
        if queue and not refused:
            self._start(request, queue)
            return
        if request.kind == usb_wire.RELEASE:
            self._release()
        elif not refused and request.kind == usb_wire.CLAIM:
            usb.owner = self
        elif not refused:
            usb.reset()
        self._answer(request.number, refused)

    def _refused(self, request: usb_wire.Request) -> int:
        """Return the errno of what this client may not do now, or 0."""
        usb = self._board.usb
        if not usb.attached or usb.departures != self._departures:
            return errno.ENODEV
        if request.kind in (usb_wire.OUT, usb_wire.IN):
            return 0 if usb.owner is self else errno.ENOENT
        if request.kind == usb_wire.CONTROL and request.setup[:2] != SET_CONFIGURATION:
            return 0
        return 0 if usb.owner in (None, self) else errno.EBUSY

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
        if self._board.usb.owner is self:
            self._board.usb.owner = None

    def close(self) -> None:
        self._release()
        super().close()
        for transfer in list(self._waiting):
            self._board.usb.cancel(transfer)
