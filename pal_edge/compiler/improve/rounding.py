"""One layer's weights on the PAL grid, with the least output error found, and its bias corrected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...spec.arithmetic import MAGNITUDE_MAX
from ..quantize.least_error import value_of
from ..quantize.weights import least_error_bias
from .columns import Weighted, weight_matrix, with_weights
from .feedback import damped, feedback, nearest, output_error
from .statistics import Statistics

Floats = NDArray[np.float64]


def improved(layer: Weighted, statistics: Statistics) -> Weighted:
    """Return the layer with weights on the grid and a corrected bias."""
    weight = weight_matrix(layer).astype(np.float64)
    rounded = round_weights(weight, statistics.moments)
    bias = layer.bias + correction(weight, rounded, statistics).reshape(-1)
    return with_weights(layer, rounded, bias)


def correction(weight: Floats, rounded: Floats, statistics: Statistics) -> Floats:
    """Return what the bias [G, O] lacks: the mean of w x - w_q x_q."""
    missing: Floats = (np.einsum("gok,gk->go", weight, statistics.exact_mean)
                       - np.einsum("gok,gk->go", rounded, statistics.mean))
    return missing


def round_weights(weight: Floats, moments: Floats) -> Floats:
    """Return grid values of the weights [G, O, K]; no channel's error e^T H e is above round-to-nearest's."""
    groups, outputs, inputs = weight.shape
    bias = least_error_bias(weight.reshape(-1, inputs).astype(np.float32)).reshape(groups, outputs, 1)
    unit = value_of(bias + MAGNITUDE_MAX)
    alive = weight.any(axis=2, keepdims=True)
    scaled = np.where(alive, weight / unit, 0.0)
    plain = nearest(scaled)
    better = feedback(scaled, damped(moments))
    gained = output_error(scaled - better, moments) < output_error(scaled - plain, moments)
    return np.where(gained[..., None], better, plain) * np.where(alive, unit, 1.0)
