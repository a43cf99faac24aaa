# Generated from driver/spec by `make generate`: virtual_board. Do not edit.
"""Memory map and registers of the virtual board."""

from __future__ import annotations

from enum import IntEnum


class Event(IntEnum):
    """The byte that rings for a device."""

    ENGINE = 69  # engine: SUBMIT was written; DONE was
    NOR = 78  # NOR controller: the same
    USB = 85  # USB device controller: something changed
    POWER = 80  # power rail: MARKERS was written


ID = 0x31564C50
RAM_BASE = 0x21000000
RAM_SIZE = 0x1000000
NOR_OFFSET = 0x0
NOR_SIZE = 0x800000
NOR_SECTOR = 0x1000
NOR_GRANULE = 0x10
MEMORY_OFFSET = 0x800000
MEMORY_SIZE = 0x700000
ENGINE_OFFSET = 0xF00000
NOR_REGS_OFFSET = 0xF01000
USB_OFFSET = 0xF02000
POWER_OFFSET = 0xF03000
BOARD_OFFSET = 0xF04000
USB_OUT_OFFSET = 0xF10000
USB_IN_OFFSET = 0xF20000
USB_CONTROL_OFFSET = 0xF30000
USB_BUFFER = 0x10000
NOR_BUFFER_OFFSET = 0xF40000
NOR_BUFFER = 0x10000

class NorRegister(IntEnum):
    """Byte offsets in the NOR page."""

    ID = 0  # 0x524F4E50
    SIZE = 4  # bytes
    SECTOR = 8  # bytes of an erase block
    GRANULE = 12  # bytes of the smallest program operation
    COMMAND = 16  # 1 erase, 2 program from the buffer
    ADDRESS = 20  # offset in the flash: a multiple of SECTOR, or of GRANULE
    LENGTH = 24  # bytes: a multiple of SECTOR, or of GRANULE and within one 64 KiB buffer
    SUBMIT = 28  # request number: the doorbell
    DONE = 32  # request number of the last finished operation
    STATUS = 36  # of it: 0 done, 1 address or length out of range, 2 verify failed (a bit could not be set), 3 unknown command


class UsbRegister(IntEnum):
    """Byte offsets in the USB page."""

    ID = 0  # 0x42535550
    CONNECT = 4  # firmware: 1 pulls the line up
    ADDRESS = 8  # firmware: of SET_ADDRESS
    CONFIGURATION = 12  # firmware: of SET_CONFIGURATION; endpoints work when not 0
    RESETS = 16  # model: bus resets seen; the firmware falls back to address 0 and empty endpoints
    RESETS_SEEN = 20  # firmware
    SETUP_0 = 24  # model: first word of the setup packet
    SETUP_1 = 28  # model: second word
    SETUP_SEQ = 32  # model: number of the control transfer; the data of an OUT transfer lie in the control buffer
    SETUP_DONE = 36  # firmware: number of the last one answered
    SETUP_STATUS = 40  # firmware: 0 done, 1 stall
    SETUP_LENGTH = 44  # firmware: bytes of an IN transfer in the control buffer
    OUT_SEQ = 48  # model: number of the bulk OUT transfer in its buffer
    OUT_LENGTH = 52  # model: its bytes
    OUT_DONE = 56  # firmware: number of the last one taken
    IN_SEQ = 60  # firmware: number of the bulk IN transfer in its buffer
    IN_LENGTH = 64  # firmware: its bytes
    IN_DONE = 68  # model: number of the last one sent


class PowerRegister(IntEnum):
    """Byte offsets in the POWER page."""

    ID = 0  # 0x52575050
    MARKERS = 4  # firmware: bit 0 inference, bit 1 engine, bit 2 a benchmark's timestamp, bits 15..8 a user's number
    RAIL_UW = 8  # model: microwatts drawn now
    RESERVED = 12  # 0
    ENERGY_NJ = 16  # model: nanojoules since power on, low word
    ENERGY_NJ_HIGH = 20  # model: high word


class BoardRegister(IntEnum):
    """Byte offsets in the BOARD page."""

    ID = 0  # 0x44524250
    POWERED = 4  # model: 1 at power on; the firmware clears it when it has seen it
    STRAP = 8  # model: bit 0 holds the recovery button down
    RESERVED = 12  # 0
    SERIAL_0 = 16  # model: serial number, 16 ASCII characters
    SERIAL_1 = 20  # its next four
    SERIAL_2 = 24  # its next four
    SERIAL_3 = 28  # its next four
