"""How much scratch memory holds values that are still needed, command by command.

Read from the commands alone: a byte is alive from the command that writes it to the last that reads what
was written.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..container import Model
from ..spec.commands import FLAG_BROADCAST_C, WINDOW_OPCODES, Command, Opcode
from ..spec.registers import Region

_Bytes = NDArray[np.bool_]
_Span = tuple[int, int, tuple[int, int, int], tuple[int, int, int]]  # region, offset, sizes, strides


def live_bytes(model: Model) -> dict[str, list[int]]:
    """Return {"sram": [...], "arena": [...]}, the bytes alive during each command."""
    sizes = {Region.SRAM: model.sram_size, Region.ARENA: model.arena_size}
    needed = {region: np.zeros(size, np.bool_) for region, size in sizes.items()}  # after the command
    counts: dict[Region, list[int]] = {region: [] for region in sizes}
    for command in reversed(model.commands):
        written, read = [_written(command)], _read(command)
        during = {region: mask.copy() for region, mask in needed.items()}
        for span in (*written, *read):
            _mark(during, span, True)
        for region, mask in during.items():
            counts[region].append(int(np.count_nonzero(mask)))
        for span in written:
            _mark(needed, span, False)
        for span in read:
            _mark(needed, span, True)
    return {"sram": counts[Region.SRAM][::-1], "arena": counts[Region.ARENA][::-1]}


def _mark(masks: dict[Region, _Bytes], span: _Span, value: bool) -> None:
    region, offset, sizes, strides = span
    mask = masks.get(Region(region))
    if mask is not None:
        np.lib.stride_tricks.as_strided(mask[offset:], sizes, strides)[...] = value


def _written(c: Command) -> _Span:
    return c.ofm_region, c.ofm_offset, (c.ofm_h, c.ofm_w, c.ofm_c), (c.ofm_row, c.ofm_px, 1)


def _read(c: Command) -> list[_Span]:
    spans: list[_Span] = [(c.ifm_region, c.ifm_offset, (c.ifm_h, c.ifm_w, c.ifm_c), (c.ifm_row, c.ifm_px, 1))]
    if c.opcode in (Opcode.ADD, Opcode.MUL):
        channels = 1 if c.flags & FLAG_BROADCAST_C else c.ifm_c
        spans.append((c.ifm2_region, c.ifm2_offset, (c.ifm_h, c.ifm_w, channels), (c.ifm2_row, c.ifm2_px, 1)))
    elif c.opcode in WINDOW_OPCODES:
        spans.append((c.ifm2_region, c.weights, (1, 1, weight_bytes(c)), (0, 0, 1)))
    return spans


def weight_bytes(c: Command) -> int:
    """Return how many weight codes a command reads; 0 for one without weights."""
    taps = c.kh * c.kw
    match c.opcode:
        case Opcode.CONV:
            return taps * c.ifm_c * c.ofm_c
        case Opcode.DEPTHWISE:
            return taps * c.ofm_c
        case Opcode.POOL_AVG:
            return taps
    return 0
