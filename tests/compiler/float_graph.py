"""A slow float executor for compiler graphs: what every layer means, in plain numpy and float64.

The oracle for everything behind the frontend: `run(graph, feeds)` returns every value by name.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pal_edge.compiler.graph import (
    Add,
    ArgMax,
    Concat,
    Conv,
    ConvTranspose,
    Dense,
    Elementwise,
    Graph,
    Layer,
    LayerNorm,
    MatMul,
    Mul,
    Pool,
    Reshape,
    Select,
    Softmax,
    Transpose,
)
from pal_edge.compiler.unary import apply

Array = NDArray[np.float64]


def run(graph: Graph, feeds: Mapping[str, NDArray[np.floating]]) -> dict[str, Array]:
    """Return all values, those before fused tables included; checks every shape on the way."""
    values: dict[str, Array] = {name: np.asarray(feeds[name], np.float64) for name in graph.inputs}
    values |= {name: array.astype(np.float64) for name, array in graph.constants.items()}
    for name, value in values.items():
        assert value.shape == graph.shapes[name], (name, value.shape, graph.shapes[name])
    for layer in graph.layers:
        shape = graph.shapes[layer.output]
        y = compute(layer, [values[name] for name in layer.inputs], shape)
        assert y.shape == shape, (layer.name, y.shape, shape)
        if layer.unary:
            if layer.before_table:
                values[layer.before_table] = y.reshape(graph.shapes[layer.before_table])
            y = apply(layer.unary.name, y, layer.unary.parameters)
        if layer.clip:
            y = np.clip(y, layer.clip.low, layer.clip.high)
        values[layer.output] = y
    return values


def compute(layer: Layer, x: list[Array], shape: tuple[int, ...]) -> Array:
    match layer:
        case Conv():
            return _conv(layer, x[0], shape)
        case Pool():
            return _pool(layer, x[0], shape)
        case Dense():
            return x[0] @ layer.weight.astype(np.float64) + layer.bias
        case Add():
            return layer.signs[0] * x[0] + layer.signs[1] * x[1]
        case Mul():
            return x[0] * x[1]
        case Elementwise():
            return x[0]
        case Reshape():
            return x[0].reshape(shape)
        case Transpose():
            return x[0].transpose(layer.perm)
        case Concat():
            return np.concatenate(x, axis=layer.axis)
        case Select():
            picked = x[0][np.ix_(*(np.maximum(axis, 0) for axis in layer.index))]
            inside = np.zeros(shape, bool)
            inside[np.ix_(*(np.flatnonzero(np.array(axis) != -1) for axis in layer.index))] = True
            return np.where(inside, picked, layer.fill)
        case MatMul():
            return x[0] @ x[1]
        case LayerNorm():
            centred = x[0] - x[0].mean(axis=-1, keepdims=True)
            deviation = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + layer.epsilon)
            return centred / deviation * layer.gain + layer.shift
        case ArgMax():
            size = x[0].shape[layer.axis]
            index = size - 1 - np.flip(x[0], layer.axis).argmax(layer.axis) if layer.last else x[0].argmax(layer.axis)
            return np.asarray(index, np.float64).reshape(shape)
        case ConvTranspose():
            return _conv_transpose(layer, x[0], shape)
        case Softmax():
            e = np.exp(x[0] - x[0].max(axis=layer.axis, keepdims=True))
            return e / e.sum(axis=layer.axis, keepdims=True)
    raise TypeError(f"no meaning for a {layer.op} layer")


def windows(layer: Conv | Pool, kernel: tuple[int, int], x: Array, out: tuple[int, int],
            fill: float) -> Array:
    """[N, C, H, W] -> [N, C, OH, OW, kh, kw]; positions outside x are `fill`."""
    top, left = layer.pads[:2]
    rows, columns = (
        np.arange(o)[:, None] * stride + np.arange(k) * dilation
        for o, stride, k, dilation in zip(out, layer.strides, kernel, layer.dilations, strict=True))
    bottom = max(0, int(rows.max()) + 1 - top - x.shape[2])
    right = max(0, int(columns.max()) + 1 - left - x.shape[3])
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    return padded[:, :, rows[:, None, :, None], columns[None, :, None, :]]


def _image(x: Array) -> Array:
    return x[:, :, None] if x.ndim == 3 else x


def _conv(layer: Conv, x: Array, shape: tuple[int, ...]) -> Array:
    out = (1, *shape[2:])[-2:]
    n, outputs, groups = shape[0], shape[1], layer.groups
    taps = windows(layer, layer.weight.shape[2:], _image(x), out, 0.0)
    taps = taps.reshape(n, groups, -1, *taps.shape[2:])
    weight = layer.weight.astype(np.float64).reshape(groups, outputs // groups, -1, *layer.weight.shape[2:])
    y = np.einsum("ngcyxij,gocij->ngoyx", taps, weight, optimize=True)
    return (y.reshape(n, outputs, *out) + layer.bias[:, None, None]).reshape(shape)


def _pool(layer: Pool, x: Array, shape: tuple[int, ...]) -> Array:
    image, out = _image(x), (1, *shape[2:])[-2:]
    if layer.kind == "max":
        return windows(layer, layer.kernel, image, out, -np.inf).max(axis=(4, 5)).reshape(shape)
    ones = np.ones((1, 1, *image.shape[2:]))
    if layer.count_include_pad:  # declared padding counts, what ceil_mode adds behind it does not
        top, left, bottom, right = layer.pads
        ones = np.pad(ones, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=1.0)
        image = np.pad(image, ((0, 0), (0, 0), (top, bottom), (left, right)))
        layer = Pool(**{**vars(layer), "pads": (0, 0, 0, 0)})
    total = windows(layer, layer.kernel, image, out, 0.0).sum(axis=(4, 5))
    if layer.divisor is not None:
        return (total / layer.divisor).reshape(shape)
    count = windows(layer, layer.kernel, ones, out, 0.0).sum(axis=(4, 5))
    return (total / count).reshape(shape)


def _conv_transpose(layer: ConvTranspose, x: Array, shape: tuple[int, ...]) -> Array:
    """Every input pixel adds its kernel to the output."""
    n, c, h, w = x.shape if x.ndim == 4 else (*x.shape[:2], 1, x.shape[2])
    (kh, kw), (sy, sx), (dy, dx) = layer.weight.shape[2:], layer.strides, layer.dilations
    oh, ow = shape[2:] if len(shape) == 4 else (1, shape[2])
    room = np.zeros((n, shape[1], (h - 1) * sy + (kh - 1) * dy + 1 + oh, (w - 1) * sx + (kw - 1) * dx + 1 + ow))
    per_in, per_out = c // layer.groups, shape[1] // layer.groups
    image = x.reshape(n, c, h, w)
    for g in range(layer.groups):
        part = image[:, g * per_in : (g + 1) * per_in]
        weight = layer.weight[g * per_in : (g + 1) * per_in].astype(np.float64)
        for i in range(kh):
            for j in range(kw):
                add = np.einsum("nchw,co->nohw", part, weight[:, :, i, j])
                room[:, g * per_out : (g + 1) * per_out, i * dy : i * dy + (h - 1) * sy + 1 : sy,
                     j * dx : j * dx + (w - 1) * sx + 1 : sx] += add
    top, left = layer.pads[:2]
    cropped = room[:, :, top : top + oh, left : left + ow]
    return (cropped + layer.bias.reshape(1, -1, 1, 1)).reshape(shape)
