"""The board's external RAM, shared with QEMU: register pages, buffers, the window on the flash."""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

from pal_edge.spec.virtual_board import RAM_SIZE

_WORD, _WIDE = struct.Struct("<I"), struct.Struct("<Q")
PAGE = 4096


class Memory:
    """`bytes` are the RAM; `path` is what QEMU maps: no file, so that nothing is left behind by a kill."""

    def __init__(self) -> None:
        self._handle = os.memfd_create("pal-board")
        os.ftruncate(self._handle, RAM_SIZE)
        self.bytes = mmap.mmap(self._handle, RAM_SIZE)
        self.path = Path(f"/proc/{os.getpid()}/fd/{self._handle}")

    def clear(self) -> None:
        """Lose everything, as without power."""
        self.bytes[:] = bytes(RAM_SIZE)

    def close(self) -> None:
        os.close(self._handle)


class Page:
    """A device's registers: 32-bit words at byte offsets."""

    def __init__(self, memory: Memory, offset: int) -> None:
        self._memory, self._offset = memory.bytes, offset

    def __getitem__(self, register: int) -> int:
        value: int = _WORD.unpack_from(self._memory, self._offset + register)[0]
        return value

    def __setitem__(self, register: int, value: int) -> None:
        _WORD.pack_into(self._memory, self._offset + register, value & 0xFFFFFFFF)

    def set_wide(self, register: int, value: int) -> None:
        _WIDE.pack_into(self._memory, self._offset + register, value)
