"""Resize and Upsample: nearest as index lists, bilinear as a transposed convolution."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ...graph import ConvTranspose, Select
from ..importer import Importer
from ..nodes import Node, Refused, handles
from .movement import select

# Where output position y lies in the input: (y, scale, size in, size out) -> position.
_COORDINATES: dict[str, Callable[[float, float, int, int], float]] = {
    "half_pixel": lambda y, scale, n_in, n_out: (y + 0.5) / scale - 0.5,
    "half_pixel_symmetric": lambda y, scale, n_in, n_out: (
        n_in / 2 * (1 - n_out / (scale * n_in)) + (y + 0.5) / scale - 0.5),
    "pytorch_half_pixel": lambda y, scale, n_in, n_out: (y + 0.5) / scale - 0.5 if n_out > 1 else 0.0,
    "align_corners": lambda y, scale, n_in, n_out: y * (n_in - 1) / (n_out - 1) if n_out > 1 else 0.0,
    "asymmetric": lambda y, scale, n_in, n_out: y / scale,
}
_ROUNDINGS: dict[str, Callable[[float], int]] = {
    "round_prefer_floor": lambda x: math.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: math.floor(x + 0.5),
    "floor": math.floor,
    "ceil": math.ceil,
}


@handles("Resize", "Upsample")
def resize(importer: Importer, node: Node) -> None:
    """Nearest by any constant factors; linear by integer factors of the spatial axes of [N, C, H, W]."""
    x = importer.value(node)
    shape, target = importer.shape(x), importer.shape(node.output)
    mode = node.text("mode", "nearest")
    coordinates = node.text("coordinate_transformation_mode",
                            "half_pixel" if node.op == "Resize" else "asymmetric")
    if coordinates not in _COORDINATES:
        raise Refused(f"coordinate_transformation_mode {coordinates!r} is not supported; use half_pixel")
    scales = _scales(importer, node, shape, target)
    if mode == "nearest":
        rounding = _ROUNDINGS[node.text("nearest_mode", "round_prefer_floor" if node.op == "Resize" else "floor")]
        index = []
        for n_in, n_out, scale in zip(shape, target, scales, strict=True):
            where = [_COORDINATES[coordinates](y, scale, n_in, n_out) for y in range(n_out)]
            # A float32 scale such as 0.6 leaves positions a hair beside the integer that is meant.
            index.append([min(max(rounding(round(p, 6)), 0), n_in - 1) for p in where])
        select(importer, node, x, index)
    elif mode == "linear":
        _linear(importer, node, x, coordinates)
    else:
        raise Refused(f"mode {mode!r} is not supported; use nearest or linear")


def _scales(importer: Importer, node: Node, shape: tuple[int, ...], target: tuple[int, ...]) -> list[float]:
    """Return the factor of every axis: as given, or from the sizes."""
    exact = [o / i for i, o in zip(shape, target, strict=True)]
    position = 1 if node.op == "Upsample" or importer.opset < 11 else 2
    given = importer.raw(node, position)
    if given is None or not given.size:
        return exact
    axes = node.integers("axes") or tuple(range(len(shape)))
    for axis, scale in zip(axes, given.reshape(-1), strict=True):
        exact[axis % len(shape)] = float(scale)
    return exact


def _linear(importer: Importer, node: Node, x: str, coordinates: str) -> None:
    """Weight of input i for output y is 1 - |distance|: a fixed kernel for integer factors.

    The edge is repeated once on each side first, as interpolation clamps there.
    """
    shape, target = importer.shape(x), importer.shape(node.output)
    factors = [o // i for i, o in zip(shape, target, strict=True)]
    if len(shape) not in (3, 4) or factors[:2] != [1, 1] or any(
            i * f != o for i, f, o in zip(shape, factors, target, strict=True)):
        raise Refused(f"linear resize from {list(shape)} to {list(target)} is not by integer factors of the "
                      "spatial axes; resize by an integer factor, or use nearest")
    if coordinates in ("align_corners", "half_pixel_symmetric"):
        raise Refused(f"linear resize with {coordinates} is not supported; export with half_pixel or asymmetric")
    spatial = shape[2:]
    around = (*shape[:2], *(n + 2 for n in spatial))
    padded = importer.edge_padded(x, around, f"{node.output}#edge")
    index = [range(shape[0]), range(shape[1]), *([0, *range(n), n - 1] for n in spatial)]
    importer.add(Select(**importer.named(node, x, output=padded), index=tuple(tuple(i) for i in index)))
    lines = [_kernel(f, 0.5 if "half" in coordinates else 0.0) for f in factors[2:]]
    if len(lines) == 1:
        lines.insert(0, (np.ones(1), 0))
        factors.insert(2, 1)
    (rows, top), (columns, left) = lines
    kernel = np.broadcast_to(np.outer(rows, columns), (shape[1], 1, len(rows), len(columns)))
    importer.add(ConvTranspose(
        **importer.named(node, padded), weight=kernel.astype(np.float32),
        bias=np.zeros(shape[1], np.float32), strides=(factors[2], factors[3]), pads=(top, left, 0, 0),
        groups=shape[1]))


def _kernel(factor: int, centre: float) -> tuple[np.ndarray, int]:
    """Return the taps of one axis and the padding that crops the repeated edge.

    Output y gets tap k from padded input (y + pad - k) / factor; its distance to the source position
    (y + centre) / factor - centre is then (k - pad + centre) / factor + 1 - centre.
    """
    pad = 2 * factor
    distance = (np.arange(4 * factor) - pad + centre) / factor + 1 - centre
    weight = np.maximum(0, 1 - np.abs(distance))
    used = np.flatnonzero(weight)
    return weight[used[0] : used[-1] + 1], pad - int(used[0])
