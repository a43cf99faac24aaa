# Generated from driver/spec by `make generate`: link. Do not edit.
"""The link between host and board: frames, requests and their records."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class FrameType(IntEnum):
    """What a frame is for."""

    OPEN = 1  # host: begin a session; payload hello with the versions it speaks
    OPENED = 2  # board: the session begins; payload hello with the version chosen
    REFUSED = 3  # board: no common version; payload hello with the board's
    DATA = 4  # bytes of the stream from `sequence` on, or none: an acknowledgement alone
    RESET = 5  # this session is not known here: it must be opened anew


class Command(IntEnum):
    """What a message asks for."""

    IDENTIFY = 1  # what board this is and what runs on it
    SLOTS = 2  # the firmware slots
    ECHO = 3  # answer with the same bytes
    RESTART = 4  # reset the board after this response
    LOG = 5  # text logged from a position on; waits for some at most so long
    CRASH = 6  # the record of the last crash; NOT_FOUND without one
    BEGIN = 16  # prepare to write an image into the other slot, or a model into the store
    DIGESTS = 17  # DIGEST_BYTES for each block
    WRITE = 18  # write one sector of the target: segments, each with its stored bytes after it
    END = 19  # check the digest and what was written, and put it to use
    ABORT = 20  # give the transfer up; what was written is kept for the next one
    MODELS = 32  # the models in the store
    REMOVE = 33  # remove a model from the store
    FETCH = 34  # bytes of a model in the store
    STORE = 35  # room and wear of the store
    SESSION_OPEN = 48  # a session on a model of the store, or room in memory for one that follows
    SESSION_LOAD = 49  # bytes of the model, into memory
    SESSION_START = 50  # check the model and load it into the engine's memory
    SESSION_INPUT = 51  # bytes of the INPUT region
    SESSION_RUN = 52  # run commands; the response's body is there also with status ENGINE
    SESSION_READ = 53  # bytes of a region
    SESSION_PROFILE = 54  # profile records of commands of the last run
    SESSION_TEST = 55  # run the model's known-answer test
    SESSION_CLOSE = 56  # give its memory back


class Mode(IntEnum):
    """What runs on the board."""

    BOOTLOADER = 0  # recovery: neither slot boots, or it was asked for
    APPLICATION = 1  # the application runs


class SlotState(IntEnum):
    """State of a firmware slot."""

    EMPTY = 0  # empty
    INVALID = 1  # invalid
    VALID = 2  # valid, not in use
    PENDING = 3  # boots on trial at the next reset
    TRIAL = 4  # on trial
    CONFIRMED = 5  # confirmed
    REJECTED = 6  # failed its trial


class TransferKind(IntEnum):
    """What is transferred."""

    IMAGE = 0  # firmware, into the slot that is not running
    MODEL = 1  # a model, into the store


class TransferArea(IntEnum):
    """Where digests are taken."""

    TARGET = 0  # what is being written
    SOURCE = 1  # what can be copied from: the running image, or the model's former version


class SegmentKind(IntEnum):
    """How a part of a sector is stored."""

    FILL = 0  # `length` bytes 0xFF; nothing stored
    RAW = 1  # `length` bytes as they are
    LZ4 = 2  # an LZ4 block of `stored` bytes that decodes to `length`
    COPY = 3  # `length` bytes of SOURCE from `source` on; nothing stored


class ResetReason(IntEnum):
    """Why the board started."""

    POWER = 0  # power on
    SOFTWARE = 1  # asked for
    WATCHDOG = 2  # watchdog
    CRASH = 3  # crash


VERSION_MIN = 1
VERSION_MAX = 1
PAYLOAD_MIN = 32
PAYLOAD_MAX = 16384
MESSAGE_MAX = 4608
NAME_BYTES = 32
DIGEST_BYTES = 6
DIGEST_FACTOR = 11400714819323198485
USB_VENDOR = 4617
USB_PRODUCT = 1
SECTOR = 4096

SLOT_STATE_TEXT: dict[int, str] = {
    0: "empty",
    1: "invalid",
    2: "valid, not in use",
    3: "boots on trial at the next reset",
    4: "on trial",
    5: "confirmed",
    6: "failed its trial",
}
RESET_REASON_TEXT: dict[int, str] = {
    0: "power on",
    1: "asked for",
    2: "watchdog",
    3: "crash",
}


@dataclass(frozen=True)
class FrameRecord:
    """One frame record, 16 bytes."""

    type: int = 0  # enum pal_link_frame_type
    version: int = 0  # of the link
    session: int = 0  # chosen at random by the host
    sequence: int = 0  # stream position of the first payload byte, modulo 2^32
    acknowledged: int = 0  # stream position that the sender waits for
    window: int = 0  # bytes that the sender can take from there on

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<BBHIII")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.type,
            self.version,
            self.session,
            self.sequence,
            self.acknowledged,
            self.window,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> FrameRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
            v[4],
            v[5],
        )



@dataclass(frozen=True)
class HelloRecord:
    """One hello record, 8 bytes."""

    version_min: int = 0  # link versions spoken; equal in OPENED
    version_max: int = 0
    payload_max: int = 0  # bytes of payload that a frame to the sender may carry
    window: int = 0  # bytes that the sender can take

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<BBHI")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.version_min,
            self.version_max,
            self.payload_max,
            self.window,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> HelloRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
        )



@dataclass(frozen=True)
class MessageRecord:
    """One message record, 8 bytes."""

    command: int = 0  # enum pal_link_command; the same in the response
    status: int = 0  # 0 in a request; enum pal_status in the response
    id: int = 0  # chosen by the host; the same in the response
    length: int = 0  # bytes that follow

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<BbHI")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.command,
            self.status,
            self.id,
            self.length,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> MessageRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
        )



@dataclass(frozen=True)
class IdentityRecord:
    """One identity record, 84 bytes."""

    mode: int = 0  # enum pal_link_mode
    slot: int = 0  # that runs, 255 in recovery
    reset_reason: int = 0  # enum pal_link_reset_reason
    crashed: int = 0  # 1: a crash record waits
    board_id: int = 0  # of the port; images carry it
    board: bytes = bytes(16)  # name of the port
    serial: bytes = bytes(16)  # serial number, ASCII
    version: bytes = bytes(8)  # of what runs, as in the image header: major, minor, revision u16, build u32
    security_counter: int = 0  # images below are refused
    engine_abi: int = 0  # 0: no engine was found
    target: int = 0  # id of the engine's target
    clock_hz: int = 0  # of the engine
    slot_size: int = 0  # bytes
    store_size: int = 0  # bytes, all told
    memory_size: int = 0  # bytes for sessions
    memory_free: int = 0  # largest free piece
    uptime_ms: int = 0

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<BBBBI16s16s8sIIIIIIIII")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.mode,
            self.slot,
            self.reset_reason,
            self.crashed,
            self.board_id,
            self.board,
            self.serial,
            self.version,
            self.security_counter,
            self.engine_abi,
            self.target,
            self.clock_hz,
            self.slot_size,
            self.store_size,
            self.memory_size,
            self.memory_free,
            self.uptime_ms,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> IdentityRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
            v[4],
            v[5],
            v[6],
            v[7],
            v[8],
            v[9],
            v[10],
            v[11],
            v[12],
            v[13],
            v[14],
            v[15],
            v[16],
        )



@dataclass(frozen=True)
class SlotRecord:
    """One slot record, 52 bytes."""

    state: int = 0  # enum pal_link_slot_state
    running: int = 0
    reserved: int = 0
    size: int = 0  # bytes of the image, header and trailer included
    version: bytes = bytes(8)
    security_counter: int = 0
    digest: bytes = bytes(32)  # SHA-256 as imgtool shows it

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<BBHI8sI32s")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.state,
            self.running,
            self.reserved,
            self.size,
            self.version,
            self.security_counter,
            self.digest,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> SlotRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
            v[4],
            v[5],
            v[6],
        )



@dataclass(frozen=True)
class RestartRecord:
    """One restart record, 1 bytes."""

    mode: int = 0  # enum pal_link_mode: stay in the bootloader, or start the application

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<B")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.mode,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> RestartRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
        )



@dataclass(frozen=True)
class LogRecord:
    """One log record, 8 bytes."""

    position: int = 0  # of the first byte, counted from the start of the log; the response's may be later
    wait_ms: int = 0

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<II")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.position,
            self.wait_ms,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> LogRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
        )



@dataclass(frozen=True)
class ClearRecord:
    """One clear record, 1 bytes."""

    clear: int = 0  # 1: forget it after this

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<B")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.clear,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> ClearRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
        )



@dataclass(frozen=True)
class CrashRecord:
    """One crash record, 128 bytes."""

    reason: int = 0  # exception number, or 0x100: watchdog, 0x101: panic
    registers: tuple[int, ...] = (0,) * 8  # r0-r3, r12, lr, pc, psr, or what the core has in their place
    fault: tuple[int, ...] = (0,) * 4  # fault status and address registers
    uptime_ms: int = 0
    version: bytes = bytes(8)  # of the firmware that crashed
    text: bytes = bytes(64)  # what it was doing

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<I8I4II8s64s")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.reason,
            *self.registers,
            *self.fault,
            self.uptime_ms,
            self.version,
            self.text,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> CrashRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1 : 9],
            v[9 : 13],
            v[13],
            v[14],
            v[15],
        )



@dataclass(frozen=True)
class BeginRecord:
    """One begin record, 96 bytes."""

    kind: int = 0  # enum pal_link_transfer_kind
    reserved: bytes = bytes(3)
    size: int = 0
    board_id: int = 0  # that the image is for; 0 for a model
    security_counter: int = 0  # of the image; 0 for a model
    name: bytes = bytes(32)  # of the model
    label: bytes = bytes(16)  # MLPerf Tiny task (kws01, ic01, vww01, ad01) whose benchmark protocol it answers, or zeros
    digest: bytes = bytes(32)  # SHA-256 of the whole file

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<B3sIII32s16s32s")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.kind,
            self.reserved,
            self.size,
            self.board_id,
            self.security_counter,
            self.name,
            self.label,
            self.digest,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> BeginRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
            v[4],
            v[5],
            v[6],
            v[7],
        )



@dataclass(frozen=True)
class TransferRecord:
    """One transfer record, 12 bytes."""

    already: int = 0  # 1: exactly this is there and in use; nothing to do
    slot: int = 0  # being written; 255 for a model
    reserved: int = 0
    target_size: int = 0  # bytes, a multiple of SECTOR
    source_size: int = 0  # bytes; 0: nothing to copy from

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<BBHII")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.already,
            self.slot,
            self.reserved,
            self.target_size,
            self.source_size,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> TransferRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
            v[4],
        )



@dataclass(frozen=True)
class DigestsRecord:
    """One digests record, 12 bytes."""

    area: int = 0  # enum pal_link_transfer_area
    reserved: int = 0
    block: int = 0  # bytes, a divisor of SECTOR or SECTOR
    offset: int = 0  # a multiple of `block`
    count: int = 0  # blocks; the last one of an area may be short

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<BBHII")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.area,
            self.reserved,
            self.block,
            self.offset,
            self.count,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> DigestsRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
            v[4],
        )



@dataclass(frozen=True)
class WriteRecord:
    """One write record, 8 bytes."""

    offset: int = 0  # a multiple of SECTOR
    count: int = 0  # segments; their lengths sum up to SECTOR

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<II")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.offset,
            self.count,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> WriteRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
        )



@dataclass(frozen=True)
class SegmentRecord:
    """One segment record, 12 bytes."""

    kind: int = 0  # enum pal_link_segment_kind
    reserved: int = 0
    length: int = 0  # bytes in the sector
    stored: int = 0  # bytes that follow in the message
    source: int = 0  # offset in SOURCE

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<BBHII")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.kind,
            self.reserved,
            self.length,
            self.stored,
            self.source,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> SegmentRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
            v[4],
        )



@dataclass(frozen=True)
class ModelRecord:
    """One model record, 88 bytes."""

    name: bytes = bytes(32)
    size: int = 0
    target: int = 0  # id of the target it is compiled for
    label: bytes = bytes(16)  # MLPerf Tiny task (kws01, ic01, vww01, ad01) whose benchmark protocol it answers, or zeros
    digest: bytes = bytes(32)  # SHA-256 of the file

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<32sII16s32s")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.name,
            self.size,
            self.target,
            self.label,
            self.digest,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> ModelRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
            v[4],
        )



@dataclass(frozen=True)
class NamedRecord:
    """One named record, 32 bytes."""

    name: bytes = bytes(32)

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<32s")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.name,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> NamedRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
        )



@dataclass(frozen=True)
class FetchRecord:
    """One fetch record, 40 bytes."""

    name: bytes = bytes(32)
    offset: int = 0
    size: int = 0

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<32sII")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.name,
            self.offset,
            self.size,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> FetchRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
        )



@dataclass(frozen=True)
class StoreRecord:
    """One store record, 16 bytes."""

    size: int = 0
    free: int = 0
    largest: int = 0  # largest model that fits
    models: int = 0

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<IIII")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.size,
            self.free,
            self.largest,
            self.models,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> StoreRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
        )



@dataclass(frozen=True)
class HandleRecord:
    """One handle record, 4 bytes."""

    handle: int = 0

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<I")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.handle,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> HandleRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
        )



@dataclass(frozen=True)
class SessionOpenRecord:
    """One session_open record, 36 bytes."""

    size: int = 0  # bytes of the model to come; 0: `name` is in the store
    name: bytes = bytes(32)

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<I32s")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.size,
            self.name,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> SessionOpenRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
        )



@dataclass(frozen=True)
class ChunkRecord:
    """One chunk record, 8 bytes."""

    handle: int = 0
    offset: int = 0

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<II")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.handle,
            self.offset,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> ChunkRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
        )



@dataclass(frozen=True)
class SessionRecord:
    """One session record, 8 bytes."""

    memory: int = 0  # bytes that the session takes
    address: int = 0  # of the command list, on the engine's bus

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<II")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.memory,
            self.address,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> SessionRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
        )



@dataclass(frozen=True)
class RunRecord:
    """One run record, 16 bytes."""

    handle: int = 0
    first: int = 0
    count: int = 0  # commands
    timeout_us: int = 0  # of one engine segment; 0: one second

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<IIII")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.handle,
            self.first,
            self.count,
            self.timeout_us,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> RunRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
        )



@dataclass(frozen=True)
class RanRecord:
    """One ran record, 64 bytes."""

    fault: int = 0  # enum pal_engine_error
    command: int = 0  # that failed
    wall_us: int = 0  # on the board's clock, from first doorbell to last interrupt
    engine_us: int = 0  # of that, waiting for the engine
    counters: tuple[int, ...] = (0,) * 12  # struct pal_counters, low words first

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<IIII12I")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.fault,
            self.command,
            self.wall_us,
            self.engine_us,
            *self.counters,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> RanRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
            v[4 : 16],
        )



@dataclass(frozen=True)
class ReadRecord:
    """One read record, 16 bytes."""

    handle: int = 0
    region: int = 0
    offset: int = 0
    size: int = 0

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<IIII")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.handle,
            self.region,
            self.offset,
            self.size,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> ReadRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
            v[3],
        )



@dataclass(frozen=True)
class SpanRecord:
    """One span record, 12 bytes."""

    handle: int = 0
    first: int = 0
    count: int = 0

    STRUCT: ClassVar[struct.Struct] = struct.Struct("<III")

    def pack(self) -> bytes:
        return self.STRUCT.pack(
            self.handle,
            self.first,
            self.count,
        )

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> SpanRecord:
        v = cls.STRUCT.unpack_from(data, offset)
        return cls(
            v[0],
            v[1],
            v[2],
        )
