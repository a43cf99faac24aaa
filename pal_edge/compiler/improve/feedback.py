"""Error-feedback rounding on the PAL grid: each weight's rounding error is made good by those after it.

The error of a channel is e^T H e with e = w - w_q and H the second moments of its input columns: the mean
square error of its output. GPTQ rounds column by column and moves the rest of the row to where it
compensates best; coordinate descent then moves single weights as long as that lowers the error. The grid
is logarithmic: small weights have fine steps, so the columns that matter most are rounded first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...spec.arithmetic import MAGNITUDE_MAX
from ..quantize.least_error import value_of

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

DAMPING = 0.01  # of the mean diagonal, added to the diagonal of H
SWEEPS = 2  # of coordinate descent
_BLOCK = 64  # columns whose feedback to later ones is applied at once
_LEVELS = np.concatenate([[0.0], value_of(np.arange(1, MAGNITUDE_MAX + 1) - MAGNITUDE_MAX)])
_BETWEEN = (_LEVELS[1:] + _LEVELS[:-1]) / 2


def nearest(values: Floats) -> Floats:
    """Return the nearest grid value, where the grid's largest is 1."""
    return np.copysign(_LEVELS[np.searchsorted(_BETWEEN, np.abs(values))], values)


def damped(moments: Floats) -> Floats:
    """Return H [G, K, K] with its diagonal raised, so that it can be inverted."""
    size = moments.shape[-1]
    mean = np.trace(moments, axis1=1, axis2=2) / size
    return moments + np.where(mean > 0, DAMPING * mean, 1.0)[:, None, None] * np.eye(size)


def output_error(error: Floats, moments: Floats) -> Floats:
    """Return e^T H e [G, O] of errors [G, O, K]."""
    return np.einsum("gok,gok->go", error @ moments, error)


def feedback(weight: Floats, moments: Floats) -> Floats:
    """Return grid values near weights [G, O, K] in units of each channel's largest grid value.

    Args:
        weight: |w| <= 1 mostly; what is larger saturates.
        moments: H [G, K, K], damped: positive definite.
    """
    energy = np.einsum("gkk,gok->gk", moments, weight**2)
    order = np.argsort(-energy, axis=1, kind="stable")
    groups = np.arange(len(weight))[:, None]
    sorted_moments = moments[groups[:, :, None], order[:, :, None], order[:, None, :]]
    rounded = np.empty_like(weight)
    found = descend(_gptq(weight.transpose(0, 2, 1)[groups, order], sorted_moments),
                    weight.transpose(0, 2, 1)[groups, order], sorted_moments)
    rounded.transpose(0, 2, 1)[groups, order] = found
    return rounded


def _gptq(weight: Floats, moments: Floats) -> Floats:
    """Columns first: weights [G, K, O]."""
    size = weight.shape[1]
    upper = np.linalg.cholesky(np.linalg.inv(moments)).transpose(0, 2, 1)
    diagonal = np.einsum("gkk->gk", upper)
    rest = weight.copy()
    rounded = np.empty_like(weight)
    for start in range(0, size, _BLOCK):
        stop = min(start + _BLOCK, size)
        errors = np.empty((len(weight), stop - start, weight.shape[2]))
        for k in range(start, stop):
            rounded[:, k] = nearest(rest[:, k])
            error = (rest[:, k] - rounded[:, k]) / diagonal[:, k, None]
            rest[:, k + 1 : stop] -= upper[:, k, k + 1 : stop, None] * error[:, None]
            errors[:, k - start] = error
        rest[:, stop:] -= upper[:, start:stop, stop:].transpose(0, 2, 1) @ errors
    return rounded


def descend(rounded: Floats, weight: Floats, moments: Floats, sweeps: int = SWEEPS) -> Floats:
    """Return grid values of no larger error: each weight in turn takes the value that is best for it.

    Args:
        rounded: grid values [G, K, O].
        weight: wanted values [G, K, O].
        moments: H [G, K, K].
    """
    found = rounded.copy()
    diagonal = np.einsum("gkk->gk", moments)
    error = weight - found
    gradient = moments @ error  # H e
    for _ in range(sweeps):
        moved = False
        for k in range(weight.shape[1]):
            better = nearest(found[:, k] + gradient[:, k] / diagonal[:, k, None])
            step = better - found[:, k]
            if step.any():
                moved = True
                found[:, k] = better
                gradient -= moments[:, :, k, None] * step[:, None]
        if not moved:
            break
    return found
