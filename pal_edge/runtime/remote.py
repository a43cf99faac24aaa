"""A board's engine as a device: models run there, by requests over the link."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

from ..board import Board, connect
from ..container import Model
from ..errors import DeviceError, ModelNotFound, PalError
from ..link import Response, open_transport
from ..link.connection import Request
from ..link.virtual import boards
from ..spec.link import (
    ChunkRecord,
    Command,
    HandleRecord,
    Mode,
    RanRecord,
    ReadRecord,
    RunRecord,
    SessionOpenRecord,
    SessionRecord,
    SpanRecord,
)
from ..spec.status import Status
from ..spec.targets import TARGETS
from .device import Device
from .loaded import TIMEOUT_US, Codes, Counters, Inputs, LoadedModel, Place, Spent, session_memory
from .native import check

_CHUNK = 4096  # bytes of data in one request or response
_RUN_TIMEOUT = TIMEOUT_US / 1e6 + 10  # seconds; the board's own is over before
_PROFILE = struct.Struct("<II")


class BoardDevice(Device):
    """A board's application and its engine.

    Args:
        board: connected; closed with the device.
        stop: called after that.

    Raises DeviceError for a board in its bootloader or without an engine.
    """

    def __init__(self, board: Board, stop: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.uri, self.board, self._stop = board.uri, board, stop
        try:
            identity = board.identify()
            if identity.mode == Mode.BOOTLOADER:
                raise DeviceError(f"{self.uri}: the board is in its bootloader; `pal-edge flash` gives it firmware, "
                                  "`pal-edge reset` starts what it has")
            if not identity.engine_abi:
                raise DeviceError(f"{self.uri}: the board found no engine; see `pal-edge doctor`")
            known = {target.id: target for target in TARGETS.values()}
            if identity.target not in known:
                raise DeviceError(f"{self.uri}: the board's engine, target {identity.target}, is unknown here; "
                                  "update pal-edge")
        except BaseException:
            self._release()
            raise
        self.target = known[identity.target]
        self._clock_hz = identity.clock_hz

    @property
    def clock_hz(self) -> int:
        return self._clock_hz

    def load(self, model: Model, data: bytes) -> LoadedModel:
        return RemoteModel(self, model, data)

    def fetch(self, name: str) -> bytes:
        """Return the file of a model in the board's store; what was fetched once is kept in the user's cache."""
        with self.lock:
            self.check_open()
            try:
                entry = self.board.model(name)
            except ModelNotFound as error:
                raise ModelNotFound(f"there is no file {name!r}; {error}") from error
            path = _cache() / f"{entry.digest.hex()}.pal"
            if path.is_file():
                data = path.read_bytes()
                if hashlib.sha256(data).digest() == entry.digest:
                    return data
            data = self.board.fetch(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(f".{os.getpid()}")
            temporary.write_bytes(data)
            temporary.replace(path)
        except OSError:  # then it is fetched again
            pass
        return data

    def _release(self) -> None:
        self.board.close()
        if self._stop:
            self._stop()


class RemoteModel(LoadedModel):
    """A session on the board: on a model of its store where it has that very file, on an upload otherwise."""

    def __init__(self, device: BoardDevice, model: Model, data: bytes) -> None:
        super().__init__(device.uri, model)
        self._board = device.board
        self._link = self._board.link()
        self._handle: int | None = None
        self._spent = [0, 0, 0]
        what = f"model for {model.target.name} on a {device.target.name}"
        self._needed = session_memory(data)  # checks the model, as the board will
        if model.target != device.target:
            check(Status.ERR_TARGET, what)
        digest = hashlib.sha256(data).digest()
        stored = next((each.name for each in self._board.models() if each.digest == digest), "")
        try:
            self._open(data, stored, what)
        except PalError:
            self.close()
            raise

    def _open(self, data: bytes, stored: str, what: str) -> None:
        opening = SessionOpenRecord(0 if stored else len(data), stored.encode())
        response = self._ask(Command.SESSION_OPEN, opening.pack())
        if response.status == Status.OK:
            self._handle = HandleRecord.unpack(response.body).handle
            if not stored:
                for each in self._pipeline(self._chunks(Command.SESSION_LOAD, 0, data)):
                    check(each.status, what)
            response = self._ask(Command.SESSION_START, HandleRecord(self._handle).pack())
        if response.status == Status.ERR_MEMORY:
            self.close()
            needed = self._needed + (0 if stored else len(data))
            raise DeviceError(f"{self.uri}: the model needs {needed} bytes of device memory, "
                              f"{self._board.identify().memory_free} are free; close other sessions" +
                              ("" if stored else ", or flash the model: then it is used in place"))
        if response.status == Status.ERR_FULL:
            raise DeviceError(f"{self.uri}: the board has as many sessions as it can; close others")
        check(response.status, what)
        self.address = SessionRecord.unpack(response.body).address  # of the command list

    def write(self, offset: int, data: Any) -> None:
        self._all(self._chunks(Command.SESSION_INPUT, offset, data))

    def run(self, first: int = 0, count: int | None = None) -> None:
        rest = len(self.model.commands) - first
        self._ran(self._ask(*self._run(first, rest if count is None else count)))

    def read(self, region: int, offset: int, size: int) -> Codes:
        return _codes(self._all(self._reads((region, offset, size))))

    def profile(self, first: int, count: int) -> list[tuple[int, int]]:
        step = _CHUNK // _PROFILE.size
        found = b"".join(each.body for each in self._all(
            (Command.SESSION_PROFILE, SpanRecord(self._number(), start, min(step, first + count - start)).pack())
            for start in range(first, first + count, step)))
        return [(int(start), int(end)) for start, end in _PROFILE.iter_unpack(found)]

    def self_test(self) -> bool:
        response = self._ask(Command.SESSION_TEST, HandleRecord(self._number()).pack())
        if response.status != Status.ERR_KAT:
            self._check(response)
        return response.status != Status.ERR_KAT

    def infer(self, samples: Iterable[Inputs], places: Sequence[Place]) -> Iterator[list[Codes]]:
        """As for every model; inputs, runs and outputs of all samples follow each other without waiting."""
        writes = [[request for offset, data in inputs
                   for request in self._chunks(Command.SESSION_INPUT, offset, data)] for inputs in samples]
        run = self._run(0, len(self.model.commands))
        reads = [self._reads(place) for place in places]
        responses = self._pipeline(request for write in writes
                                   for request in [*write, run, *(each for read in reads for each in read)])
        start, on_board = perf_counter_ns(), sum(self._spent[1:])
        for write in writes:
            for _ in write:
                self._check(next(responses))
            self._ran(next(responses))
            yield [_codes([self._checked(next(responses)) for _ in read]) for read in reads]
        self._spent[0] += perf_counter_ns() - start - (sum(self._spent[1:]) - on_board)

    def close(self) -> None:
        """Give the board's memory back, if the board still knows this session."""
        handle, self._handle = self._handle, None
        if handle is not None and not self._link.broken:
            try:
                self._link.ask(Command.SESSION_CLOSE, HandleRecord(handle).pack())
            except DeviceError:  # the board is gone, and the session with it
                pass

    @contextmanager
    def timed(self) -> Iterator[Callable[[], Spent]]:
        def take() -> Spent:
            link, driver, engine = self._spent
            self._spent = [0, 0, 0]
            return link, driver, engine

        yield take

    def _number(self) -> int:
        if self._handle is None:
            raise DeviceError(f"{self.uri}: the session is closed")
        return self._handle

    def _chunks(self, command: Command, offset: int, data: Any) -> list[Request]:
        view = memoryview(data).cast("B")
        return [(command, ChunkRecord(self._number(), offset + start).pack() + view[start : start + _CHUNK].tobytes())
                for start in range(0, len(view), _CHUNK)]

    def _run(self, first: int, count: int) -> Request:
        return Command.SESSION_RUN, RunRecord(self._number(), first, count, TIMEOUT_US).pack()

    def _reads(self, place: Place) -> list[Request]:
        region, offset, size = place
        return [(Command.SESSION_READ, ReadRecord(self._number(), region, offset + start,
                                                  min(_CHUNK, size - start)).pack())
                for start in range(0, size, _CHUNK)]

    def _ran(self, response: Response) -> None:
        """Take what a run reports. Raises EngineError."""
        if response.status not in (Status.OK, Status.ERR_ENGINE):
            self._check(response)
        ran = RanRecord.unpack(response.body)
        if response.status == Status.ERR_ENGINE:
            raise self.stopped(ran.fault, ran.command)
        cycles, mac, read, write, bytes_read, bytes_written = (
            low | high << 32 for low, high in zip(ran.counters[::2], ran.counters[1::2], strict=True))
        self.counters = Counters(cycles, mac, read, write, bytes_read, bytes_written, 1)
        self._spent[1] += (ran.wall_us - ran.engine_us) * 1000
        self._spent[2] += ran.engine_us * 1000

    def _ask(self, command: Command, body: bytes) -> Response:
        return next(self._pipeline([(command, body)]))

    def _all(self, requests: Iterable[Request]) -> list[Response]:
        return [self._checked(each) for each in self._pipeline(requests)]

    def _pipeline(self, requests: Iterable[Request]) -> Iterator[Response]:
        if self._board.link() is not self._link:
            raise self._lost()
        return self._link.pipeline(requests, _RUN_TIMEOUT)

    def _checked(self, response: Response) -> Response:
        self._check(response)
        return response

    def _check(self, response: Response) -> None:
        if response.status == Status.ERR_NOT_FOUND:
            raise self._lost()
        check(response.status, self.uri)

    def _lost(self) -> DeviceError:
        return DeviceError(f"{self.uri}: the session is lost, as the board restarted or the link to it broke; "
                           "open it again")


def _codes(responses: list[Response]) -> Codes:
    return np.frombuffer(bytearray(b"".join(each.body for each in responses)), np.uint8)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pal-edge" / "models"


def open_board(uri: str) -> BoardDevice:
    """Open a board by `serial:...` or `usb:...`."""
    return BoardDevice(connect(uri))


def open_virtual_board(target: str) -> BoardDevice:
    """Open the user's virtual board; if it does not run, start it with that engine, until the device is closed."""
    tools = boards()
    if tools is None:
        raise DeviceError("device 'qemu' needs the virtual board, which is not installed here; "
                          "install the whole pal-edge distribution")
    virtual, started = tools.on_demand(target)
    try:
        board = Board(lambda: open_transport(virtual.usb), "qemu")
    except BaseException:
        if started:
            virtual.stop()
        raise
    return BoardDevice(board, virtual.stop if started else None)
