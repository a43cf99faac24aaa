"""A fake board that runs models too, on the simulator in this process."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

import numpy as np

from pal_edge.container import Model
from pal_edge.errors import DeviceError, EngineError, TargetError
from pal_edge.runtime.device import SimDevice
from pal_edge.runtime.loaded import NativeModel
from pal_edge.spec.link import (
    ChunkRecord,
    HandleRecord,
    RanRecord,
    ReadRecord,
    RunRecord,
    SessionOpenRecord,
    SessionRecord,
    SpanRecord,
)
from pal_edge.spec.status import Status
from tests.board.fake import Answer, FakeBoard


@dataclass
class Session:
    """A model on its way into memory, then loaded."""

    data: bytearray
    address: int = 0  # of an upload
    loaded: NativeModel | None = None


class FakeRunner(FakeBoard):
    """Sessions are lost with `forget`, as a board does when another host opens the link."""

    def __init__(self, target: str = "pal-e32", memory: int = 1 << 20) -> None:
        super().__init__()
        self.sim = SimDevice(target, memory)
        self.sessions: dict[int, Session] = {}
        self.next = 1
        self.most = 8

    def free(self) -> int:
        return max((room for _, room in self.sim._free), default=0)

    def forget(self) -> None:
        for handle in list(self.sessions):
            self._session_close(HandleRecord(handle).pack())

    def __call__(self, command: int, body: bytes) -> Answer:
        self.identity = replace(self.identity, memory_free=self.free())
        try:
            return super().__call__(command, body)
        except KeyError:
            return Status.ERR_NOT_FOUND, b""

    def _session_open(self, body: bytes) -> Answer:
        r = SessionOpenRecord.unpack(body)
        if len(self.sessions) == self.most:
            return Status.ERR_FULL, b""
        try:
            session = (Session(bytearray(r.size), self.sim.allocate(r.size)) if r.size
                       else Session(bytearray(self.models[r.name][0])))
        except DeviceError:
            return Status.ERR_MEMORY, b""
        self.sessions[self.next] = session
        self.next += 1
        return 0, HandleRecord(self.next - 1).pack()

    def _session_load(self, body: bytes) -> Answer:
        r = ChunkRecord.unpack(body)
        data = body[ChunkRecord.STRUCT.size:]
        self.sessions[r.handle].data[r.offset : r.offset + len(data)] = data
        return 0, b""

    def _session_start(self, body: bytes) -> Answer:
        session = self.sessions[HandleRecord.unpack(body).handle]
        data = bytes(session.data)
        try:
            session.loaded = NativeModel(self.sim, Model.from_bytes(data), data)
        except TargetError:
            return Status.ERR_TARGET, b""
        except DeviceError:
            return Status.ERR_MEMORY, b""
        return 0, SessionRecord(0, session.loaded.native.commands).pack()

    def _loaded(self, handle: int) -> NativeModel:
        loaded = self.sessions[handle].loaded
        assert loaded
        return loaded

    def _session_input(self, body: bytes) -> Answer:
        r = ChunkRecord.unpack(body)
        try:
            self._loaded(r.handle).write(r.offset, body[ChunkRecord.STRUCT.size:])
        except DeviceError:
            return Status.ERR_ARG, b""
        return 0, b""

    def _session_run(self, body: bytes) -> Answer:
        r = RunRecord.unpack(body)
        loaded = self._loaded(r.handle)
        try:
            loaded.run(r.first, r.count)
        except EngineError as error:
            return Status.ERR_ENGINE, RanRecord(error.code, error.command).pack()
        words = [half for value in loaded.counters[:6] for half in (value & 0xFFFFFFFF, value >> 32)]
        return 0, RanRecord(0, 0, 7, 5, tuple(words)).pack()

    def _session_read(self, body: bytes) -> Answer:
        r = ReadRecord.unpack(body)
        return 0, self._loaded(r.handle).read(r.region, r.offset, r.size).tobytes()

    def _session_profile(self, body: bytes) -> Answer:
        r = SpanRecord.unpack(body)
        return 0, b"".join(struct.pack("<II", *span) for span in self._loaded(r.handle).profile(r.first, r.count))

    def _session_test(self, body: bytes) -> Answer:
        right = self._loaded(HandleRecord.unpack(body).handle).self_test()
        return (0 if right else Status.ERR_KAT), b""

    def _session_close(self, body: bytes) -> Answer:
        session = self.sessions.pop(HandleRecord.unpack(body).handle)
        if session.address:
            self.sim.release(session.address, len(session.data))
        if session.loaded:
            session.loaded.close()
        return 0, b""

    def damage(self, address: int) -> None:
        """Put an opcode there that no engine knows."""
        self.sim._memory[address - 0x1000_0000] = np.uint8(99)
