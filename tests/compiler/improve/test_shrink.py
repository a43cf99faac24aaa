"""Shrunk weights lie on the grid, take fewer bits, and cost less output error than coarse rounding would."""

from __future__ import annotations

import numpy as np
import pytest

from pal_edge.compiler.improve.feedback import magnitudes, nearest, output_error
from pal_edge.compiler.improve.rounding import cheap_weights, round_weights

SHAPE = (1, 24, 60)


def layer() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    columns = random.standard_normal((400, SHAPE[2])) @ random.standard_normal((SHAPE[2], SHAPE[2]))
    return random.standard_normal(SHAPE), (columns.T @ columns / len(columns))[None]


def entropy(rounded: np.ndarray) -> float:
    """Bits a weight, signs included."""
    unit = np.abs(rounded).max(axis=2, keepdims=True)
    counts = np.bincount(magnitudes(rounded / unit).reshape(-1))
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum() + 1 - counts[0] / counts.sum())


@pytest.mark.parametrize("strength", [1e-4, 1e-3, 1e-2])
def test_bits_are_bought_with_less_than_their_worth_of_error(strength: float) -> None:
    weight, moments = layer()
    exact, cheap = round_weights(weight, moments), cheap_weights(weight, moments, strength)
    saved = entropy(exact) - entropy(cheap)
    assert saved > 0.1
    power = output_error(weight, moments).sum()
    lost = (output_error(weight - cheap, moments) - output_error(weight - exact, moments)).sum() / power
    assert lost < 10 * strength * saved  # the moments that it minimises are spread, so not exactly its worth


def test_strength_orders_size_and_error() -> None:
    weight, moments = layer()
    found = [cheap_weights(weight, moments, strength) for strength in (1e-4, 1e-3, 1e-2)]
    bits = [entropy(each) for each in found]
    errors = [float(output_error(weight - each, moments).sum()) for each in found]
    assert bits == sorted(bits, reverse=True) and errors == sorted(errors)


def test_shrunk_weights_lie_on_the_grid() -> None:
    weight, moments = layer()
    cheap = cheap_weights(weight, moments, 1e-3)
    log = 16 * np.log2(np.abs(cheap[cheap != 0]))
    assert np.allclose(log, np.rint(log), atol=1e-9)
    assert not nearest(np.zeros(3)).any()


def test_a_dead_layer_stays_dead() -> None:
    assert not cheap_weights(np.zeros(SHAPE), np.eye(SHAPE[2])[None], 1e-3).any()
