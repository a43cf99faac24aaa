"""Weighted layers as matrices: out[g, o] = sum over k of weight[g, o, k] * column[g, k] + bias."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..graph import Conv, ConvTranspose, Dense, FloatArray

Weighted = Conv | Dense | ConvTranspose


def weight_matrix(layer: Weighted) -> FloatArray:
    """Return the weights [G, O, K]: G groups of O outputs, each with its own K inputs."""
    if isinstance(layer, Dense):
        return layer.weight.T[None]
    if isinstance(layer, ConvTranspose):  # [C, O/G, kh, kw]
        inputs, outputs = layer.weight.shape[:2]
        split = layer.weight.reshape(layer.groups, inputs // layer.groups, outputs, -1)
        return split.transpose(0, 2, 1, 3).reshape(layer.groups, outputs, -1)
    return layer.weight.reshape(layer.groups, len(layer.weight) // layer.groups, -1)


def with_weights(layer: Weighted, matrix: NDArray[np.floating], bias: NDArray[np.floating]) -> Weighted:
    """Return the layer with other weights [G, O, K] and biases [G * O]; the inverse of `weight_matrix`."""
    if isinstance(layer, Dense):
        weight = np.ascontiguousarray(matrix[0].T)
    elif isinstance(layer, ConvTranspose):
        inputs, outputs = layer.weight.shape[:2]
        split = matrix.reshape(layer.groups, outputs, inputs // layer.groups, -1)
        weight = split.transpose(0, 2, 1, 3).reshape(layer.weight.shape)
    else:
        weight = matrix.reshape(layer.weight.shape)
    return replace(layer, weight=weight.astype(np.float32), bias=bias.astype(np.float32))


def input_columns(layer: Weighted, x: FloatArray, shape: tuple[int, ...], limit: int) -> FloatArray:
    """Return input columns [G, n, K] of at most `limit` output positions, spread evenly but not regularly.

    Args:
        layer: Conv, Dense or ConvTranspose.
        x: its input.
        shape: of its output.
        limit: columns wanted.
    """
    if isinstance(layer, Dense):
        rows = x.reshape(-1, x.shape[-1])
        return rows[_chosen(len(rows), limit)][None]
    image = x if x.ndim == 4 else x[:, :, None]
    out = (1, *shape[2:])[-2:]
    kernel = layer.weight.shape[2:]
    if isinstance(layer, ConvTranspose):
        return _transposed_columns(layer, image, out, limit)
    return _gather(image, kernel, layer.strides, layer.dilations, layer.pads[:2], out, layer.groups, limit)


def _gather(image: FloatArray, kernel: tuple[int, ...], strides: tuple[int, int], dilations: tuple[int, int],
            pads: tuple[int, ...], out: tuple[int, ...], groups: int, limit: int) -> FloatArray:
    """Return [G, n, K] windows of [N, C, H, W]; positions outside are zero."""
    n, channels = image.shape[:2]
    picked = _chosen(n * out[0] * out[1], limit)
    sample, position = np.divmod(picked, out[0] * out[1])
    y, x = np.divmod(position, out[1])
    rows = y[:, None] * strides[0] + np.arange(kernel[0]) * dilations[0]
    columns = x[:, None] * strides[1] + np.arange(kernel[1]) * dilations[1]
    below = max(0, int(rows.max()) + 1 - pads[0] - image.shape[2])
    right = max(0, int(columns.max()) + 1 - pads[1] - image.shape[3])
    last = np.pad(image.transpose(0, 2, 3, 1), ((0, 0), (pads[0], below), (pads[1], right), (0, 0)))
    found = last[sample[:, None, None], rows[:, :, None], columns[:, None, :]]  # [n, kh, kw, C]
    split = found.reshape(len(picked), -1, groups, channels // groups)
    return np.ascontiguousarray(split.transpose(2, 0, 3, 1)).reshape(groups, len(picked), -1)


def _transposed_columns(layer: ConvTranspose, image: FloatArray, out: tuple[int, ...],
                        limit: int) -> FloatArray:
    """A transposed convolution is one over the input with zeros between, its kernel reversed."""
    n, channels, h, w = image.shape
    (kh, kw), (sy, sx), (dy, dx) = layer.weight.shape[2:], layer.strides, layer.dilations
    top, left = (kh - 1) * dy, (kw - 1) * dx
    spread = np.zeros((n, channels, top + max((h - 1) * sy + 1, layer.pads[0] + out[0]),
                       left + max((w - 1) * sx + 1, layer.pads[1] + out[1])), image.dtype)
    spread[:, :, top : top + (h - 1) * sy + 1 : sy, left : left + (w - 1) * sx + 1 : sx] = image
    shifted = spread[:, :, layer.pads[0] :, layer.pads[1] :]
    columns = _gather(shifted, (kh, kw), (1, 1), (dy, dx), (0, 0), out, layer.groups, limit)
    reversed_taps = columns.reshape(*columns.shape[:2], -1, kh * kw)[..., ::-1]
    return np.ascontiguousarray(reversed_taps).reshape(columns.shape)


def _chosen(count: int, limit: int) -> NDArray[np.int64]:
    if count <= limit:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, limit, replace=False))
