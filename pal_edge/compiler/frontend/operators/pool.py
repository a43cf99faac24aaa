"""Pooling and averages over axes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from ...graph import Pool, Reshape, Transpose
from ..importer import Importer
from ..nodes import Node, Refused, handles
from .window import Window, window_of

_KERNEL_MAX = 255  # positions along an axis, of the engine's windows
Kind = Literal["max", "average"]


@handles("AveragePool", "MaxPool")
def pool(importer: Importer, node: Node) -> None:
    """1-D and 2-D with any kernel, strides, dilations, padding, ceil_mode, count_include_pad; no indices."""
    if importer.is_used(node, 1):
        raise Refused("its Indices output is used; only the pooled values are computed")
    x = importer.value(node)
    window = window_of(node, importer.shape(x), node.integers("kernel_shape") or ())
    if _empty(window, (1, *importer.shape(x)[2:])[-2:], (1, *importer.shape(node.output)[2:])[-2:]):
        raise Refused("some of its windows hold nothing but padding; pad less")
    importer.add(Pool(
        **importer.named(node, x), kind="max" if node.op == "MaxPool" else "average",
        kernel=window.kernel, strides=window.strides, dilations=window.dilations, pads=window.pads,
        count_include_pad=bool(node.integer("count_include_pad", 0))))


def _empty(window: Window, size: tuple[int, ...], out: tuple[int, ...]) -> bool:
    """Whether some output position sees no element of the input."""
    return any(
        not any(0 <= o * window.strides[axis] - window.pads[axis] + k * window.dilations[axis] < size[axis]
                for k in range(window.kernel[axis]))
        for axis in range(2) for o in range(out[axis]))


@handles("GlobalAveragePool", "GlobalMaxPool")
def global_pool(importer: Importer, node: Node) -> None:
    """Of any number of spatial axes."""
    x = importer.value(node)
    rank = len(importer.shape(x))
    _reduce(importer, node, x, range(2, rank), "max" if node.op == "GlobalMaxPool" else "average")


def _kernel(spatial: tuple[int, ...]) -> tuple[int, int]:
    return (1, spatial[0]) if len(spatial) == 1 else (spatial[0], spatial[1])


@handles("ReduceMax", "ReduceMean", "ReduceSum")
def reduce(importer: Importer, node: Node) -> None:
    """Over any axes."""
    x = importer.value(node)
    rank = len(importer.shape(x))
    axes = node.integers("axes") or importer.integers(node, 1, "axes") or ()
    if not axes and node.integer("noop_with_empty_axes", 0):
        importer.alias(node, x)
        return
    reduced = sorted({axis % rank for axis in axes} if axes else range(rank))
    if 0 in reduced:
        importer.mixes_batch = True
    kind: Kind = "max" if node.op == "ReduceMax" else "average"
    _reduce(importer, node, x, reduced, kind, 1 if node.op == "ReduceSum" else None)


def _reduce(importer: Importer, node: Node, x: str, axes: Iterable[int], kind: Kind,
            divisor: int | None = None) -> None:
    shape = importer.shape(x)
    rank = len(shape)
    reduced = [axis for axis in axes if shape[axis] > 1]
    if not reduced:
        importer.reshape(node, x)
        return
    spatial = list(range(2, rank))
    if rank in (3, 4) and set(reduced) <= set(spatial) and max(shape[a] for a in reduced) <= _KERNEL_MAX:
        kernel = _kernel(tuple(shape[a] if a in reduced else 1 for a in spatial))
        pooled = (*shape[:2], *(1 if a in reduced else shape[a] for a in spatial))
    else:
        x = _gathered(importer, node, x, [axis for axis in range(rank) if axis not in reduced], reduced)
        kernel = importer.shape(x)[2], importer.shape(x)[3]
        pooled = (*importer.shape(x)[:2], 1, 1)
    same = pooled == importer.shape(node.output)
    inner = None if same else importer.reshaped(node.output, pooled, f"{node.output}#pooled")
    importer.add(Pool(**importer.named(node, x, output=inner), kernel=kernel, kind=kind, divisor=divisor))
    if inner:
        importer.add(Reshape(**importer.named(node, inner)))


def _gathered(importer: Importer, node: Node, x: str, kept: list[int], reduced: list[int]) -> str:
    """Return x as [N, product of kept, rows, columns], rows and columns holding the reduced axes."""
    shape = importer.shape(x)
    perm = (*kept, *reduced)
    if perm != tuple(range(len(shape))):
        moved = importer.transposed(x, perm, f"{node.output}#moved")
        importer.add(Transpose(**importer.named(node, x, output=moved), perm=perm))
        x = moved
    batch = shape[0] if kept[:1] == [0] else 1
    size = math.prod(shape[a] for a in reduced)
    rows = max(d for d in range(1, math.isqrt(size) + 1) if size % d == 0)
    target = (batch, math.prod(shape[a] for a in kept) // batch, rows, size // rows)
    if target == importer.shape(x):
        return x
    image = importer.reshaped(x, target, f"{node.output}#image")
    importer.add(Reshape(**importer.named(node, x, output=image)))
    return image
