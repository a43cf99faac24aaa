# Generated from driver/spec by `make generate`: registers. Do not edit.
"""The engine's register map."""

from __future__ import annotations

from enum import IntEnum


class Region(IntEnum):
    """Memory regions a command can address."""

    MODEL = 0  # constants of the model, read only
    ARENA = 1  # scratch in system memory
    INPUT = 2  # input tensors, read only
    OUTPUT = 3  # output tensors
    SRAM = 4  # on-chip activation memory


ID = 1162625360
ABI_MAJOR = 1
ABI_MINOR = 0
WINDOW = 4096
REG_ID = 0x000  # ro: constant ID
REG_ABI = 0x004  # ro: ABI_MAJOR << 16 | ABI_MINOR; a driver accepts its own major version
REG_TARGET = 0x008  # ro: target id, see targets/
REG_MACS = 0x00C  # ro: multiply-accumulates per cycle
REG_SRAM_BASE = 0x010  # ro: bus address of the on-chip activation memory
REG_SRAM_SIZE = 0x014  # ro: bytes of on-chip activation memory
REG_CLOCK_HZ = 0x018  # ro: engine clock
REG_CTRL = 0x020  # rw: bit 0 RESET: while 1 the engine is idle and DONE follows SUBMIT
REG_SUBMIT = 0x024  # rw: request number of the wanted run: the doorbell
REG_DONE = 0x028  # ro: request number of the last finished run
REG_STATUS = 0x02C  # ro: bits 7..0 error code of the last run, bits 31..8 index of the command that failed
REG_IRQ_ENABLE = 0x030  # rw: bit 0: raise the interrupt on completion
REG_IRQ_ACK = 0x034  # rw: request number whose completion has been seen
REG_CMD_ADDR = 0x040  # rw: bus address of the first descriptor, a multiple of 4
REG_CMD_COUNT = 0x044  # rw: number of descriptors
REG_PROFILE_ADDR = 0x048  # rw: bus address for one profile record a command, or 0 for none
REG_REGION_BASE = 0x080  # rw: bus address of region r
REG_REGION_SIZE = 0x084  # rw: bytes in region r; a command that leaves it is refused
REG_CYCLES = 0x100  # ro: cycles from doorbell to completion of the last run (64 bits, low word first)
REG_MAC_CYCLES = 0x108  # ro: cycles in which the MAC array accumulated
REG_STALL_READ = 0x110  # ro: cycles lost waiting for bus reads
REG_STALL_WRITE = 0x118  # ro: cycles lost waiting for bus writes
REG_BYTES_READ = 0x120  # ro: bytes read from system memory
REG_BYTES_WRITTEN = 0x128  # ro: bytes written to system memory
