"""The NOR flash and its controller: erase sets sectors, programming only clears bits, a power cut tears."""

from __future__ import annotations

import os
import random
from pathlib import Path

from pal_edge.spec.virtual_board import (
    NOR_BUFFER,
    NOR_BUFFER_OFFSET,
    NOR_GRANULE,
    NOR_OFFSET,
    NOR_REGS_OFFSET,
    NOR_SECTOR,
    NOR_SIZE,
    NorRegister,
)

from .memory import Memory, Page

ID = 0x524F4E50
ERASE, PROGRAM = 1, 2
DONE, RANGE, VERIFY, UNKNOWN = 0, 1, 2, 3


class PowerCut(Exception):
    """The supply failed in the middle of an operation."""


class Nor:
    """The content is in the user's file and, for reading, in the window of the shared RAM.

    Attributes:
        operations: sectors erased and granules programmed since the board was started.
        cut_after: operations from now on after which the power fails; None for never.
    """

    def __init__(self, memory: Memory, path: Path, seed: int = 0) -> None:
        self._memory = memory.bytes
        self._page = Page(memory, NOR_REGS_OFFSET)
        self._file = os.open(path, os.O_RDWR)
        self._random = random.Random(seed)
        self.operations = 0
        self.cut_after: int | None = None

    def power_on(self) -> None:
        """Show the file in the window, and the controller as after a reset."""
        self._memory[NOR_OFFSET : NOR_OFFSET + NOR_SIZE] = os.pread(self._file, NOR_SIZE, 0)
        for register, value in ((NorRegister.ID, ID), (NorRegister.SIZE, NOR_SIZE), (NorRegister.SECTOR, NOR_SECTOR),
                                (NorRegister.GRANULE, NOR_GRANULE)):
            self._page[register] = value

    def poll(self) -> None:
        """Do what was submitted, if anything was. Raises PowerCut."""
        request = self._page[NorRegister.SUBMIT]
        if request == self._page[NorRegister.DONE]:
            return
        address, length = self._page[NorRegister.ADDRESS], self._page[NorRegister.LENGTH]
        command = self._page[NorRegister.COMMAND]
        if command == ERASE:
            status = self._erase(address, length)
        elif command == PROGRAM:
            status = self._program(address, length)
        else:
            status = UNKNOWN
        self._page[NorRegister.STATUS] = status
        self._page[NorRegister.DONE] = request

    def flip(self, address: int, bit: int) -> None:
        """Turn one bit over, as a failing cell does. Raises ValueError outside of the flash."""
        if not 0 <= address < NOR_SIZE:
            raise ValueError(f"the flash has no byte {address}")
        self._put(address, bytes([self._memory[NOR_OFFSET + address] ^ 1 << bit]))

    def close(self) -> None:
        os.close(self._file)

    def _erase(self, address: int, length: int) -> int:
        if address % NOR_SECTOR or length % NOR_SECTOR or address + length > NOR_SIZE:
            return RANGE
        for start in range(address, address + length, NOR_SECTOR):
            self._step(start, self._get(start, NOR_SECTOR), b"\xff" * NOR_SECTOR)
        return DONE

    def _program(self, address: int, length: int) -> int:
        if address % NOR_GRANULE or length % NOR_GRANULE or length > NOR_BUFFER or address + length > NOR_SIZE:
            return RANGE
        old = self._get(address, length)
        new = bytes(self._memory[NOR_BUFFER_OFFSET : NOR_BUFFER_OFFSET + length])
        stored = (int.from_bytes(old, "little") & int.from_bytes(new, "little")).to_bytes(length, "little")
        granules = length // NOR_GRANULE
        if self.cut_after is not None and self.cut_after < granules:
            whole = self.cut_after * NOR_GRANULE
            self._put(address, stored[:whole])
            self.cut_after = 0
            self._step(address + whole, old[whole : whole + NOR_GRANULE], stored[whole : whole + NOR_GRANULE])
        self._put(address, stored)
        self._count(granules)
        return DONE if stored == new else VERIFY

    def _step(self, address: int, old: bytes, new: bytes) -> None:
        """Do one operation, or a part of it and then fail."""
        if self.cut_after == 0:
            self.cut_after = None
            mask = self._random.randbytes(len(old))
            self._put(address, bytes(o & m | n & ~m & 0xFF for o, n, m in zip(old, new, mask, strict=True)))
            raise PowerCut
        self._put(address, new)
        self._count(1)

    def _count(self, operations: int) -> None:
        self.operations += operations
        if self.cut_after is not None:
            self.cut_after -= operations

    def _get(self, address: int, length: int) -> bytes:
        return bytes(self._memory[NOR_OFFSET + address : NOR_OFFSET + address + length])

    def _put(self, address: int, data: bytes) -> None:
        self._memory[NOR_OFFSET + address : NOR_OFFSET + address + len(data)] = data
        os.pwrite(self._file, data, address)
