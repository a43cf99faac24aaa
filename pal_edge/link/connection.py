"""Requests to a board over a reliable stream: the codec is the driver's, this drives it over a transport."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NoReturn, Self

from ..errors import DeviceError, DeviceTimeout, LinkError, LinkVersionError
from ..runtime.native import check, ffi, lib
from ..spec.link import MESSAGE_MAX, PAYLOAD_MAX, VERSION_MAX, VERSION_MIN, Command, MessageRecord
from ..spec.status import Status
from .transport import Transport

TIMEOUT = 10.0  # seconds without any progress
OPEN_TIMEOUT = 3.0
GIVE_UP = 5.0
BODY_MAX = MESSAGE_MAX - MessageRecord.STRUCT.size
_SEND, _RECEIVE = 1 << 16, 1 << 17  # bytes on their way
_DEPTH = 256  # requests on their way
_RAW = 1 << 14  # bytes handed to the line at once
_POLL = 0.5  # seconds: wake this often, whatever the codec's timer says
_FLUSH = 0.05

Request = tuple[Command, bytes]
Text = Callable[[bytes], None]


@dataclass(frozen=True)
class Response:
    """What the board answered; `status` below zero is a refusal."""

    command: int
    status: int
    body: bytes


class Connection:
    """One session of the link. Threads may share it; requests are answered in their order.

    Args:
        transport: an open line; closed with the connection.
        text: called with bytes that the board sent outside of frames.
        open_timeout: seconds that the board has to answer the first frame.
        give_up: seconds without a sign of life, while one is due, after which the link is broken.

    Raises DeviceTimeout if nothing answers, LinkVersionError, LinkError.
    """

    def __init__(self, transport: Transport, text: Text | None = None, open_timeout: float = OPEN_TIMEOUT,
                 give_up: float = GIVE_UP) -> None:
        self.name = transport.name
        self._transport = transport
        self._text = text
        self._give_up_us = int(give_up * 1e6)
        self._lock = threading.RLock()
        self._raw = ffi.new("uint8_t[]", _RAW)
        self._buffers = [ffi.new("uint8_t[]", size) for size in (_SEND, _RECEIVE, PAYLOAD_MAX + 64)]
        self._link = ffi.new("struct pal_link *")
        self._handle = ffi.new_handle(self)
        self._closed = False
        self._gone = False
        self._next = 0
        try:
            self.open(open_timeout)
        except BaseException:
            self._transport.close()
            raise

    def open(self, timeout: float = OPEN_TIMEOUT) -> None:
        """Begin a new session over the same line, after a restart of the board say."""
        with self._lock:
            self._check_open()
            self._start()
            deadline = time.monotonic() + timeout
            lib.pal_link_open(self._link, secrets.randbelow(1 << 16), _now())
            while self._link.state == lib.PAL_LINK_OPENING and time.monotonic() < deadline:
                self._pump(deadline - time.monotonic())
            if self._link.state == lib.PAL_LINK_OPEN:
                return
            if self._link.error in (Status.OK, Status.ERR_LINK, Status.ERR_TIMEOUT):
                raise DeviceTimeout(f"{self.name}: nothing answers there; is it a PAL board, is it on, and is the "
                                    "baud rate its own?")
            self._broken()

    def _start(self) -> None:
        send, receive, frame = self._buffers
        config = ffi.new("struct pal_link_config *", {
            "role": lib.PAL_LINK_HOST, "send_buffer": send, "send_size": _SEND, "receive_buffer": receive,
            "receive_size": _RECEIVE, "frame_buffer": frame, "payload_max": PAYLOAD_MAX, "give_up_us": self._give_up_us,
            "text": lib.pal_edge_link_text if self._text else ffi.NULL, "ctx": self._handle})
        lib.pal_link_init(self._link, config)
        self._out: Any = b""  # raw bytes that the line has not taken yet
        self._unsent = bytearray()  # messages that the stream has not taken yet
        self._received = bytearray()  # the response that is arriving
        self._expected: set[int] = set()
        self._answers: dict[int, Response] = {}

    @property
    def broken(self) -> bool:
        """Whether this session has ended: `open` begins another one."""
        return self._closed or self._gone or int(self._link.state) != lib.PAL_LINK_OPEN

    @property
    def counts(self) -> dict[str, int]:
        """Return what the codec counted: frames, bytes on the line, repetitions."""
        counts = self._link.counts
        return {field: int(getattr(counts, field)) for field, _ in ffi.typeof(counts).fields}

    def request(self, command: Command, body: bytes = b"", timeout: float = TIMEOUT) -> bytes:
        """Return the body of the response.

        Args:
            timeout: seconds without any progress.

        Raises the exception of the response's status, DeviceTimeout, LinkError.
        """
        response = self.ask(command, body, timeout)
        check(response.status, self.name)
        return response.body

    def ask(self, command: Command, body: bytes = b"", timeout: float = TIMEOUT) -> Response:
        """Return the response, whatever its status. Raises DeviceTimeout, LinkError."""
        (response,) = self.pipeline([(command, body)], timeout)
        return response

    def pipeline(self, requests: Iterable[Request], timeout: float = TIMEOUT) -> Iterator[Response]:
        """Yield the responses in order while further requests are on their way.

        Raises DeviceTimeout, LinkError; what was asked for may or may not have been done then.
        """
        source = iter(requests)
        waiting: deque[int] = deque()
        more = True
        try:
            while more or waiting:
                with self._lock:
                    while more and (not waiting or (len(waiting) < _DEPTH and len(self._unsent) <= MESSAGE_MAX)):
                        request = next(source, None)
                        if request is None:
                            more = False
                        else:
                            waiting.append(self._submit(*request))
                    if not waiting:
                        return
                    response = self._await(waiting[0], timeout)
                    waiting.popleft()
                yield response
        finally:  # answers to abandoned requests are dropped
            with self._lock:
                self._expected.difference_update(waiting)
                for number in waiting:
                    self._answers.pop(number, None)

    def _submit(self, command: Command, body: bytes) -> int:
        self._check_open()
        if self.broken:
            self._broken()
        if len(body) > BODY_MAX:
            raise ValueError(f"{len(body)} bytes exceed a request of {BODY_MAX}")
        self._next = (self._next + 1) & 0xFFFF
        self._unsent += MessageRecord(command, 0, self._next, len(body)).pack() + body
        self._expected.add(self._next)
        self._push()
        return self._next

    def _await(self, number: int, timeout: float) -> Response:
        """Return the response of that id. The caller holds the lock."""
        progress, deadline = self._progress(), time.monotonic() + timeout
        while number not in self._answers:
            self._check_open()
            left = deadline - time.monotonic()
            if left <= 0:
                raise DeviceTimeout(f"{self.name}: the board did not answer a request within {timeout:g} s")
            self._pump(left)
            if self._link.state != lib.PAL_LINK_OPEN:
                self._broken()
            if self._progress() != progress:
                progress, deadline = self._progress(), time.monotonic() + timeout
        self._expected.discard(number)
        if not self._expected:
            self._acknowledge()
        return self._answers.pop(number)

    def _progress(self) -> tuple[int, int]:
        """Return what changes when the stream moves, in either direction."""
        return len(self._unsent) - int(lib.pal_link_room(self._link)), len(self._received) + len(self._answers)

    def _acknowledge(self) -> None:
        """Tell the board that its answers arrived, as nobody may come back for a while."""
        deadline = time.monotonic() + _FLUSH
        while time.monotonic() < deadline:
            self._drain()
            if not self._out:
                return
            self._write(_FLUSH)

    def _push(self) -> None:
        """Give the stream what it has room for."""
        if self._unsent:
            taken = lib.pal_link_send(self._link, ffi.from_buffer(self._unsent), len(self._unsent))
            del self._unsent[:taken]

    def _drain(self) -> None:
        if not self._out:
            size = lib.pal_link_drain(self._link, self._raw, _RAW, _now())
            self._out = memoryview(ffi.buffer(self._raw, size))

    def _write(self, wait: float) -> None:
        try:
            self._out = self._out[self._transport.write(self._out, wait):]
        except LinkError:
            self._gone = True
            raise

    def _read(self, wait: float) -> bytes:
        try:
            return self._transport.read(wait)
        except LinkError:
            self._gone = True
            raise

    def _pump(self, wait: float) -> None:
        """Move bytes both ways; wait at most so many seconds for the first."""
        self._push()
        self._drain()
        if self._out:
            self._write(min(wait, _POLL))
            wait = 0
        else:
            wait = max(0.0, min(wait, _POLL, lib.pal_link_timer(self._link, _now()) / 1e6))
        data = self._read(wait)
        if data:
            lib.pal_link_feed(self._link, data, len(data), _now())
            self._take()

    def _take(self) -> None:
        """Cut the stream into responses; those that nobody waits for are dropped."""
        size = lib.pal_link_available(self._link)
        if not size:
            return
        piece = bytearray(size)
        lib.pal_link_receive(self._link, ffi.from_buffer(piece), size)
        self._received += piece
        header = MessageRecord.STRUCT.size
        while len(self._received) >= header:
            message = MessageRecord.unpack(bytes(self._received[:header]))
            if message.length > BODY_MAX:
                raise LinkError(f"{self.name}: the board sent a response of {message.length} bytes; "
                                "its firmware and this package do not fit")
            end = header + message.length
            if len(self._received) < end:
                return
            if message.id in self._expected:
                self._answers[message.id] = Response(message.command, message.status,
                                                     bytes(self._received[header:end]))
            del self._received[:end]

    def _broken(self) -> NoReturn:
        if self._gone:
            raise LinkError(f"{self.name}: the line is gone; is the board still plugged in?")
        error = int(self._link.error)
        if error == Status.ERR_LINK_VERSION:
            low, high = int(self._link.peer_min), int(self._link.peer_max)
            remedy = "pal-edge" if low > VERSION_MAX else "the board's firmware"
            raise LinkVersionError(f"{self.name}: the board speaks link versions {low} to {high}, this host "
                                   f"{VERSION_MIN} to {VERSION_MAX}; update {remedy}")
        if error == Status.ERR_TIMEOUT:
            raise DeviceTimeout(f"{self.name}: the board fell silent; check its power and its cable")
        raise LinkError(f"{self.name}: the link broke: the board restarted, or another host opened it")

    def _check_open(self) -> None:
        if self._closed:
            raise DeviceError(f"{self.name}: the connection is closed")

    def close(self) -> None:
        self._closed = True
        with self._lock:
            self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


@ffi.def_extern()  # type: ignore[untyped-decorator]
def pal_edge_link_text(ctx: Any, data: Any, size: int) -> None:
    """Hand plain text to the connection's callback."""
    connection: Connection = ffi.from_handle(ctx)
    if connection._text:
        connection._text(bytes(ffi.buffer(data, size)))


def _now() -> int:
    return time.monotonic_ns() // 1000 & 0xFFFFFFFF
