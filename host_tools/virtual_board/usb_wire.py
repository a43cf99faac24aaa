"""Messages between a program's USB backend and the board model, on a Unix socket."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pal_edge.spec.virtual_board import USB_BUFFER

CLAIM, RELEASE, RESET, CONTROL, OUT, IN = range(1, 7)

_REQUEST = struct.Struct("<II8sIII")  # number, kind, setup, timeout in ms, size to read, bytes that follow
_RESPONSE = struct.Struct("<III")  # number, errno, bytes that follow
RESPONSE_SIZE = _RESPONSE.size


@dataclass(frozen=True)
class Request:
    """One request; `size` is what an IN transfer may bring."""

    number: int
    kind: int
    setup: bytes = bytes(8)
    timeout_ms: int = 0
    size: int = 0
    data: bytes = b""

    def pack(self) -> bytes:
        return _REQUEST.pack(self.number, self.kind, self.setup, self.timeout_ms, self.size, len(self.data)) + self.data

    @classmethod
    def take(cls, buffer: bytearray) -> Request | None:
        """Cut the first whole request off the buffer. Raises ValueError if there can be none."""
        if len(buffer) < _REQUEST.size:
            return None
        number, kind, setup, timeout_ms, size, length = _REQUEST.unpack_from(buffer)
        if not CLAIM <= kind <= IN or length > USB_BUFFER:
            raise ValueError("no request")
        end = _REQUEST.size + length
        if len(buffer) < end:
            return None
        data = bytes(buffer[_REQUEST.size : end])
        del buffer[:end]
        return cls(number, kind, setup, timeout_ms, size, data)


def response(number: int, error: int, data: bytes = b"") -> bytes:
    return _RESPONSE.pack(number, error, len(data)) + data


def response_head(data: bytes) -> tuple[int, int, int]:
    """Return number, errno and the length of what follows."""
    number, error, length = _RESPONSE.unpack(data)
    return number, error, length
