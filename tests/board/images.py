"""Firmware images in MCUboot's format, put together by hand: imgtool's own are parsed in test_image."""

from __future__ import annotations

import hashlib
import struct

from tests.board.fake import BOARD_ID

HEADER_SIZE = 0x80


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("<HH", kind, len(value)) + value


def area(magic: int, entries: bytes) -> bytes:
    return struct.pack("<HH", magic, 4 + len(entries)) + entries


def make_image(body: bytes, board: int = BOARD_ID, counter: int = 5, signature: bytes = bytes(64)) -> bytes:
    """Return an image whose signature is none."""
    protected = area(0x6908, tlv(0x50, counter.to_bytes(4, "little")) + tlv(0xA0, board.to_bytes(4, "little")))
    header = struct.pack("<IIHHII8sI", 0x96F3B83D, 0, HEADER_SIZE, len(protected), len(body), 0,
                         bytes([1, 2, 3, 0, 0, 0, 0, 0]), 0).ljust(HEADER_SIZE, b"\0")
    covered = header + body + protected
    return covered + area(0x6907, tlv(0x10, hashlib.sha256(covered).digest()) + tlv(0x01, bytes(32))
                          + tlv(0x24, signature))
