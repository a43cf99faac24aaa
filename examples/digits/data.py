"""Handwritten digits (UCI, 8x8 pixels) as they come with scikit-learn, in a fixed split."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

SEED = 8
HELD_OUT = 450  # of 1797


class Digits(NamedTuple):
    """Images, float32 [N, 1, 8, 8] in 0..1, and their labels, int64 [N]."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]


def load() -> tuple[Digits, Digits]:
    """Return the training digits and the held-out ones; every call gives the same split."""
    bunch = load_digits()
    images = (bunch.images[:, None] / 16).astype(np.float32)
    labels = bunch.target.astype(np.int64)
    order = np.random.default_rng(SEED).permutation(len(images))
    held_out, train = order[:HELD_OUT], order[HELD_OUT:]
    return Digits(images[train], labels[train]), Digits(images[held_out], labels[held_out])
