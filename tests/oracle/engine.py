"""Executes commands with loops over bytes: one function an opcode, one output byte at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from . import pal8
from .norm import layer_norm
from .softmax import softmax_log

MODEL = 0
FLAG_TABLE, FLAG_BROADCAST_C = 1, 2
Memory = dict[int, bytearray]


def execute(commands: list[Any], memory: Memory) -> None:
    """Run commands, objects with the descriptor's fields, on bytes by region."""
    for c in commands:
        result = {}
        for y in range(c.ofm_h):
            for x in range(c.ofm_w):
                for k, code in enumerate(OPCODES[c.opcode](c, memory, y, x)):
                    result[c.ofm_offset + y * c.ofm_row + x * c.ofm_px + k] = code
        for address, code in result.items():
            memory[c.ofm_region][address] = code


def _ifm(c: Any, memory: Memory, y: int, x: int, k: int) -> int:
    return memory[c.ifm_region][c.ifm_offset + y * c.ifm_row + x * c.ifm_px + k]


def _ifm2(c: Any, memory: Memory, y: int, x: int, k: int) -> int:
    k = 0 if c.flags & FLAG_BROADCAST_C else k
    return memory[c.ifm2_region][c.ifm2_offset + y * c.ifm2_row + x * c.ifm2_px + k]


def _model_int(memory: Memory, address: int, size: int) -> int:
    return int.from_bytes(memory[MODEL][address : address + size], "little", signed=True)


def _table(c: Any, memory: Memory) -> list[int] | None:
    return list(memory[MODEL][c.table : c.table + 256]) if c.flags & FLAG_TABLE else None


def _finish(c: Any, memory: Memory, negative: bool, log: int | None, offset: int) -> int:
    return pal8.finish(negative, log, offset, c.act_min, c.act_max, _table(c, memory))


def _requantise(c: Any, memory: Memory, acc: int, offset: int) -> int:
    return pal8.requantise(pal8.int32(acc), offset, c.act_min, c.act_max, _table(c, memory))


def _taps(c: Any, y: int, x: int) -> Iterator[tuple[int, int, int]]:
    """Yield (kernel position, input row, input column) of the positions inside the input."""
    for i in range(c.kh):
        for j in range(c.kw):
            row = y * c.stride_y + i * c.dilation_y - c.pad_top
            column = x * c.stride_x + j * c.dilation_x - c.pad_left
            if 0 <= row < c.ifm_h and 0 <= column < c.ifm_w:
                yield i * c.kw + j, row, column


def _weight(c: Any, memory: Memory, depth: int, index: int, o: int) -> int:
    """Weights lie as [block of 16][depth][channel in block], the last block short."""
    block = o // 16
    width = min(16, c.ofm_c - block * 16)
    return memory[c.ifm2_region][c.weights + block * 16 * depth + index * width + o % 16]


def _conv(c: Any, memory: Memory, y: int, x: int) -> Iterator[int]:
    depth = c.kh * c.kw * c.ifm_c
    for o in range(c.ofm_c):
        acc = _model_int(memory, c.params + 4 * o, 4)
        for tap, row, column in _taps(c, y, x):
            for k in range(c.ifm_c):
                weight = _weight(c, memory, depth, tap * c.ifm_c + k, o)
                acc += pal8.product(_ifm(c, memory, row, column, k), weight)
        yield _requantise(c, memory, acc, _model_int(memory, c.params + 4 * c.ofm_c + 2 * o, 2))


def _depthwise(c: Any, memory: Memory, y: int, x: int) -> Iterator[int]:
    for k in range(c.ofm_c):
        acc = _model_int(memory, c.params + 4 * k, 4)
        for tap, row, column in _taps(c, y, x):
            weight = _weight(c, memory, c.kh * c.kw, tap, k)
            acc += pal8.product(_ifm(c, memory, row, column, k), weight)
        yield _requantise(c, memory, acc, _model_int(memory, c.params + 4 * c.ofm_c + 2 * k, 2))


def _pool_avg(c: Any, memory: Memory, y: int, x: int) -> Iterator[int]:
    for k in range(c.ofm_c):
        acc = sum(pal8.product(_ifm(c, memory, row, column, k), memory[c.ifm2_region][c.weights + tap])
                  for tap, row, column in _taps(c, y, x))
        yield _requantise(c, memory, acc, c.offset)


def _pool_max(c: Any, memory: Memory, y: int, x: int) -> Iterator[int]:
    for k in range(c.ofm_c):
        inside = [pal8.signed(_ifm(c, memory, row, column, k)) for _, row, column in _taps(c, y, x)]
        best = max(inside, default=0)
        yield _finish(c, memory, best < 0, abs(best) or None, c.offset)


def _add(c: Any, memory: Memory, y: int, x: int) -> Iterator[int]:
    for k in range(c.ofm_c):
        acc = (pal8.product(_ifm(c, memory, y, x, k), c.scale)
               + pal8.product(_ifm2(c, memory, y, x, k), c.scale2))
        yield _requantise(c, memory, acc, c.offset)


def _mul(c: Any, memory: Memory, y: int, x: int) -> Iterator[int]:
    for k in range(c.ofm_c):
        a, b = _ifm(c, memory, y, x, k), _ifm2(c, memory, y, x, k)
        log = a % 128 + b % 128 if a % 128 and b % 128 else None
        yield _finish(c, memory, (a >= 128) != (b >= 128), log, c.offset)


def _map(c: Any, memory: Memory, y: int, x: int) -> Iterator[int]:
    for k in range(c.ofm_c):
        code = _ifm(c, memory, y, x, k)
        yield _finish(c, memory, code >= 128, code % 128 or None, c.offset)


def _softmax(c: Any, memory: Memory, y: int, x: int) -> Iterator[int]:
    codes = [_ifm(c, memory, y, x, k) for k in range(c.ifm_c)]
    for log in softmax_log(codes, c.offset):
        yield _finish(c, memory, False, log, 127 + c.scale)


def _layer_norm(c: Any, memory: Memory, y: int, x: int) -> Iterator[int]:
    data, n = memory[c.ifm2_region][c.ifm2_offset :], c.ifm_c
    numbers = [int.from_bytes(data[8 + 4 * i : 12 + 4 * i], "little", signed=True) for i in range(2 * n)]
    codes = [_ifm(c, memory, y, x, k) for k in range(n)]
    for result in layer_norm(codes, int.from_bytes(data[:8], "little"), numbers[:n], numbers[n:]):
        log = pal8.lin2log(abs(result)) - 32 * 16 if result else None
        yield _finish(c, memory, result < 0, log, c.offset)


def _argmax(c: Any, memory: Memory, y: int, x: int) -> Iterator[int]:
    values = [pal8.signed(_ifm(c, memory, y, x, k)) for k in range(c.ifm_c)]
    order = reversed(range(c.ifm_c)) if c.scale else range(c.ifm_c)
    yield from max(order, key=lambda k: values[k]).to_bytes(4, "little")


OPCODES: dict[int, Callable[[Any, Memory, int, int], Iterator[int]]] = {
    1: _conv,
    2: _depthwise,
    3: _pool_avg,
    4: _pool_max,
    5: _add,
    6: _mul,
    7: _map,
    0x80: _softmax,
    0x81: _layer_norm,
    0x82: _argmax,
}
