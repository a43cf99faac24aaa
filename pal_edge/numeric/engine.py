"""Executes commands on numpy arrays, bit for bit as the engine does: a model of it for tests and experiments.

Only what guards the arrays is checked; the driver and the device check the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ..errors import EngineError
from ..spec import status
from ..spec.arithmetic import MAGNITUDE_MAX, SIGN_MASK, SOFTMAX_OUTPUT_BIAS
from ..spec.commands import FLAG_BROADCAST_C, FLAG_TABLE, OC_BLOCK, Command, Opcode
from ..spec.registers import Region
from . import pal8
from .codec import signed
from .norm import layer_norm
from .softmax import softmax_log

Codes = NDArray[np.uint8]
Memory = Mapping[Region, Codes]

_CHUNK = 1 << 18  # products at a time: their indices stay in the cache
_TABLE_SIZE = 256
_ALL_CODES = np.arange(_TABLE_SIZE, dtype=np.uint8)
_NONE = -SIGN_MASK  # below every signed code


def execute(commands: Sequence[Command], memory: Memory) -> None:
    """Run the commands in order on the regions' bytes.

    Args:
        commands: as in a model's COMMANDS section, CPU commands included.
        memory: a contiguous uint8 array for every region that the commands name, changed in place.

    Raises EngineError for an unknown opcode or an access outside its region.
    """
    for index, command in enumerate(commands):
        run = _OPERATIONS.get(command.opcode)
        if run is None:
            raise _error(f"opcode {command.opcode} is unknown", status.EngineError.OPCODE, index, command)
        try:
            result = run(command, memory)
            _map(command, memory, "ofm")[...] = result
        except _OutOfRegion as problem:
            raise _error(str(problem), status.EngineError.ADDRESS, index, command) from None


class _OutOfRegion(Exception):
    """An access outside its region."""


def _error(message: str, code: int, index: int, command: Command) -> EngineError:
    return EngineError(f"command {index}: {message}", int(code), index, str(command.layer))


def _bytes(memory: Memory, region: int, offset: int, size: int) -> Codes:
    data = memory.get(Region(region)) if region in set(Region) else None
    if data is None or not 0 <= offset <= offset + size <= len(data):
        raise _OutOfRegion(f"bytes {offset}..{offset + size - 1} lie outside region {region}")
    return data[offset : offset + size]


def _view(memory: Memory, region: int, offset: int, shape: tuple[int, int, int],
          strides: tuple[int, int, int]) -> Codes:
    """Return a map as a view [h, w, c]."""
    last = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    return as_strided(_bytes(memory, region, offset, last + 1), shape, strides)


def _map(command: Command, memory: Memory, name: str) -> Codes:
    def field(part: str) -> int:
        return int(getattr(command, f"{name}_{part}"))

    return _view(memory, field("region"), field("offset"), (field("h"), field("w"), field("c")),
                 (field("row"), field("px"), 1))


def _second(command: Command, memory: Memory) -> Codes:
    """Return the second operand in the shape of the first."""
    channel = 0 if command.flags & FLAG_BROADCAST_C else 1
    return _view(memory, command.ifm2_region, command.ifm2_offset,
                 (command.ifm_h, command.ifm_w, command.ifm_c), (command.ifm2_row, command.ifm2_px, channel))


def _table(command: Command, memory: Memory) -> Codes | None:
    if not command.flags & FLAG_TABLE:
        return None
    return _bytes(memory, Region.MODEL, command.table, _TABLE_SIZE)


def _requantise(acc: NDArray[np.int64], offset: NDArray[np.int16] | int,
                command: Command, memory: Memory) -> Codes:
    return pal8.requantise(acc, offset, command.act_min, command.act_max, _table(command, memory))


def _finish(log: NDArray[np.integer], negative: NDArray[np.bool_], zero: NDArray[np.bool_], offset: int,
            command: Command, memory: Memory) -> Codes:
    return pal8.finish(log, negative, zero, offset, command.act_min, command.act_max, _table(command, memory))


def _windows(command: Command, memory: Memory, work: int) -> Iterator[tuple[slice, Codes, NDArray[np.bool_]]]:
    """Yield (output pixels, their windows [pixels, kh, kw, C], inside [pixels, kh, kw, 1]).

    Positions outside the input hold zero. `work` is the number of products for one pixel.
    """
    ifm = _map(command, memory, "ifm")
    padded = np.pad(ifm, ((0, 1), (0, 1), (0, 0)))  # outside is the row and the column behind the last
    h, w = ifm.shape[:2]
    rows = (np.arange(command.ofm_h)[:, None] * command.stride_y
            + np.arange(command.kh) * command.dilation_y - command.pad_top)
    columns = (np.arange(command.ofm_w)[:, None] * command.stride_x
               + np.arange(command.kw) * command.dilation_x - command.pad_left)
    rows = np.where((rows >= 0) & (rows < h), rows, h)
    columns = np.where((columns >= 0) & (columns < w), columns, w)
    pixels, step = command.ofm_h * command.ofm_w, max(1, _CHUNK // work)
    for start in range(0, pixels, step):
        part = np.arange(start, min(start + step, pixels))
        y, x = rows[part // command.ofm_w][:, :, None], columns[part % command.ofm_w][:, None, :]
        yield slice(start, start + len(part)), padded[y, x], ((y < h) & (x < w))[..., None]


def _weights(command: Command, memory: Memory, depth: int) -> Codes:
    """Return the blocked weights as [depth, ofm_c]."""
    count = command.ofm_c
    data = _bytes(memory, command.ifm2_region, command.weights, depth * count)
    whole = count // OC_BLOCK * OC_BLOCK
    blocks = data[: depth * whole].reshape(-1, depth, OC_BLOCK).transpose(1, 0, 2).reshape(depth, whole)
    return np.concatenate([blocks, data[depth * whole :].reshape(depth, count - whole)], axis=1)


def _parameters(command: Command, memory: Memory) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
    """Return the channels' biases and offsets."""
    count = command.ofm_c
    data = _bytes(memory, Region.MODEL, command.params, 6 * count).tobytes()
    return (np.frombuffer(data, "<i4", count).astype(np.int64),
            np.frombuffer(data, "<i2", count, 4 * count).astype(np.int16))


def _conv(command: Command, memory: Memory) -> Codes:
    depth = command.kh * command.kw * command.ifm_c
    weights = _weights(command, memory, depth).astype(np.intp)
    bias, offset = _parameters(command, memory)
    acc = np.empty((command.ofm_h * command.ofm_w, command.ofm_c), np.int64)
    channels = min(command.ofm_c, max(1, _CHUNK // depth))
    products = pal8.PRODUCT.reshape(-1)
    for pixels, window, _ in _windows(command, memory, depth * channels):
        index = window.reshape(len(window), depth, 1).astype(np.intp) * _TABLE_SIZE
        for first in range(0, command.ofm_c, channels):
            part = slice(first, first + channels)
            acc[pixels, part] = products[index + weights[:, part]].sum(axis=1, dtype=np.int64)
    return _requantise(acc + bias, offset, command, memory).reshape(command.ofm_h, command.ofm_w, -1)


def _per_channel(command: Command, memory: Memory, taps: Codes) -> NDArray[np.int64]:
    """Return sums over the window of each channel; taps [kh * kw, C or 1]."""
    acc = np.empty((command.ofm_h * command.ofm_w, command.ofm_c), np.int64)
    for pixels, window, _ in _windows(command, memory, len(taps) * command.ifm_c):
        flat = window.reshape(len(window), len(taps), command.ifm_c)
        acc[pixels] = pal8.PRODUCT[flat, taps].sum(axis=1, dtype=np.int64)
    return acc.reshape(command.ofm_h, command.ofm_w, command.ofm_c)


def _depthwise(command: Command, memory: Memory) -> Codes:
    bias, offset = _parameters(command, memory)
    acc = _per_channel(command, memory, _weights(command, memory, command.kh * command.kw))
    return _requantise(acc + bias, offset, command, memory)


def _pool_avg(command: Command, memory: Memory) -> Codes:
    taps = _bytes(memory, command.ifm2_region, command.weights, command.kh * command.kw)
    return _requantise(_per_channel(command, memory, taps[:, None]), command.offset, command, memory)


def _pool_max(command: Command, memory: Memory) -> Codes:
    best = np.empty((command.ofm_h * command.ofm_w, command.ofm_c), np.int16)
    for pixels, window, inside in _windows(command, memory, command.kh * command.kw * command.ifm_c):
        best[pixels] = np.where(inside, signed(window), _NONE).max(axis=(1, 2))
    best[best == _NONE] = 0
    codes = _finish(np.abs(best), best < 0, best == 0, command.offset, command, memory)
    return codes.reshape(command.ofm_h, command.ofm_w, -1)


def _add(command: Command, memory: Memory) -> Codes:
    a = pal8.PRODUCT[:, command.scale][_map(command, memory, "ifm")]
    b = pal8.PRODUCT[:, command.scale2][_second(command, memory)]
    return _requantise(a.astype(np.int64) + b, command.offset, command, memory)


def _mul(command: Command, memory: Memory) -> Codes:
    a, b = _map(command, memory, "ifm"), _second(command, memory)
    ma, mb = (a & MAGNITUDE_MAX).astype(np.int32), (b & MAGNITUDE_MAX).astype(np.int32)
    return _finish(ma + mb, (a ^ b) >= SIGN_MASK, (ma == 0) | (mb == 0), command.offset, command, memory)


def _map_codes(command: Command, memory: Memory) -> Codes:
    m = _ALL_CODES & MAGNITUDE_MAX
    by_code = _finish(m, _ALL_CODES >= SIGN_MASK, m == 0, command.offset, command, memory)
    codes: Codes = by_code[_map(command, memory, "ifm")]
    return codes


def _softmax(command: Command, memory: Memory) -> Codes:
    log = softmax_log(_map(command, memory, "ifm"), command.offset)
    no = np.zeros(log.shape, np.bool_)
    return _finish(log, no, no, command.scale - SOFTMAX_OUTPUT_BIAS, command, memory)


def _layer_norm(command: Command, memory: Memory) -> Codes:
    data = _bytes(memory, command.ifm2_region, command.ifm2_offset, 8 + 8 * command.ifm_c).tobytes()
    return _finish(*layer_norm(_map(command, memory, "ifm"), data), command.offset, command, memory)


def _argmax(command: Command, memory: Memory) -> Codes:
    values = signed(_map(command, memory, "ifm"))
    last = values.shape[-1] - 1 - values[..., ::-1].argmax(axis=-1)
    index = last if command.scale else values.argmax(axis=-1)
    indices: Codes = index.astype("<u4")[..., None].view(np.uint8)
    return indices


_OPERATIONS: dict[int, Callable[[Command, Memory], Codes]] = {
    Opcode.CONV: _conv,
    Opcode.DEPTHWISE: _depthwise,
    Opcode.POOL_AVG: _pool_avg,
    Opcode.POOL_MAX: _pool_max,
    Opcode.ADD: _add,
    Opcode.MUL: _mul,
    Opcode.MAP: _map_codes,
    Opcode.SOFTMAX: _softmax,
    Opcode.LAYER_NORM: _layer_norm,
    Opcode.ARGMAX: _argmax,
}
