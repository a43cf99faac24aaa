"""Error-feedback rounding: on the grid, never worse than round-to-nearest, deterministic."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pal_edge.compiler.improve.feedback import damped, descend, nearest, output_error
from pal_edge.compiler.improve.rounding import round_weights
from pal_edge.compiler.quantize.weights import quantize_channels
from pal_edge.numeric import decode, encode

SHAPES = [(1, 16, 27), (1, 5, 130), (24, 1, 9), (4, 6, 18), (1, 1, 1), (1, 8, 64)]


def correlated(shape: tuple[int, int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return weights [G, O, K] and moments [G, K, K] of correlated columns, fewer than K in the last case."""
    generator = np.random.default_rng(seed)
    groups, _, inputs = shape
    mixing = generator.standard_normal((groups, inputs, inputs)) / np.sqrt(inputs) + 0.5
    columns = generator.standard_normal((groups, max(inputs // 2, 40), inputs)) @ mixing
    moments = columns.transpose(0, 2, 1) @ columns / columns.shape[1]
    return generator.standard_normal(shape).astype(np.float32).astype(np.float64), moments


def plain(weight: np.ndarray) -> np.ndarray:
    flat = weight.reshape(-1, weight.shape[2]).astype(np.float32)
    found = quantize_channels(flat, np.zeros(len(flat)), 0)
    return decode(found.codes, found.weight_bias[:, None]).astype(np.float64).reshape(weight.shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_channel_is_worse_than_rounded_to_nearest(shape):
    weight, moments = correlated(shape)
    better = output_error(weight - round_weights(weight, moments), moments)
    nearest_codes = output_error(weight - plain(weight), moments)
    assert (better <= nearest_codes * (1 + 1e-3)).all()  # value-nearest and log-nearest differ by a hair
    if shape[2] > 1:
        assert better.sum() < 0.5 * nearest_codes.sum()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_compiler_finds_the_same_codes_again(shape):
    weight, moments = correlated(shape)
    weight[0, 0, : shape[2] // 2] = 0
    rounded = round_weights(weight, moments)
    assert np.array_equal(plain(rounded).astype(np.float32), rounded.astype(np.float32))


def test_channels_without_weights_or_inputs_stay_as_they_are():
    weight, moments = correlated((2, 3, 8))
    weight[0, 1] = 0
    moments[1] = 0
    rounded = round_weights(weight, moments)
    assert not rounded[0, 1].any()
    assert np.allclose(rounded[1], weight[1], rtol=0.03)


def test_nearest_is_nearest_in_value():
    values = np.random.default_rng(1).uniform(-1.2, 1.2, 2000) ** 3
    grid = decode(np.arange(256, dtype=np.uint8), -127).astype(np.float64)
    best = np.abs(values[:, None] - grid).min(axis=1)
    assert np.allclose(np.abs(nearest(values) - values), best, atol=1e-7)


def test_descent_never_raises_the_error():
    weight, moments = correlated((3, 4, 20))
    moments = damped(moments)
    columns = (weight / 4).transpose(0, 2, 1)
    rounded = nearest(columns)
    errors = [output_error((columns - descend(rounded, columns, moments, sweeps)).transpose(0, 2, 1), moments)
              for sweeps in range(4)]
    for before, after in pairwise(errors):
        assert (after <= before + 1e-12).all()
    assert errors[-1].sum() < errors[0].sum()


def test_two_runs_agree_bit_for_bit():
    weight, moments = correlated((1, 12, 200))
    assert np.array_equal(round_weights(weight, moments), round_weights(weight, moments))


def test_rounded_weights_are_a_fixed_point_of_the_codec():
    weight, moments = correlated((1, 7, 40))
    rounded = round_weights(weight, moments)[0].astype(np.float32)
    found = quantize_channels(rounded, np.zeros(7), 0)
    codes = encode(rounded, found.weight_bias[:, None])
    assert np.array_equal(decode(codes, found.weight_bias[:, None]), rounded)
