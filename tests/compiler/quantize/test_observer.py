"""The histogram suggests the bias of least squared error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from pal_edge.compiler.quantize.metrics import sqnr_db
from pal_edge.compiler.quantize.observer import ZERO_BIAS, LogHistogram, RangeLoss
from pal_edge.errors import CalibrationError
from pal_edge.numeric import decode, encode

Floats = NDArray[np.float32]
FINITE = arrays.arrays(np.float32, st.integers(1, 60), elements=st.floats(-(2.0**60), 2.0**60, width=32))


BIN_WIDTH = 2.0**-8


def histogram(*parts: Floats) -> LogHistogram:
    result = LogHistogram()
    for part in parts:
        result.add(part)
    return result


def squared_error(x: Floats, bias: int) -> float:
    wide = x.astype(np.float64)
    return float(np.square(decode(encode(x, bias), bias) - wide).sum())


def normal(seed: int = 0, size: int = 20000) -> Floats:
    return np.random.default_rng(seed).standard_normal(size).astype(np.float32)


SHAPES = {
    "normal": normal(), "relu": np.maximum(normal(), 0), "tiny": normal() * np.float32(1e-30),
    "heavy tail": normal() ** 5, "outlier": np.append(normal(size=100000), np.float32(3000)),
    "log-normal": np.exp(3 * normal()), "constant": np.full(100, 0.3, np.float32),
    "huge": normal() * np.float32(1e37),
}


@pytest.mark.parametrize("name", SHAPES)
def test_no_other_bias_has_less_squared_error(name: str) -> None:
    x = SHAPES[name]
    best = histogram(x).best_bias()
    # Bins are 0.4 % wide, so two nearly equal biases may be confused.
    others = [squared_error(x, bias) for bias in range(best - 150, best + 151)]
    assert squared_error(x, best) <= 1.005 * min(others)


@given(FINITE)
def test_no_other_bias_is_much_better_for_any_values(x: Floats) -> None:
    best = histogram(x).best_bias()
    least = min(squared_error(x, bias) for bias in range(best - 200, best + 201, 5))
    moved = 2 * BIN_WIDTH * np.linalg.norm(x.astype(np.float64))  # a value is taken for its bin's centre
    assert np.sqrt(squared_error(x, best)) <= np.sqrt(least) + moved


def test_a_normal_distribution_keeps_38_db() -> None:
    x = SHAPES["normal"]
    bias = histogram(x).best_bias()
    assert sqnr_db(x, decode(encode(x, bias), bias)) > 38


def test_the_outlier_is_sacrificed_for_the_many() -> None:
    x = np.append(np.tile(normal(), 100), np.float32(500))
    found = histogram(x)
    assert found.loss(found.best_bias()).saturated == 1


def test_values_that_all_fit_do_not_saturate_and_use_the_largest_code() -> None:
    x = np.float32([1, 2, 4])
    assert encode(x, histogram(x).best_bias()).tolist() == [95, 111, 127]


def test_all_zero_and_empty() -> None:
    for found in (histogram(), histogram(np.zeros(5, np.float32)), histogram(np.zeros((0, 3), np.float32))):
        assert found.best_bias() == ZERO_BIAS
        assert not (found.max or found.has_negative or found.has_positive)
        assert found.loss(0) == RangeLoss(0, 0)


def test_what_it_keeps_of_the_values() -> None:
    found = histogram(np.float32([[0.5, -3], [0, -0.0]]), np.float32([1]))
    assert (found.count, found.zeros, found.max) == (5, 2, 3)
    assert found.has_negative and found.has_positive
    assert not histogram(np.float32([0, 2])).has_negative
    assert not histogram(np.float32([0, -2])).has_positive


def test_merging_is_the_same_as_adding() -> None:
    parts = [normal(seed) * np.float32(10.0**seed) for seed in range(3)]
    together, merged = histogram(*parts), LogHistogram()
    for part in parts:
        merged.merge(histogram(part))
    for name, value in vars(together).items():
        assert np.array_equal(vars(merged)[name], value), name


def test_loss_counts_what_a_bias_does_not_reach() -> None:
    """Centred on code m: saturates above 127.5, becomes zero below -15.5."""
    logs = np.array([-40, -16, -15, 0, 1, 127, 128, 200, 200])
    x = np.float32(2.0 ** (logs / 16))
    assert histogram(x, -x).loss(0) == RangeLoss(saturated=6, underflowed=4)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_refused_and_changes_nothing(value: float) -> None:
    found = LogHistogram("value 'conv1'")
    with pytest.raises(CalibrationError, match="value 'conv1' has NaN or infinity"):
        found.add(np.float32([1, value]))
    assert found.count == 0
    assert found.best_bias() == ZERO_BIAS
