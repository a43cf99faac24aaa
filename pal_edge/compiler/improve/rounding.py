"""One layer's weights on the PAL grid, with the least output error found, and its bias corrected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...spec.arithmetic import MAGNITUDE_MAX
from ..quantize.least_error import value_of
from ..quantize.weights import least_error_bias
from .columns import Weighted, weight_matrix, with_weights
from .feedback import Rate, damped, feedback, magnitudes, nearest, output_error
from .statistics import Statistics

Floats = NDArray[np.float64]

_PASSES = 3  # of choosing codes by the bits that the choice before it gave them
_SPREAD = 4.0  # damping where bits count: what the samples never excite must not be rounded away
_PRIOR = 0.1  # count of a code that is not used


def improved(layer: Weighted, statistics: Statistics, shrink: float = 0.0) -> Weighted:
    """Return the layer with weights on the grid and a corrected bias; for `shrink` see `cheap_weights`."""
    weight = weight_matrix(layer).astype(np.float64)
    if shrink:
        rounded = cheap_weights(weight, statistics.moments, shrink)
    else:
        rounded = round_weights(weight, statistics.moments)
    bias = layer.bias + correction(weight, rounded, statistics).reshape(-1)
    return with_weights(layer, rounded, bias)


def correction(weight: Floats, rounded: Floats, statistics: Statistics) -> Floats:
    """Return what the bias [G, O] lacks: the mean of w x - w_q x_q."""
    missing: Floats = (np.einsum("gok,gk->go", weight, statistics.exact_mean)
                       - np.einsum("gok,gk->go", rounded, statistics.mean))
    return missing


def cheap_weights(weight: Floats, moments: Floats, shrink: float) -> Floats:
    """Return grid values of the weights [G, O, K] that trade output error for bits of entropy.

    Args:
        weight: of one layer.
        moments: H [G, K, K].
        shrink: how much relative output error (of the layer's output power) one bit a weight is worth.
    """
    scaled, unit = _scaled(weight)
    stable = damped(moments, _SPREAD)
    # In the units of a scaled channel, and for the sum over all weights.
    power = float((output_error(scaled, stable) * unit[..., 0] ** 2).sum())
    worth = shrink * power / weight.size / unit[..., 0] ** 2
    rounded = nearest(scaled)
    for _ in range(_PASSES):
        counts = np.bincount(magnitudes(rounded).reshape(-1), minlength=MAGNITUDE_MAX + 1) + _PRIOR
        bits = -np.log2(counts / counts.sum()) + 1  # and the sign
        bits[0] -= 1
        rounded = feedback(scaled, stable, Rate(bits, worth))
    return rounded * unit


def _scaled(weight: Floats) -> tuple[Floats, Floats]:
    """Return weights [G, O, K] over each channel's largest grid value, and that value [G, O, 1]."""
    groups, outputs, inputs = weight.shape
    bias = least_error_bias(weight.reshape(-1, inputs).astype(np.float32)).reshape(groups, outputs, 1)
    unit = np.where(weight.any(axis=2, keepdims=True), value_of(bias + MAGNITUDE_MAX), 1.0)
    return weight / unit, unit


def round_weights(weight: Floats, moments: Floats) -> Floats:
    """Return grid values of the weights [G, O, K]; no channel's error e^T H e is above round-to-nearest's."""
    scaled, unit = _scaled(weight)
    plain = nearest(scaled)
    better = feedback(scaled, damped(moments))
    gained = output_error(scaled - better, moments) < output_error(scaled - plain, moments)
    return np.where(gained[..., None], better, plain) * unit
