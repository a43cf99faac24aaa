"""How far quantized values are from exact ones."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike


def sqnr_db(reference: ArrayLike, actual: ArrayLike) -> float:
    """Return the ratio of signal to error energy in dB; infinite where nothing differs.

    Args:
        reference, actual: floats of one shape.
    """
    exact = np.asarray(reference, np.float64)
    signal = float(np.square(exact).sum())
    noise = float(np.square(exact - np.asarray(actual, np.float64)).sum())
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf
