"""Encoding is exact and nearest; decoding inverts it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pal_edge.errors import InputError
from pal_edge.numeric import decode, encode, signed
from pal_edge.numeric.codec import log_sixteenths, to_codes
from tests.oracle import pal8 as oracle
from tests.oracle import vectors

CODES = np.arange(256, dtype=np.uint8)
CANONICAL = np.where(CODES == 0x80, 0, CODES)
BIASES = st.integers(-2000, 1900)
FLOATS = st.floats(width=32, allow_nan=False)
ALL_LOGS = range(-16 * 149, 16 * 128 + 1)  # of a float32
INFINITY = 0x7F80_0000
WORST_RELATIVE_ERROR = 2 ** (1 / 32) - 1  # half a step: 2.19 %


def exact_log(pattern: int) -> int:
    return (oracle.floor_log2(Fraction(vectors.as_float(pattern)), 32) + 1) // 2


@given(BIASES)
def test_encoding_inverts_decoding(bias: int) -> None:
    assert np.array_equal(encode(decode(CODES, bias), bias), CANONICAL)


@given(BIASES)
def test_decoding_gives_the_values_of_the_oracle(bias: int) -> None:
    with np.errstate(over="ignore"):
        exact = np.float32([oracle.decode(int(code), bias) for code in CODES])
    np.testing.assert_array_max_ulp(decode(CODES, bias), exact, 1)


@given(FLOATS, BIASES)
def test_encoding_gives_the_codes_of_the_oracle(x: float, bias: int) -> None:
    assert encode(np.float32([x]), bias)[0] == oracle.encode(x, bias)


@given(st.floats(-1e38, 1e38))
def test_float64_is_rounded_to_float32_first(x: float) -> None:
    assert encode([x], -100) == encode(np.float32([x]), -100)


def test_log_of_every_step_in_every_octave_and_of_its_neighbours() -> None:
    steps = {vectors.float_at(log) for log in ALL_LOGS}
    patterns = sorted({n + d for n in steps for d in (-1, 0, 1) if 0 < n + d < INFINITY})
    assert log_sixteenths(np.array(patterns, np.uint32).view(np.float32)).tolist() == [
        exact_log(pattern) for pattern in patterns]


@pytest.mark.exhaustive
def test_log_of_every_float() -> None:
    edges = sorted({vectors.float_at(log) for log in ALL_LOGS} | {1, INFINITY})
    for low, high in pairwise(edges):
        patterns = np.arange(low, high, dtype=np.uint32)
        assert (log_sixteenths(patterns.view(np.float32)) == exact_log(low)).all()


@given(st.lists(FLOATS, min_size=2, max_size=50), BIASES)
def test_encoding_is_monotonic(values: list[float], bias: int) -> None:
    ordered = np.sort(np.float32(values))
    assert (np.diff(signed(encode(ordered, bias))) >= 0).all()


@given(st.lists(FLOATS, max_size=50), BIASES)
def test_encoding_is_symmetric(values: list[float], bias: int) -> None:
    x = np.float32(values)
    assert np.array_equal(signed(encode(-x, bias)), -signed(encode(x, bias)))


@given(st.floats(0.51, 127.49), st.integers(-1500, 1500), st.sampled_from([1, -1]))
def test_relative_error_in_range(log: float, bias: int, sign: int) -> None:
    x = np.float32([sign * 2 ** ((log + bias) / 16)])
    assert abs(decode(encode(x, bias), bias)[0] / x[0] - 1) <= WORST_RELATIVE_ERROR * (1 + 1e-5)


@pytest.mark.parametrize(("x", "code"), [
    (np.inf, 127), (-np.inf, 255), (0.0, 0), (-0.0, 0), (1e30, 127), (-1e30, 255), (1e-30, 0), (-1e-30, 0),
    (2 ** (-15.4 / 16), 1), (-(2 ** (-15.4 / 16)), 129), (2 ** (-15.6 / 16), 0), (1.0, 1)])
def test_ends_of_the_range(x: float, code: int) -> None:
    assert encode(np.float32([x]), 0) == [code]


def test_beyond_float32_saturates() -> None:
    assert encode(np.float64([1e300, -1e300]), 1900).tolist() == [127, 255]


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.longdouble])
def test_other_floats_and_any_memory_order(dtype: type[np.floating]) -> None:
    x = np.linspace(-2, 2, 12).astype(dtype).reshape(3, 4).T[::2]
    assert np.array_equal(encode(x, -91), encode(np.ascontiguousarray(x, np.float32), -91))
    assert encode(x[0, 0], -91).shape == () and decode(encode(x, -91)[::2], -91).shape == (1, 3)
    assert encode(np.zeros((0, 3)), -91).shape == (0, 3)


def test_subnormals_are_encoded_among_zeros() -> None:
    x = np.float32([0, 2.0**-149, -(2.0**-145), 1, 0])
    assert encode(x, -2390).tolist() == [0, 6, 128 + 70, 127, 0]
    assert decode(encode(x, -2390), -2390)[:3].tolist() == x[:3].tolist()


def test_a_bias_for_each_channel() -> None:
    x = np.linspace(-3, 3, 24, dtype=np.float32).reshape(4, 6)
    bias = np.array([-140, -100, -90, 0])
    codes = encode(x, bias[:, None])
    assert np.array_equal(codes, [encode(x[i], int(bias[i])) for i in range(4)])
    assert np.array_equal(decode(codes, bias[:, None]), [decode(codes[i], int(bias[i])) for i in range(4)])


def test_signed_order_is_inverted_by_to_codes() -> None:
    assert np.array_equal(to_codes(signed(CODES)), CANONICAL)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: encode(np.float32([1, np.nan, 2]), 0), "cannot encode NaN: 1 of 3 values are NaN"),
    (lambda: encode(np.int32([1]), 0), "cannot encode int32; convert it to float32"),
    (lambda: encode(np.float32([1]), 0.5), "a bias is an integer in sixteenths of an octave, not float64"),
    (lambda: decode(np.int64([1]), 0), "codes are uint8, not int64")])
def test_wrong_arguments_are_named(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()  # type: ignore[operator]
