"""Give every intermediate buffer a place: on-chip memory first, what does not fit in the arena."""

from __future__ import annotations

from dataclasses import dataclass

from ..spec.registers import Region
from .program import Buffer, Draft, aligned


@dataclass(frozen=True)
class Footprint:
    """Bytes used of each scratch region, and the least any allocator could do in one region."""

    sram: int
    arena: int
    lower_bound: int


@dataclass
class _Lifetime:
    buffer: Buffer
    first: int
    last: int

    @property
    def size(self) -> int:
        return aligned(self.buffer.size)

    def overlaps(self, other: _Lifetime) -> bool:
        return self.first <= other.last and other.first <= self.last


def lifetimes(drafts: list[Draft]) -> list[_Lifetime]:
    """Return first and last command index of every buffer without a region."""
    found: dict[int, _Lifetime] = {}
    for index, draft in enumerate(drafts):
        for buffer in (draft.ifm, draft.ifm2, draft.ofm):
            if buffer is not None and buffer.region is None:
                found.setdefault(id(buffer), _Lifetime(buffer, index, index)).last = index
    return list(found.values())


def allocate(drafts: list[Draft], sram_bytes: int) -> Footprint:
    """Place by decreasing size at the lowest free offset; deterministic.

    Large buffers first is the greedy-by-size order that TensorFlow Lite Micro also uses; it usually
    meets the lower bound, the largest sum of sizes alive at one command.
    """
    waiting = lifetimes(drafts)
    bound = max((sum(item.size for item in waiting if item.first <= index <= item.last)
                 for index in range(len(drafts))), default=0)
    waiting.sort(key=lambda item: (-item.size, item.first))
    sram, spilled = _pack(waiting, sram_bytes, Region.SRAM)
    arena, _ = _pack(spilled, None, Region.ARENA)
    return Footprint(sram, arena, bound)


def _pack(items: list[_Lifetime], limit: int | None, region: Region) -> tuple[int, list[_Lifetime]]:
    """Place what fits; return (bytes used, what did not fit)."""
    placed: list[_Lifetime] = []
    rejected: list[_Lifetime] = []
    used = 0
    for item in items:
        offset = 0
        for other in sorted((p for p in placed if p.overlaps(item)), key=lambda p: p.buffer.offset):
            if offset + item.size <= other.buffer.offset:
                break
            offset = max(offset, other.buffer.offset + other.size)
        if limit is not None and offset + item.size > limit:
            rejected.append(item)
            continue
        item.buffer.region, item.buffer.offset = region, offset
        placed.append(item)
        used = max(used, offset + item.size)
    return used, rejected
