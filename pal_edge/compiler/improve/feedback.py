"""Error-feedback rounding on the PAL grid: each weight's rounding error is made good by those after it.

The error of a channel is e^T H e with e = w - w_q and H the second moments of its input columns: the mean
square error of its output. Columns are rounded one after the other, each to the value that best makes good
the errors before it (GPTQ, in its form as Babai's nearest plane); coordinate descent then moves single
weights as long as that lowers the error. The grid is logarithmic, small weights have fine steps: the columns
that matter most come first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...spec.arithmetic import MAGNITUDE_MAX
from ..quantize.least_error import value_of

Floats = NDArray[np.float64]

DAMPING = 0.01  # of the mean diagonal, added to the diagonal of H
SWEEPS = 1  # of coordinate descent
_STEPS = np.arange(-25, 25)  # codes around the nearest that a rate may choose; the first stands for zero
_BLOCK = 64  # columns that receive the errors of all before them at once
_LEVELS = np.concatenate([[0.0], value_of(np.arange(1, MAGNITUDE_MAX + 1) - MAGNITUDE_MAX)])
_BETWEEN = (_LEVELS[1:] + _LEVELS[:-1]) / 2


@dataclass(frozen=True)
class Rate:
    """Bits of every magnitude, and the error that a bit is worth in each channel."""

    bits: Floats  # [128]
    worth: Floats  # [G, O]

    def cheapest(self, centre: Floats, curvature: Floats) -> Floats:
        """Return the grid values v [G, O] of least curvature * (centre - v)^2 + worth * bits."""
        size = np.abs(centre)
        near = np.searchsorted(_BETWEEN, size) + _STEPS[:, None, None]
        near = np.where(_STEPS[:, None, None] == _STEPS[0], 0, np.clip(near, 0, MAGNITUDE_MAX))
        cost = np.square(size - _LEVELS[near]) * curvature + self.worth * self.bits[near]
        chosen = np.take_along_axis(near, cost.argmin(axis=0)[None], axis=0)[0]
        found: Floats = np.copysign(_LEVELS[chosen], centre)
        return found


def magnitudes(rounded: Floats) -> NDArray[np.intp]:
    """Return the codes' magnitudes of grid values."""
    return np.searchsorted(_BETWEEN, np.abs(rounded))


def nearest(values: Floats) -> Floats:
    """Return the nearest grid value, where the grid's largest is 1."""
    found: Floats = np.copysign(_LEVELS[np.searchsorted(_BETWEEN, np.abs(values))], values)
    return found


def damped(moments: Floats, damping: float = DAMPING) -> Floats:
    """Return H [G, K, K] with its diagonal raised, so that it can be inverted."""
    size = moments.shape[-1]
    mean = np.trace(moments, axis1=1, axis2=2) / size
    return moments + np.where(mean > 0, damping * mean, 1.0)[:, None, None] * np.eye(size)


def output_error(error: Floats, moments: Floats) -> Floats:
    """Return e^T H e [G, O] of errors [G, O, K]."""
    squares: Floats = np.einsum("gok,gok->go", error @ moments, error)
    return squares


def feedback(weight: Floats, moments: Floats, rate: Rate | None = None) -> Floats:
    """Return grid values near weights [G, O, K] in units of each channel's largest grid value.

    Args:
        weight: |w| <= 1 mostly; what is larger saturates.
        moments: H [G, K, K], damped: positive definite.
        rate: what a code's bits are worth, in units of the error e^T H e.
    """
    energy = np.einsum("gkk,gok->gk", moments, weight**2)
    order = np.argsort(energy, axis=1, kind="stable")
    groups = np.arange(len(weight))[:, None]
    wanted = weight.transpose(0, 2, 1)[groups, order]
    sorted_moments = moments[groups[:, :, None], order[:, :, None], order[:, None, :]]
    found = _cascade(wanted, sorted_moments, rate)
    if rate is None:  # single steps would trade bits for error
        found = descend(found, wanted, sorted_moments)
    rounded = np.empty_like(weight)
    rounded.transpose(0, 2, 1)[groups, order] = found
    return rounded


def _cascade(weight: Floats, moments: Floats, rate: Rate | None) -> Floats:
    """Round weights [G, K, O] from the last column to the first.

    With H = R^T R the error is the squared length of R e. Row k of R e depends on e_k and later ones only,
    so the best w_k - e_k given the later ones is the nearest value to w_k + sum of R[k, j] e_j / R[k, k].
    """
    size = weight.shape[1]
    factor = np.linalg.cholesky(moments).transpose(0, 2, 1)
    error = np.zeros_like(weight)
    for start in range((size - 1) // _BLOCK * _BLOCK, -1, -_BLOCK):
        stop = min(start + _BLOCK, size)
        carried = factor[:, start:stop, stop:] @ error[:, stop:]
        for k in range(stop - 1, start - 1, -1):
            centre = weight[:, k] + carried[:, k - start] / factor[:, k, k, None]
            chosen = nearest(centre) if rate is None else rate.cheapest(centre, np.square(factor[:, k, k, None]))
            error[:, k] = weight[:, k] - chosen
            carried[:, : k - start] += factor[:, start:k, k, None] * error[:, k, None]
    return weight - error


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
