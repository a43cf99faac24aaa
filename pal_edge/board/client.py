"""A board behind a link: what can be asked of it, typed."""

from __future__ import annotations

import hashlib
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self, TypeVar

from ..errors import DeviceBusy, DeviceError, DeviceNotFound, DeviceTimeout, LinkError, LinkVersionError, ModelNotFound
from ..link import Connection, Response, Transport, open_transport
from ..link.connection import OPEN_TIMEOUT, TIMEOUT, Request, Text
from ..runtime.native import check
from ..spec.link import (
    NAME_BYTES,
    ClearRecord,
    Command,
    FetchRecord,
    LogRecord,
    Mode,
    ModelRecord,
    NamedRecord,
    RestartRecord,
    SlotRecord,
    StoreRecord,
)
from ..spec.status import Status
from .records import Crash, Identity, LogEntry, Slot, StoredModel, StoreRoom

RESTART_TIMEOUT = 20.0  # seconds; a real board re-enumerates on USB
_RETRY = 0.2
_PIECE = 4096  # bytes of one FETCH
# Asking again does no harm: a link that broke meanwhile is opened anew without a word.
_REPEATABLE = {Command.IDENTIFY, Command.SLOTS, Command.ECHO, Command.LOG, Command.MODELS, Command.FETCH,
               Command.STORE}

Parsed = TypeVar("Parsed")


class Board:
    """A connected board. Made by `connect`; opens its link anew on the next use after it broke.

    Every method raises DeviceTimeout, LinkError and DeviceNotFound when the board cannot be reached, and
    DeviceError when it refuses.

    Attributes:
        uri: what it was opened by.
        generation: links opened so far; what the board held for a former one (sessions) is lost.
    """

    def __init__(self, opener: Callable[[], Transport], uri: str, text: Text | None = None,
                 timeout: float = OPEN_TIMEOUT) -> None:
        self.uri = uri
        self.generation = 0
        self._opener = opener
        self._text = text
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._closed = False
        self.link(timeout)

    def link(self, timeout: float = OPEN_TIMEOUT) -> Connection:
        """Return the open connection, a new one if the last broke."""
        with self._lock:
            if self._closed:
                raise DeviceError(f"{self.uri}: the board is closed; connect to it again")
            if self._connection is not None and self._connection.broken:
                self._unlink()
            if self._connection is None:
                self._connection = Connection(self._opener(), self._text, timeout)
                self.generation += 1
            return self._connection

    def _unlink(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def identify(self) -> Identity:
        """What board this is and what runs on it."""
        return self._parse(Identity.parse, self.request(Command.IDENTIFY))

    def slots(self) -> list[Slot]:
        """The firmware slots."""
        return self._each(Slot.parse, SlotRecord.STRUCT.size, self.request(Command.SLOTS))

    def echo(self, data: bytes) -> bytes:
        """Return the same bytes, at most 4600, from the board."""
        return self.request(Command.ECHO, data)

    def restart(self, mode: Mode = Mode.APPLICATION, timeout: float = RESTART_TIMEOUT) -> Identity:
        """Reset the board and return its identity once it answers again.

        Args:
            mode: APPLICATION, or BOOTLOADER to stay in it.

        Raises DeviceTimeout if it does not come back.
        """
        before = self.identify().uptime_ms
        start = time.monotonic()
        self.request(Command.RESTART, RestartRecord(mode).pack())
        with self._lock:
            self._unlink()
        while True:
            time.sleep(_RETRY)
            passed = time.monotonic() - start
            try:
                self.link(_RETRY * 5)
                identity = self.identify()
                if identity.uptime_ms < before / 2 + passed * 1000:  # otherwise it has yet to reset
                    return identity
            except (DeviceTimeout, DeviceNotFound, DeviceBusy, LinkError) as error:
                if isinstance(error, LinkVersionError):
                    raise
            if passed > timeout:
                raise DeviceTimeout(f"{self.uri}: the board did not come back within {timeout:g} s of its restart; "
                                    "see `pal-edge doctor`")

    def log(self, position: int = 0, wait_ms: int = 0) -> LogEntry:
        """Return logged text from a position on, counted in bytes from the start of the log.

        Args:
            wait_ms: wait at most so long for some.
        """
        body = self.request(Command.LOG, LogRecord(position, wait_ms).pack(), TIMEOUT + wait_ms / 1000)
        record = self._parse(LogRecord.unpack, body)
        data = body[LogRecord.STRUCT.size:]
        return LogEntry(record.position, len(data), data.decode(errors="replace"))

    def crash(self, clear: bool = False) -> Crash | None:
        """Return the record of the last crash, or None without one; with `clear` it is forgotten."""
        response = self.ask(Command.CRASH, ClearRecord(int(clear)).pack())
        if response.status == Status.ERR_NOT_FOUND:
            return None
        self.check(response)
        return self._parse(Crash.parse, response.body)

    def models(self) -> list[StoredModel]:
        """The models in the store."""
        return self._each(StoredModel.parse, ModelRecord.STRUCT.size, self.request(Command.MODELS))

    def model(self, name: str) -> StoredModel:
        """The model of that name. Raises ModelNotFound."""
        known = self.models()
        for each in known:
            if each.name == name:
                return each
        names = ", ".join(repr(each.name) for each in known) or "none"
        raise ModelNotFound(f"{self.uri}: the board has no model {name!r}; it has {names}")

    def remove(self, name: str) -> None:
        """Remove a model from the store. Raises ModelNotFound, DeviceBusy while a session uses it."""
        self.model(name)
        response = self.ask(Command.REMOVE, NamedRecord(name_bytes(name)).pack())
        if response.status == Status.ERR_STATE:
            raise DeviceBusy(f"{self.uri}: a session uses model {name!r}; close it first")
        self.check(response)

    def fetch(self, name: str, progress: Callable[[int, int], None] | None = None) -> bytes:
        """Return the file of a model in the store. Raises ModelNotFound.

        Args:
            progress: called as progress(bytes done, bytes in all).
        """
        entry = self.model(name)
        found = bytearray()
        for response in self.pipeline((Command.FETCH, FetchRecord(name_bytes(name), offset,
                                                                   min(_PIECE, entry.size - offset)).pack())
                                      for offset in range(0, entry.size, _PIECE)):
            self.check(response)
            found += response.body
            if progress:
                progress(len(found), entry.size)
        if hashlib.sha256(found).digest() != entry.digest:
            raise DeviceError(f"{self.uri}: model {name!r} is damaged in the board's store; flash it again")
        return bytes(found)

    def store(self) -> StoreRoom:
        """Room of the store."""
        r = self._parse(StoreRecord.unpack, self.request(Command.STORE))
        return StoreRoom(r.size, r.free, r.largest, r.models)

    def request(self, command: Command, body: bytes = b"", timeout: float = TIMEOUT) -> bytes:
        """Return the body of the response; raises where the board refuses."""
        response = self.ask(command, body, timeout)
        self.check(response)
        return response.body

    def ask(self, command: Command, body: bytes = b"", timeout: float = TIMEOUT) -> Response:
        """Return the response, whatever its status."""
        try:
            return self.link().ask(command, body, timeout)
        except LinkError as error:
            if command not in _REPEATABLE or isinstance(error, LinkVersionError):
                raise
        return self.link().ask(command, body, timeout)

    def pipeline(self, requests: Iterable[Request], timeout: float = TIMEOUT) -> Iterator[Response]:
        """Yield the responses in order, while further requests are on their way."""
        return self.link().pipeline(requests, timeout)

    def check(self, response: Response) -> None:
        """Raise the exception of a refusal."""
        if response.status == Status.ERR_COMMAND and self.identify().mode == Mode.BOOTLOADER:
            raise DeviceError(f"{self.uri}: the board is in its bootloader, which cannot do this; `pal-edge reset` "
                              "starts its firmware, `pal-edge flash` gives it one")
        check(response.status, self.uri)

    def _parse(self, parser: Callable[[bytes], Parsed], data: bytes) -> Parsed:
        try:
            return parser(data)
        except (ValueError, struct.error) as error:
            raise self._strange() from error

    def _each(self, parser: Callable[[bytes], Parsed], size: int, data: bytes) -> list[Parsed]:
        if len(data) % size:
            raise self._strange()
        return [self._parse(parser, data[start : start + size]) for start in range(0, len(data), size)]

    def _strange(self) -> LinkError:
        return LinkError(f"{self.uri}: the board's answer is not understood; update pal-edge or the board's firmware")

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def connect(uri: str, text: Text | None = None, timeout: float = OPEN_TIMEOUT) -> Board:
    """Connect to `serial:/dev/ttyX[?baud=N]` or `usb:VID:PID[:SERIAL]`.

    Args:
        text: called with bytes that the board sends outside of frames.
        timeout: seconds that the board has for its first answer.

    Raises DeviceNotFound, DevicePermissionError, DeviceBusy, DeviceTimeout, LinkVersionError, LinkError.
    """
    return Board(lambda: open_transport(uri), uri, text, timeout)


def name_bytes(name: str) -> bytes:
    """Return a model's name as the board keeps it. Raises DeviceError for one that does not fit."""
    raw = name.encode()
    if not 0 < len(raw) <= NAME_BYTES or not name.isprintable():
        raise DeviceError(f"{name!r} cannot name a model: 1 to {NAME_BYTES} bytes of printable text can")
    return raw
