"""Operators that pick, place or repeat elements by indices known at compile time: all become Select."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...graph import Concat, Reshape, Select, Transpose
from ..importer import Importer
from ..nodes import Node, Refused, handles

Index = Sequence[int]
NO_SOURCE = -1


def select(importer: Importer, node: Node, x: str, index: Sequence[Index], output: str | None = None,
           fill: float = 0.0) -> None:
    """Append output[i, j, ...] = x[index[0][i], index[1][j], ...]."""
    rows = tuple(tuple(int(i) for i in axis) for axis in index)
    shape = importer.shape(x)
    if output is None and rows == tuple(tuple(range(n)) for n in shape):
        importer.alias(node, x)
    else:
        importer.add(Select(**importer.named(node, x, output=output), index=rows, fill=fill))


def _everything(shape: tuple[int, ...]) -> list[Index]:
    return [range(n) for n in shape]


@handles("Slice")
def slice_(importer: Importer, node: Node) -> None:
    """Constant starts, ends, axes and steps, also negative ones."""
    x = importer.value(node)
    shape = importer.shape(x)
    starts, ends = importer.integers(node, 1, "starts"), importer.integers(node, 2, "ends")
    if starts is None or ends is None:
        raise Refused("it has no starts or ends")
    chosen = importer.integers(node, 3, "axes") or tuple(range(len(starts)))
    steps = importer.integers(node, 4, "steps") or (1,) * len(starts)
    index = _everything(shape)
    for axis, start, end, step in zip(chosen, starts, ends, steps, strict=True):
        axis %= len(shape)
        # Before the first element, going backwards, is -n - 1 in ONNX and None in Python.
        stop = None if step < 0 and end < -shape[axis] else end
        index[axis] = range(shape[axis])[start:stop:step]
    select(importer, node, x, index)


@handles("Split")
def split(importer: Importer, node: Node) -> None:
    """Constant sizes along any axis."""
    x = importer.value(node)
    axis = node.integer("axis", 0) % len(importer.shape(x))
    position = 0
    for output in node.outputs:
        shape = importer.shapes.get(output)
        if not output or shape is None:
            raise Refused("the sizes of its outputs are not constant")
        index = _everything(importer.shape(x))
        index[axis] = range(position, position + shape[axis])
        position += shape[axis]
        if importer.is_used(node, node.outputs.index(output)):
            select(importer, node, x, index, output=output)


@handles("Gather")
def gather(importer: Importer, node: Node) -> None:
    """Constant indices into a computed value."""
    x = importer.value(node)
    shape = importer.shape(x)
    picked = importer.raw(node, 1)
    if picked is None:
        raise Refused("its indices are computed; only constant ones are supported")
    axis = node.integer("axis", 0) % len(shape)
    index = _everything(shape)
    index[axis] = [int(i) % shape[axis] for i in picked.reshape(-1)]
    between = (*shape[:axis], picked.size, *shape[axis + 1 :])
    if between == importer.shape(node.output):
        select(importer, node, x, index)
        return
    # The float model has this value under another shape only.
    inner = importer.reshaped(node.output, between, f"{node.output}#gathered")
    select(importer, node, x, index, output=inner)
    importer.add(Reshape(**importer.named(node, inner)))


@handles("Pad")
def pad(importer: Importer, node: Node) -> None:
    """Modes constant, edge, reflect and wrap; constant or negative amounts (cropping) on any axis."""
    x = importer.value(node)
    shape = importer.shape(x)
    amounts = node.integers("pads") or importer.integers(node, 1, "pads") or ()
    axes = importer.integers(node, 3, "axes") or tuple(range(len(shape)))
    mode = node.text("mode", "constant")
    fill = node.number("value", 0.0) if node.integers("pads") else importer.scalar(node, 2, 0.0, "value")
    index = [np.arange(n) for n in shape]
    for position, axis in enumerate(axes):
        before, after = amounts[position], amounts[position + len(axes)]
        line = index[axis % len(shape)]
        line = line[max(-before, 0) : len(line) - max(-after, 0)]
        widths = (max(before, 0), max(after, 0))
        if mode == "constant":
            line = np.pad(line, widths, constant_values=NO_SOURCE)
        elif mode == "edge":
            line = np.pad(line, widths, mode="edge")
        elif mode == "reflect":
            line = np.pad(line, widths, mode="reflect")
        elif mode == "wrap":
            line = np.pad(line, widths, mode="wrap")
        else:
            raise Refused(f"padding mode {mode!r} is not supported")
        index[axis % len(shape)] = line
    select(importer, node, x, [line.tolist() for line in index], fill=fill)


@handles("Tile")
def tile(importer: Importer, node: Node) -> None:
    """Constant repeats."""
    x = importer.value(node)
    repeats = importer.integers(node, 1, "repeats") or ()
    select(importer, node, x, [list(range(n)) * r for n, r in zip(importer.shape(x), repeats, strict=True)])


def widened(importer: Importer, node: Node, x: str, target: tuple[int, ...], name: str) -> str:
    """Return x broadcast to `target`, a new value of that name where it has another shape."""
    shape = importer.shape(x)
    full = (1,) * (len(target) - len(shape)) + shape
    if full != shape:
        reshaped = importer.reshaped(x, full, f"{name}#full")
        importer.add(Reshape(**importer.named(node, x, output=reshaped)))
        x = reshaped
    if full == target:
        return x
    wide = importer.computed("Expand", (x, importer.stored(np.array(target, np.int64), f"{name}#shape")), name, target)
    importer.add(Select(**importer.named(node, x, output=wide), index=_repeated(full, target)))
    return wide


def _repeated(shape: tuple[int, ...], target: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    return tuple((0,) * t if n == 1 else tuple(range(n)) for n, t in zip(shape, target, strict=True))


@handles("Expand")
def expand(importer: Importer, node: Node) -> None:
    """To a constant shape."""
    x = importer.value(node)
    target = importer.shape(node.output)
    full = (1,) * (len(target) - len(importer.shape(x))) + importer.shape(x)
    if full == target:
        importer.reshape(node, x)
    else:
        select(importer, node, widened(importer, node, x, full, node.output), _repeated(full, target))


@handles("Concat")
def concat(importer: Importer, node: Node) -> None:
    """Any axis, of values and constants."""
    axis = node.integer("axis", 0) % len(importer.shape(node.output))
    values = []
    for i, name in enumerate(node.inputs):
        constant = importer.raw(node, i)
        value = importer.value(node, i) if constant is None else name
        if constant is None and importer.shape(value)[axis]:
            values.append(value)
        elif constant is not None and constant.size:
            values.append(importer.operand(name, importer.constant(node, i, "input")))
    if len(values) == 1:
        importer.alias(node, values[0])
    else:
        importer.add(Concat(**importer.named(node, *values), axis=axis))


@handles("DepthToSpace", "SpaceToDepth")
def blocks(importer: Importer, node: Node) -> None:
    """Modes DCR and CRD."""
    x = importer.value(node)
    n, c, h, w = importer.shape(x)
    b = node.integer("blocksize", 1)
    deep_first = node.text("mode", "DCR") == "DCR"
    if node.op == "SpaceToDepth":
        split_shape = (n, c, h // b, b, w // b, b)
        perm = (0, 3, 5, 1, 2, 4) if deep_first else (0, 1, 3, 5, 2, 4)
    elif deep_first:
        split_shape, perm = (n, b, b, c // (b * b), h, w), (0, 3, 4, 1, 5, 2)
    else:
        split_shape, perm = (n, c // (b * b), b, b, h, w), (0, 1, 4, 2, 5, 3)
    parts = importer.reshaped(x, split_shape, f"{node.output}#parts")
    moved = importer.transposed(parts, perm, f"{node.output}#moved")
    importer.add(Reshape(**importer.named(node, x, output=parts)))
    importer.add(Transpose(**importer.named(node, parts, output=moved), perm=perm))
    importer.add(Reshape(**importer.named(node, moved)))
