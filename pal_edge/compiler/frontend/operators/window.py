"""The window of a convolution or pool: kernel, strides, dilations and padding in two dimensions."""

from __future__ import annotations

from dataclasses import dataclass

from ..nodes import Node, Refused

FOLD = "write it in 2-D over slices of the third axis, and join or add them"


@dataclass(frozen=True)
class Window:
    """(rows, columns); a 1-D window has one row. pads = (top, left, bottom, right)."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: tuple[int, int, int, int]


def window_of(node: Node, shape: tuple[int, ...], kernel: tuple[int, ...]) -> Window:
    """Return the window of a node over x of `shape` [N, C, (H,) W]. Raises Refused."""
    spatial = shape[2:]
    rank = len(spatial)
    if rank not in (1, 2):
        raise Refused(f"its input has {rank} spatial axes; only 1-D and 2-D are supported: {FOLD}")
    strides = node.integers("strides") or (1,) * rank
    dilations = node.integers("dilations") or (1,) * rank
    pads = _pads(node, spatial, kernel, strides, dilations)
    missing = (1,) if rank == 1 else ()
    begin, end = (0,) * len(missing) + pads[:rank], (0,) * len(missing) + pads[rank:]
    return Window(pair(missing + kernel), pair(missing + strides), pair(missing + dilations),
                  (*pair(begin), *pair(end)))


def pair(values: tuple[int, ...]) -> tuple[int, int]:
    return values[0], values[1]


def _pads(node: Node, spatial: tuple[int, ...], kernel: tuple[int, ...], strides: tuple[int, ...],
          dilations: tuple[int, ...]) -> tuple[int, ...]:
    """Return the begin of every axis, then the end of every axis."""
    mode = node.text("auto_pad", "NOTSET")
    if mode == "NOTSET":
        return node.integers("pads") or (0,) * (2 * len(spatial))
    if mode == "VALID":
        return (0,) * (2 * len(spatial))
    totals = []
    for size, k, stride, dilation in zip(spatial, kernel, strides, dilations, strict=True):
        out = -(-size // stride)
        totals.append(max(0, (out - 1) * stride + (k - 1) * dilation + 1 - size))
    small, large = tuple(t // 2 for t in totals), tuple(t - t // 2 for t in totals)
    return small + large if mode == "SAME_UPPER" else large + small
