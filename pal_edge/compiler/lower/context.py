"""State shared by the lowering functions, and the loops that every elementwise command needs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...errors import ModelError, PalError, Refusal, UnsupportedError
from ...numeric import encode
from ...spec.commands import FLAG_BROADCAST_C, FLAG_TABLE, Command, Opcode
from ..graph import Clip, Graph, Layer
from ..layout import Layout, refine
from ..program import Buffer, Draft, LoweredLayer, Placed, Program
from ..quantize.tables import unary_table
from ..scales import Scales

U16 = 0xFFFF
U8 = 0xFF
_HANDLERS: dict[type[Layer], Callable[[Context, Layer], int]] = {}


def lowers(kind: type[Layer]) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Register the lowering of one layer class; the function returns the layer's MACs."""

    def register(function: Callable[..., int]) -> Callable[..., int]:
        _HANDLERS[kind] = function
        return function

    return register


class Unlowerable(Exception):
    """This layer does not fit the command set; the text is the reason in the user's terms."""


@dataclass(frozen=True)
class Finish:
    """How a command ends: the bias it requantises to, the clamp, and the table."""

    bias: int
    act_min: int
    act_max: int
    flags: int
    table: int

    def fields(self) -> dict[str, int]:
        return {"act_min": self.act_min, "act_max": self.act_max, "flags": self.flags, "table": self.table}


class Context:
    """Lowers one graph; `placed` holds where every value lies."""

    def __init__(self, graph: Graph, scales: Scales) -> None:
        self.graph = graph
        self.scales = scales
        self.program = Program()
        self.placed: dict[str, Placed] = {}
        self._layer: Layer | None = None

    def run(self) -> Program:
        refusals = []
        for name in self.graph.inputs:
            self.placed[name] = self.program.inputs[name]
        for layer in self.graph.layers:
            self._layer = layer
            first = len(self.program.drafts)
            weights = len(self.program.constants.to_bytes())
            try:
                macs = _HANDLERS[type(layer)](self, layer)
            except Unlowerable as reason:
                refusals.append(Refusal(layer.name, layer.op, str(reason)))
                self.define(layer, Layout.row_major(self.graph.shapes[layer.output]))
                continue
            except PalError:
                raise
            except Exception as error:
                raise ModelError(f"lowering failed at layer {layer.name} ({layer.op}): "
                                 f"{type(error).__name__}: {error}") from error
            count = len(self.program.drafts) - first
            if count:
                self.program.layers.append(LoweredLayer(
                    layer.name, layer.op, layer.sources, layer.output, self.placed[layer.output],
                    first, count, macs, len(self.program.constants.to_bytes()) - weights))
        if refusals:
            raise UnsupportedError(refusals)
        return self.program

    def shape(self, value: str) -> tuple[int, ...]:
        return self.graph.shapes[value]

    def define(self, layer: Layer, layout: Layout) -> Placed:
        """Give the layer's output a dense buffer in `layout`."""
        buffer = Buffer(layer.output, layout.size)
        placed = Placed.dense(buffer, layout, self.scales.bias(layer.output))
        self.placed[layer.output] = placed
        return placed

    def finish(self, layer: Layer) -> Finish:
        """Return how the layer's commands end: clip and table on codes of the right bias."""
        out = self.scales.bias(layer.output)
        if layer.unary is not None and layer.before_table is not None:
            before = self.scales.bias(layer.before_table)
            table = self.program.constants.add(unary_table(layer.unary, before, out, layer.clip))
            return Finish(before, -127, 127, FLAG_TABLE, table)
        low, high = clip_codes(layer.clip, out)
        return Finish(out, low, high, 0, 0)

    def emit(self, opcode: Opcode, ifm: Placed, ofm: Placed, ifm2: Placed | None = None, /,
             **fields: int) -> None:
        """Append one command; `ifm_offset` and `ofm_offset` come on top of the values' own."""
        for name, value in fields.items():
            limit = _LIMITS.get(name)
            if limit is not None and not limit[0] <= value <= limit[1]:
                raise Unlowerable(f"{name.replace('_', ' ')} {value} exceeds the engine's limit {limit[1]}")
        command = Command(opcode=opcode, layer=len(self.program.layers), **fields)
        command = replace(command, ifm_offset=command.ifm_offset + ifm.offset,
                          ofm_offset=command.ofm_offset + ofm.offset,
                          ifm2_offset=command.ifm2_offset + (ifm2.offset if ifm2 else 0))
        self.program.drafts.append(Draft(command, ifm.buffer, ofm.buffer, ifm2.buffer if ifm2 else None))

    def elementwise(self, opcode: Opcode, ifm: Placed, ofm: Placed, sizes: Sequence[int],
                    ifm_strides: Sequence[int], ofm_strides: Sequence[int],
                    ifm2: Placed | None = None, ifm2_strides: Sequence[int] | None = None, /,
                    **fields: int) -> None:
        """Emit as few commands as cover the loop nest `sizes`, whose operands walk the given strides."""
        nests = [list(ifm_strides), list(ofm_strides)] + ([list(ifm2_strides)] if ifm2_strides is not None else [])
        for loops in _nests(list(sizes), nests):
            c, w, h = loops.inner
            extra = dict(fields)
            if ifm2 is not None:
                extra |= {"ifm2_offset": loops.offsets[2], "ifm2_row": h.strides[2], "ifm2_px": w.strides[2]}
                if c.strides[2] == 0 and c.size > 1:
                    extra["flags"] = extra.get("flags", 0) | FLAG_BROADCAST_C
            self.emit(opcode, ifm, ofm, ifm2, **extra,
                      ifm_offset=loops.offsets[0], ifm_h=h.size, ifm_w=w.size, ifm_c=c.size,
                      ifm_row=h.strides[0], ifm_px=w.strides[0],
                      ofm_offset=loops.offsets[1], ofm_h=h.size, ofm_w=w.size, ofm_c=c.size,
                      ofm_row=h.strides[1], ofm_px=w.strides[1])

    def copied(self, source: Placed, layout: Layout, name: str, bias: int | None = None) -> Placed:
        """Return `source` rearranged into a new dense buffer of `layout`, recoded to `bias`."""
        bias = source.bias if bias is None else bias
        target = Placed.dense(Buffer(name, layout.size), layout, bias)
        self.copy(source, target)
        return target

    def copy(self, source: Placed, target: Placed, finish: Finish | None = None) -> None:
        """Copy between any two placements of one logical shape."""
        sides = [[(size, stride, step) for (size, stride), step in zip(p.layout.flat(), p.strides, strict=True)]
                 for p in (source, target)]
        cuts = {edge for side in sides for size, stride, _ in side for edge in (stride, stride * size)}
        fine = [refine(side, cuts) for side in sides]
        steps = [{stride: step for _, stride, step in side} for side in fine]
        if sorted(f[:2] for f in fine[0]) != sorted(f[:2] for f in fine[1]):
            raise Unlowerable("its data movement has no common loop nest")
        order = [(size, stride) for size, stride, _ in fine[1]]
        fields = finish.fields() if finish else {"act_min": -127, "act_max": 127}
        bias = finish.bias if finish else target.bias
        self.elementwise(Opcode.MAP, source, target, [s for s, _ in order],
                         [steps[0][f] for _, f in order], [steps[1][f] for _, f in order],
                         offset=source.bias - bias, **fields)

    @staticmethod
    def shifted(placed: Placed, offset: int) -> Placed:
        """Return the value seen from `offset` bytes further on."""
        return replace(placed, offset=placed.offset + offset)

    def copied_output(self, name: str) -> Placed:
        """Append a layer that copies a graph output into a buffer of its own, row-major."""
        source, first = self.placed[name], len(self.program.drafts)
        target = self.copied(source, Layout.row_major(source.layout.shape), name)
        self.program.layers.append(LoweredLayer(f"{name}#output", "Copy", (), name, target, first,
                                               len(self.program.drafts) - first, 0, 0))
        return target

    def in_layout(self, value: str, layout: Layout) -> Placed:
        """Return the value in exactly this layout, copied if it lies otherwise."""
        placed = self.placed[value]
        if placed.layout.factors == layout.factors and placed.is_dense:
            return placed
        return self.copied(placed, layout, f"{value}#{len(self.program.drafts)}")


_LIMITS: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("ifm_h", "ifm_w", "ifm_c", "ofm_h", "ofm_w", "ofm_c"), (1, U16)),
    **dict.fromkeys(("ifm_px", "ofm_px", "ifm2_px"), (0, U16)),
    **dict.fromkeys(("kh", "kw", "stride_y", "stride_x", "dilation_y", "dilation_x"), (1, U8)),
    **dict.fromkeys(("pad_top", "pad_left"), (0, U8)),
    "offset": (-32768, 32767),
}


def clip_codes(clip: Clip | None, bias: int) -> tuple[int, int]:
    """Return the clamp [act_min, act_max] on signed codes of `bias`."""
    if clip is None:
        return -127, 127

    def signed(bound: float) -> int:
        code = int(encode(np.array([bound], np.float32), bias)[0])
        return -(code & 0x7F) if code & 0x80 else code

    return signed(clip.low), signed(clip.high)


@dataclass
class _Loop:
    size: int
    strides: list[int]


@dataclass
class _Nest:
    inner: tuple[_Loop, _Loop, _Loop]  # channels, columns, rows
    offsets: list[int]


def _nests(sizes: list[int], operands: list[list[int]]) -> Iterator[_Nest]:
    """Split a loop nest into nests of three loops, the innermost with unit stride."""
    loops: list[_Loop] = []  # innermost first
    for loop in _bounded(sizes, operands):
        last = loops[-1] if loops else None
        if last and last.size * loop.size <= U16 and all(
                s == t * last.size for s, t in zip(loop.strides, last.strides, strict=True)):
            last.size *= loop.size
        elif loop.size > 1:
            loops.append(loop)
    none = [0] * len(operands)
    unit = next((i for i, loop in enumerate(loops) if loop.size <= U16 and loop.strides[:2] == [1, 1]
                 and all(s in (0, 1) for s in loop.strides[2:])), None)
    channels = loops.pop(unit) if unit is not None else _Loop(1, none)
    fitting = [i for i, loop in enumerate(loops) if loop.size <= U16 and max(loop.strides) <= U16]
    columns = loops.pop(max(fitting, key=lambda i: loops[i].size)) if fitting else _Loop(1, none)
    fitting = [i for i, loop in enumerate(loops) if loop.size <= U16]
    rows = loops.pop(max(fitting, key=lambda i: loops[i].size)) if fitting else _Loop(1, none)
    for index in itertools.product(*(range(loop.size) for loop in loops)):
        offsets = [sum(i * loop.strides[k] for i, loop in zip(index, loops, strict=True))
                   for k in range(len(operands))]
        yield _Nest((channels, columns, rows), offsets)


def _bounded(sizes: list[int], operands: list[list[int]]) -> Iterator[_Loop]:
    """Yield the loops innermost first, each at most U16 long."""
    for i in reversed(range(len(sizes))):
        strides = [operand[i] for operand in operands]
        size = sizes[i]
        while size > U16:
            inner = next(d for d in range(U16, 0, -1) if size % d == 0)
            if inner == 1:
                raise Unlowerable(f"a dimension of {size} elements has no divisor below {U16 + 1}")
            yield _Loop(inner, strides)
            size, strides = size // inner, [s * inner for s in strides]
        yield _Loop(size, strides)
