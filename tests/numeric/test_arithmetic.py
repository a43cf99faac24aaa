"""What the integer arithmetic promises beyond its vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pal_edge.numeric import decode, encode, pal8
from pal_edge.numeric.softmax import softmax_log
from tests.oracle import pal8 as oracle
from tests.oracle import softmax as softmax_oracle

CODES = np.arange(256, dtype=np.uint8)
UNIT = 0.5  # of an accumulator, with biases 0
ACCUMULATORS = st.integers(-(2**31), 2**31 - 1)


def test_products_are_close_to_the_product_of_values_less_the_bits_shifted_out() -> None:
    values = decode(CODES, 0).astype(np.float64)
    exact = np.abs(np.multiply.outer(values, values)) / UNIT
    error = np.abs(pal8.PRODUCT) - exact
    assert (error <= 0.004 * exact).all()
    assert (error >= -0.004 * exact - 1).all()


def test_the_largest_product_fits_17_bits() -> None:
    assert np.abs(pal8.PRODUCT).max() == 120320 < 1 << 17


@given(st.integers(1, 2**31))
def test_logarithm_gives_that_of_the_oracle(n: int) -> None:
    assert pal8.lin2log(np.array([n])) == oracle.lin2log(n)


@pytest.mark.exhaustive
def test_logarithm_of_every_small_number() -> None:
    numbers = np.arange(1, 1 << 21)
    assert pal8.lin2log(numbers).tolist() == [oracle.lin2log(n) for n in numbers.tolist()]


@given(ACCUMULATORS, st.integers(-600, 600), st.integers(-127, 127), st.integers(-127, 127))
def test_requantisation_gives_the_code_of_the_oracle(acc: int, offset: int, low: int, high: int) -> None:
    table = np.roll(CODES, 7)
    for lookup in (None, table):
        code = pal8.requantise(np.array([acc]), offset, low, high, lookup)
        assert code == oracle.requantise(acc, offset, low, high, None if lookup is None else lookup.tolist())


@given(ACCUMULATORS, st.integers(-500, 0))
def test_requantisation_is_nearest(acc: int, offset: int) -> None:
    """A code is worth its accumulator within half a step and what 16 bits of mantissa lose."""
    code = pal8.requantise(np.array([acc]), offset)
    m = int(code[0]) & 127
    if 1 < m < 127:
        assert abs(2 ** ((m - offset) / 16) / abs(acc) - 1) < 0.0220
        assert (code[0] >= 128) == (acc < 0)


@given(st.lists(st.integers(0, 255), min_size=1, max_size=40), st.integers(-3000, 3000))
def test_softmax_gives_the_codes_of_the_oracle(row: list[int], bias: int) -> None:
    assert softmax_log(np.uint8(row), bias).tolist() == softmax_oracle.softmax_log(row, bias)


@given(st.lists(st.integers(0, 255), min_size=2, max_size=12), st.integers(-160, -40))
def test_softmax_is_close_to_float(row: list[int], bias: int) -> None:
    """Half a step of the output code, and 0.5 % for the tables' 8-bit indices."""
    x = decode(np.uint8(row), bias).astype(np.float64)
    exact = np.exp(x - x.max())
    exact /= exact.sum()
    log = softmax_log(np.uint8(row), bias)
    result = 2.0 ** (np.maximum(log, -400) / 16)
    likely = exact > 2.0**-12
    assert np.abs(result[likely] / exact[likely] - 1).max() < 0.027
    assert abs(result.sum() - 1) < 0.03


def test_softmax_treats_every_row_by_itself() -> None:
    rows = np.random.default_rng(0).integers(0, 256, (3, 5, 7)).astype(np.uint8)
    together = softmax_log(rows, -90)
    assert np.array_equal(together, [[softmax_log(row, -90) for row in image] for image in rows])


def test_softmax_of_a_sure_thing_is_one() -> None:
    row = encode(np.float32([100, -100, 0]), -20)
    assert softmax_log(row, -20)[0] == 0
