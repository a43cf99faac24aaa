"""The link's codec through cffi: what its frames cost, and that they are what driver/spec/link.toml says."""

from __future__ import annotations

import random
import zlib
from typing import Any

import pytest

from pal_edge.runtime.native import ffi, lib
from pal_edge.spec.link import FrameRecord, FrameType

MIB = 1 << 20


class End:
    """One end of a link, with its buffers."""

    def __init__(self, role: int, size: int = 1 << 16, payload: int = 1024) -> None:
        self._buffers = [ffi.new("uint8_t[]", n) for n in (size, size, payload + FrameRecord.STRUCT.size + 4)]
        send, receive, frame = self._buffers
        self.link = ffi.new("struct pal_link *")
        lib.pal_link_init(self.link, ffi.new("struct pal_link_config *", {
            "role": role, "send_buffer": send, "send_size": size, "receive_buffer": receive, "receive_size": size,
            "frame_buffer": frame, "payload_max": payload}))

    def drain(self, size: int, now: int) -> bytes:
        out = ffi.new("uint8_t[]", size)
        return bytes(ffi.buffer(out, lib.pal_link_drain(self.link, out, size, now)))

    def feed(self, line: bytes, now: int) -> None:
        lib.pal_link_feed(self.link, line, len(line), now)

    def send(self, data: bytes) -> int:
        return int(lib.pal_link_send(self.link, data, len(data)))

    def receive(self) -> bytes:
        out = ffi.new("uint8_t[]", max(1, lib.pal_link_available(self.link)))
        return bytes(ffi.buffer(out, lib.pal_link_receive(self.link, out, len(out))))


def decode(line: bytes) -> list[tuple[FrameRecord, bytes]]:
    """Return the frames between the zeros, with COBS and CRC taken off."""
    frames = []
    for piece in filter(None, line.split(b"\0")):
        plain, at = bytearray(), 0
        while at < len(piece):
            code = piece[at]
            plain += piece[at + 1:at + code] + (b"\0" if code < 255 else b"")
            at += code
        plain = plain[:-1] if code < 255 else plain  # the zero at the end is COBS's own
        assert zlib.crc32(plain[:-4]) == int.from_bytes(plain[-4:], "little")
        size = FrameRecord.STRUCT.size
        frames.append((FrameRecord.unpack(bytes(plain[:size])), bytes(plain[size:-4])))
    return frames


@pytest.mark.parametrize("content", ["random", "zeros", "ones"])
def test_a_clean_transfer_costs_four_percent_at_most(content: str) -> None:
    data = {"random": random.Random(1).randbytes(MIB), "zeros": bytes(MIB), "ones": b"\x01" * MIB}[content]
    host, board = End(lib.PAL_LINK_HOST), End(lib.PAL_LINK_BOARD)
    lib.pal_link_open(host.link, 1, 0)
    received, sent, total, now = bytearray(), 0, 0, 0
    while len(received) < MIB:
        now += 1000
        sent += host.send(data[sent:sent + 65536])
        down = host.drain(4096, now)
        board.feed(down, now)
        received += board.receive()
        up = board.drain(4096, now)
        host.feed(up, now)
        total += len(down) + len(up)
    assert received == data
    assert host.link.counts.resent == 0
    assert total == host.link.counts.bytes_sent + board.link.counts.bytes_sent
    assert total / MIB <= 1.04


def test_frames_are_what_the_specification_says() -> None:
    data = random.Random(2).randbytes(3000) + bytes(1000) + b"\xff" * 2000
    host, board = End(lib.PAL_LINK_HOST), End(lib.PAL_LINK_BOARD, payload=777)
    lib.pal_link_open(host.link, 0xABCD, 0)
    board.feed(host.drain(4096, 0), 0)
    host.feed(board.drain(4096, 0), 0)
    assert host.send(data) == len(data)
    frames = decode(host.drain(1 << 16, 0))
    assert [frame.type for frame, _ in frames] == [FrameType.DATA] * 8
    assert {(frame.session, frame.version, frame.acknowledged) for frame, _ in frames} == {(0xABCD, 1, 0)}
    assert {len(payload) for _, payload in frames[:-1]} == {777}
    assert b"".join(payload for _, payload in frames) == data
    assert [frame.sequence for frame, _ in frames] == [777 * i for i in range(8)]


def test_each_end_tells_the_other_its_window() -> None:
    host, board = End(lib.PAL_LINK_HOST, size=1 << 14), End(lib.PAL_LINK_BOARD, size=1 << 12)
    lib.pal_link_open(host.link, 5, 0)
    board.feed(host.drain(4096, 0), 0)
    host.feed(board.drain(4096, 0), 0)
    assert host.send(bytes(1 << 14)) == 1 << 14
    line: Any = decode(host.drain(1 << 16, 0))
    assert sum(len(payload) for _, payload in line) == 1 << 12  # and no more until the board makes room
    assert {frame.window for frame, _ in line} == {1 << 14}
