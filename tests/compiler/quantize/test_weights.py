"""Weights get least-error codes, and no accumulator can overflow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pal_edge.compiler.quantize.metrics import sqnr_db
from pal_edge.compiler.quantize.weights import QuantizedWeights, quantize_channels, worst_accumulator
from pal_edge.errors import ModelError
from pal_edge.numeric import decode, encode
from tests.oracle import pal8 as oracle

Floats = NDArray[np.float32]
LIMIT = 2**31


def values(q: QuantizedWeights) -> NDArray[np.float64]:
    return decode(q.codes, q.weight_bias[:, None]).astype(np.float64)


def bias_values(q: QuantizedWeights, input_bias: int) -> NDArray[np.float64]:
    return q.acc_bias * 2.0 ** ((q.weight_bias + input_bias) / 16 - 1)


def normal(rows: int, columns: int) -> Floats:
    return np.random.default_rng(rows).standard_normal((rows, columns)).astype(np.float32)


@pytest.mark.parametrize("columns", [1, 9, 300, 4608])
def test_no_other_bias_of_a_channel_has_less_squared_error(columns: int) -> None:
    weight = normal(8, columns) * np.float32(10.0) ** np.arange(-4, 4, dtype=np.float32)[:, None]
    weight[3] **= 5
    q = quantize_channels(weight, np.zeros(8), -91)

    def error(bias: NDArray[np.int64]) -> NDArray[np.float64]:
        codes = encode(weight, bias[:, None])
        return np.square(decode(codes, bias[:, None]) - weight.astype(np.float64)).sum(axis=1)

    least = np.min([error(q.weight_bias + d) for d in range(-100, 100)], axis=0)
    assert (error(q.weight_bias) <= least * (1 + 1e-9)).all()
    assert ((q.codes & 127).max(axis=1) == 127).all()


def test_weights_keep_38_db_whatever_their_scale() -> None:
    weight = normal(16, 1000) * np.float32(2.0) ** np.arange(-80, 80, 10, dtype=np.float32)[:, None]
    q = quantize_channels(weight, np.zeros(16), -91)
    assert all(sqnr_db(w, v) > 37.5 for w, v in zip(weight, values(q), strict=True))


def test_the_bias_term_is_exact_to_half_a_unit() -> None:
    weight, bias = normal(16, 72), np.linspace(-50, 50, 16)
    q = quantize_channels(weight, bias, -60)
    unit = 2.0 ** ((q.weight_bias - 60) / 16 - 1)
    assert (np.abs(bias_values(q, -60) - bias) <= 0.5 * unit * (1 + 1e-9)).all()
    assert q.acc_bias.dtype == np.int32


def test_dead_channels_carry_their_bias_term_precisely() -> None:
    weight = np.zeros((6, 9), np.float32)
    bias = np.array([0.7, -1e-9, 3e8, 0, 1, 2.0**-140])
    q = quantize_channels(weight, bias, -300)
    assert not q.codes.any()
    np.testing.assert_allclose(bias_values(q, -300), bias, rtol=2.0**-20)
    assert (np.abs(q.acc_bias.astype(np.int64)) < LIMIT // 2).all()


def test_a_huge_bias_term_raises_the_weight_bias_just_enough() -> None:
    weight, bias = normal(3, 50), np.array([1e6, -1e20, 0.1])
    q = quantize_channels(weight, bias, -100)
    free = quantize_channels(weight, np.zeros(3), -100)
    assert (q.weight_bias[:2] > free.weight_bias[:2]).all() and q.weight_bias[2] == free.weight_bias[2]
    np.testing.assert_allclose(bias_values(q, -100)[:2], bias[:2], rtol=1e-8)
    worst = worst_accumulator(q.codes, q.acc_bias)
    assert (worst < LIMIT).all() and (worst[:2] > LIMIT * 0.9).all()


def test_a_sum_too_long_for_the_accumulator_gets_smaller_codes() -> None:
    q = quantize_channels(np.full((1, 40000), 0.5, np.float32), np.zeros(1), 0)
    assert worst_accumulator(q.codes, q.acc_bias)[0] < LIMIT
    assert (decode(q.codes, int(q.weight_bias[0])) == 0.5).all()
    small = quantize_channels(np.full((1, 40000), 0.5, np.float32), np.zeros(1), 0, max_code_in=60)
    assert (small.codes == 127).all()


@given(st.integers(0, 2**32), st.floats(-1e9, 1e9), st.integers(-300, 100))
@settings(max_examples=30)
def test_the_proof_bounds_every_order_of_accumulation(seed: int, bias: float, input_bias: int) -> None:
    rng = np.random.default_rng(seed)
    weight = (rng.standard_normal((4, 30)) * 10.0 ** rng.integers(-8, 8, (4, 1))).astype(np.float32)
    q = quantize_channels(weight, np.full(4, bias), input_bias)
    worst = worst_accumulator(q.codes, q.acc_bias)
    assert (worst < LIMIT).all()
    for o in range(4):
        # The worst input takes code 127 with the sign that adds up.
        total = abs(int(q.acc_bias[o])) + sum(abs(oracle.product(127, int(code))) for code in q.codes[o])
        assert total == worst[o]


def test_chunks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    weight, bias = normal(37, 20), np.arange(37.0)
    whole = quantize_channels(weight, bias, -91)
    monkeypatch.setattr("pal_edge.compiler.quantize.weights._CHUNK", 3000)
    parts = quantize_channels(weight, bias, -91)
    for a, b in zip(vars(whole).values(), vars(parts).values(), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_and_biases_must_be_finite(value: float) -> None:
    with pytest.raises(ModelError, match="weights or biases hold NaN or infinity"):
        quantize_channels(np.float32([[1, value]]), np.zeros(1), 0)
    with pytest.raises(ModelError, match="weights or biases hold NaN or infinity"):
        quantize_channels(np.float32([[1, 2]]), np.float64([value]), 0)
