"""Buffers alive at the same time never overlap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pal_edge.compiler.allocate import allocate, lifetimes
from pal_edge.compiler.program import Buffer, Draft
from pal_edge.spec.commands import Command
from pal_edge.spec.registers import Region


def chain(sizes: list[int], links: list[int]) -> list[Draft]:
    """Command i reads buffer links[i] <= i and writes buffer i + 1."""
    buffers = [Buffer(str(i), size) for i, size in enumerate(sizes)]
    return [Draft(Command(), buffers[link % (i + 1)], buffers[i + 1])
            for i, link in enumerate(links[: len(sizes) - 1])]


@given(st.lists(st.integers(1, 500), min_size=2, max_size=12), st.lists(st.integers(0, 11), min_size=11, max_size=11),
       st.integers(0, 1500))
def test_no_two_live_buffers_share_a_byte(sizes: list[int], links: list[int], sram: int) -> None:
    drafts = chain(sizes, links)
    alive = lifetimes(drafts)
    footprint = allocate(drafts, sram)
    assert footprint.sram <= sram and footprint.sram + footprint.arena >= footprint.lower_bound
    for i, a in enumerate(alive):
        limit = footprint.sram if a.buffer.region == Region.SRAM else footprint.arena
        assert a.buffer.region in (Region.SRAM, Region.ARENA)
        assert 0 <= a.buffer.offset <= limit - a.buffer.size
        for b in alive[:i]:
            if a.overlaps(b) and a.buffer.region == b.buffer.region:
                assert a.buffer.offset + a.size <= b.buffer.offset or b.buffer.offset + b.size <= a.buffer.offset


def test_a_chain_meets_the_lower_bound() -> None:
    footprint = allocate(chain([64, 256, 128, 256, 64], [0, 1, 2, 3]), 1 << 20)
    assert footprint.arena == 0 and footprint.sram == footprint.lower_bound == 384
