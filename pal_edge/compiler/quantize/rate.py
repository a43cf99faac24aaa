"""Fewer bits for weights: codes that the file's coding stores in less, at a stated cost in accuracy.

A Lagrangian choice (entropy-constrained scalar quantization): every weight gets the code of least
squared error + strength * bits, where bits follow from how often the layer uses each magnitude; a few rounds,
since the choice changes the statistics. Common magnitudes become more common, small weights coarser or zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...spec.arithmetic import FRACTION_BITS, MAGNITUDE_MAX, SIGN_MASK

Codes = NDArray[np.uint8]
Floats = NDArray[np.float64]

_ROUNDS = 8
_SETTLED = 1e-3  # of the codes change: no further round
_VALUES = np.exp2(np.arange(MAGNITUDE_MAX + 1) / (1 << FRACTION_BITS))
_VALUES[0] = 0


def shrink(weight: NDArray[np.floating], codes: Codes, weight_bias: NDArray[np.integer],
           strength: float) -> Codes:
    """Return codes that take fewer bits.

    Args:
        weight: [O, K], what the codes stand for.
        codes: [O, K], the codes of least error; their statistics are the start.
        weight_bias: [O], sixteenths of an octave; stays.
        strength: squared error, relative to the layer's mean square, that one bit is worth; 0 changes nothing.
    """
    energy = float(np.square(weight, dtype=np.float64).mean()) if weight.size else 0.0
    if strength <= 0 or energy == 0:
        return codes
    units = np.exp2(-np.asarray(weight_bias, np.float64) / (1 << FRACTION_BITS))[:, None]
    size = np.abs(weight) * units  # in units of each channel: magnitude m is worth 2^(m/16)
    worth = strength * energy * np.square(units[:, 0])  # of a bit, in the same units squared
    negative = np.where(weight < 0, np.uint8(SIGN_MASK), np.uint8(0))
    for _ in range(_ROUNDS):
        before, magnitudes = codes, _choose(size, worth, magnitude_bits(codes))
        codes = np.where(magnitudes, magnitudes | negative, 0)
        if (codes != before).mean() < _SETTLED:
            break
    return codes


def magnitude_bits(codes: Codes) -> Floats:
    """Return what each magnitude costs in this layer, its sign included; one that is not used, a bit more
    than one that is used once."""
    counts = np.bincount((codes & MAGNITUDE_MAX).reshape(-1), minlength=MAGNITUDE_MAX + 1)
    bits: Floats = np.log2(codes.size) - np.log2(np.maximum(counts, 0.5))
    bits[1:] += 1
    return bits


def bits_per_weight(codes: Codes) -> float:
    """Return the entropy of the layer's codes, with a bit for each sign: what coding comes close to."""
    counts = np.bincount((codes & MAGNITUDE_MAX).reshape(-1), minlength=MAGNITUDE_MAX + 1)
    return float((counts * magnitude_bits(codes)).sum() / codes.size)


def _choose(size: Floats, worth: Floats, bits: Floats) -> Codes:
    """Return the magnitude m of least (size - value[m])^2 + worth * bits[m].

    Without its common term this is a line in `size`, steeper for larger m, and the least of all lines is a chain
    in which m grows with `size`. So each channel has a row of thresholds, built like a convex hull.

    Args:
        size: [O, K].
        worth: [O].
    """
    rows = np.arange(len(size))
    chain = np.zeros((len(size), len(_VALUES)), np.uint8)  # magnitudes that are the best somewhere
    enters = np.full(chain.shape, np.inf)  # the size from which on each of them is
    enters[:, 0] = -np.inf
    last = np.zeros(len(size), np.int64)
    for m in range(1, len(_VALUES)):
        crossing, open_rows = np.empty(len(size)), rows
        while len(open_rows):
            other = chain[open_rows, last[open_rows]]
            steps = (bits[m] - bits[other]) / (_VALUES[m] - _VALUES[other])
            crossing[open_rows] = (_VALUES[m] + _VALUES[other] + worth[open_rows] * steps) / 2
            open_rows = open_rows[crossing[open_rows] <= enters[open_rows, last[open_rows]]]
            last[open_rows] -= 1  # it is nowhere the best any more
        last += 1
        chain[rows, last], enters[rows, last] = m, crossing
    return np.stack([codes[np.searchsorted(row[1 : end + 1], sizes, "right")]
                     for codes, row, end, sizes in zip(chain, enters, last.tolist(), size, strict=True)])
