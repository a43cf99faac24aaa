"""The board's end of a link in this process: what it gets on one side of a pair of wires, it answers."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from pal_edge.errors import LinkError
from pal_edge.link import Transport
from pal_edge.runtime.native import ffi, lib
from pal_edge.spec.link import PAYLOAD_MAX, Command, MessageRecord
from pal_edge.spec.status import Status

Handler = Callable[[int, bytes], tuple[int, bytes]]  # command, body -> status, body
HEADER = MessageRecord.STRUCT.size


def echo(command: int, body: bytes) -> tuple[int, bytes]:
    return (Status.OK, body) if command == Command.ECHO else (Status.ERR_COMMAND, b"")


class Wire:
    """Bytes on their way; `spoil` may change what goes in."""

    def __init__(self, spoil: Callable[[bytes], list[bytes]] | None = None) -> None:
        self._queue: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._spoil = spoil or (lambda data: [data])

    def put(self, data: bytes) -> None:
        for piece in self._spoil(data):
            self._queue.put(piece)

    def get(self, timeout: float) -> bytes:
        try:
            found = self._queue.get(timeout=max(timeout, 0)) if timeout > 0 else self._queue.get_nowait()
            while not self._queue.empty():
                found += self._queue.get_nowait()
            return found
        except queue.Empty:
            return b""


class Noise:
    """Lose, double, damage and reorder pieces of what passes, each with this probability."""

    def __init__(self, probability: float, seed: int) -> None:
        self._random = random.Random(seed)
        self._probability = probability
        self._held: list[bytes] = []

    def __call__(self, data: bytes) -> list[bytes]:
        out: list[bytes] = []
        for start in range(0, len(data), 64):
            out += self._piece(data[start : start + 64])
        return out

    def _piece(self, piece: bytes) -> list[bytes]:
        chance = self._random.random
        held, self._held = self._held, []
        if chance() < self._probability:  # late by one piece
            self._held = [piece]
            return held
        if chance() < self._probability:
            return held
        if chance() < self._probability:
            return [piece, piece, *held]
        if chance() < self._probability:
            at = self._random.randrange(len(piece))
            piece = piece[:at] + bytes([piece[at] ^ 1 << self._random.randrange(8)]) + piece[at + 1 :]
        return [piece, *held]


class LoopbackTransport(Transport):
    """The host's end of a pair of wires."""

    def __init__(self, board: LoopbackBoard) -> None:
        self.name = "loopback:"
        self._board = board
        self.closed = False

    def read(self, timeout: float) -> bytes:
        self._check()
        return self._board.to_host.get(timeout)

    def write(self, data: Any, timeout: float) -> int:
        self._check()
        piece = bytes(data[: self._board.chunk])
        self._board.to_board.put(piece)
        return len(piece)

    def _check(self) -> None:
        if self.closed or self._board.unplugged:
            raise LinkError(f"{self.name}: the line is gone; is the board still plugged in?")

    def close(self) -> None:
        self.closed = True


class LoopbackBoard:
    """A board whose requests `handler` answers, in a thread.

    Args:
        noise: probability of each kind of damage, in both directions.
        window: bytes that it takes at once.
        chunk: bytes that the host's writes take at most.
    """

    def __init__(self, handler: Handler = echo, noise: float = 0, seed: int = 0, window: int = 8192,
                 payload: int = 1024, chunk: int = 4096) -> None:
        self.chunk = chunk
        self.handler = handler
        self.unplugged = False
        self.silent = False  # takes everything, answers nothing
        self.to_board = Wire(Noise(noise, seed) if noise else None)
        self.to_host = Wire(Noise(noise, seed + 1) if noise else None)
        self.plain = b""  # sent outside frames
        self.handled = 0
        self.bursts = 0  # times that requests were there
        self._buffers = [ffi.new("uint8_t[]", size) for size in (window, window, payload + 64)]
        self._config = ffi.new("struct pal_link_config *", {
            "role": lib.PAL_LINK_BOARD, "send_buffer": self._buffers[0], "send_size": window,
            "receive_buffer": self._buffers[1], "receive_size": window, "frame_buffer": self._buffers[2],
            "payload_max": payload})
        self.link = ffi.new("struct pal_link *")
        lib.pal_link_init(self.link, self._config)
        self._stop = self._restart = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def restart(self) -> None:
        """Forget everything, as after a reset."""
        self._restart = True

    def transport(self) -> LoopbackTransport:
        return LoopbackTransport(self)

    def close(self) -> None:
        self._stop = True
        self._thread.join()

    def __enter__(self) -> LoopbackBoard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        raw = ffi.new("uint8_t[]", PAYLOAD_MAX)
        requests, responses, opened = bytearray(), bytearray(), 0
        while not self._stop:
            now = time.monotonic_ns() // 1000 & 0xFFFFFFFF
            data = self.to_board.get(min(lib.pal_link_timer(self.link, now) / 1e6, 0.01))
            if self._restart:
                self._restart, opened = False, 0
                requests.clear()
                responses.clear()
                lib.pal_link_init(self.link, self._config)
            if self.silent:
                continue
            if self.plain:
                self.to_host.put(self.plain)
                self.plain = b""
            now = time.monotonic_ns() // 1000 & 0xFFFFFFFF
            lib.pal_link_feed(self.link, data, len(data), now)
            if self.link.opened != opened:
                opened = self.link.opened
                requests.clear()
                responses.clear()
            if not responses:
                piece = bytearray(lib.pal_link_available(self.link))
                requests += piece[: lib.pal_link_receive(self.link, ffi.from_buffer(piece), len(piece))]
            answers = self._answers(requests)
            self.bursts += bool(answers)
            responses += answers
            if self._restart:  # while it worked on a request: nothing of that comes out
                continue
            del responses[: lib.pal_link_send(self.link, bytes(responses), len(responses))]
            size = lib.pal_link_drain(self.link, raw, PAYLOAD_MAX, now)
            if size:
                self.to_host.put(bytes(ffi.buffer(raw, size)))

    def _answers(self, requests: bytearray) -> bytes:
        found = b""
        while len(requests) >= HEADER:
            message = MessageRecord.unpack(bytes(requests[:HEADER]))
            if len(requests) < HEADER + message.length:
                break
            status, body = self.handler(message.command, bytes(requests[HEADER : HEADER + message.length]))
            del requests[: HEADER + message.length]
            self.handled += 1
            found += MessageRecord(message.command, status, message.id, len(body)).pack() + body
        return found
