"""Tables of unary functions, tap codes of averages, and the error figure."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pal_edge.compiler.graph import Clip, Unary
from pal_edge.compiler.quantize.metrics import sqnr_db
from pal_edge.compiler.quantize.tables import image_bias, unary_table
from pal_edge.compiler.quantize.taps import average_taps
from pal_edge.numeric import decode, encode
from pal_edge.numeric.pal8 import PRODUCT

ALL = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize(("name", "function"), [
    ("Tanh", math.tanh), ("Sigmoid", lambda x: 1 / (1 + math.exp(-x))), ("Exp", math.exp)])
def test_table_holds_the_code_of_the_function_of_every_code(name: str, function: object) -> None:
    x = decode(ALL, -91)
    exact = np.float32([function(float(value)) for value in x])  # type: ignore[operator]
    table = unary_table(Unary(name), -91, -127)
    assert table.shape == (256,)
    assert np.array_equal(table, encode(exact, -127))
    assert 0x80 not in table


def test_table_clips_the_result() -> None:
    table = unary_table(Unary("Exp"), -91, -91, Clip(0.5, 2))
    values = decode(table, -91)
    assert (values.min(), values.max()) == (0.5, 2)


def test_table_of_a_reciprocal_saturates_at_zero() -> None:
    assert unary_table(Unary("Reciprocal", (1.0,)), -91, -91)[0] == 127


def test_zero_is_taken_for_the_smallest_code_where_the_function_has_a_pole() -> None:
    table = unary_table(Unary("Log"), -91, -91)
    assert table[0] == table[1] == encode(np.log(decode(np.array([1], np.uint8), -91)), -91)[0]


def test_image_bias_makes_the_largest_result_the_largest_code() -> None:
    bias = image_bias(Unary("Sigmoid"), -91)
    assert bias == -127
    assert unary_table(Unary("Sigmoid"), -91, bias)[127] == 127
    assert image_bias(Unary("Exp"), -91, Clip(0, 4)) == -95
    assert image_bias(Unary("Exp"), -91, Clip(0, 0)) == -127


@pytest.mark.parametrize("positions", [*range(1, 65), 81, 225, 1000, 255 * 255])
def test_taps_add_up_to_one_as_closely_as_two_neighbouring_codes_can(positions: int) -> None:
    codes, bias = average_taps(positions)
    values = decode(codes, bias).astype(np.float64)
    low, high = 1 / positions / 2 ** (1 / 16), 1 / positions * 2 ** (1 / 16)
    assert len(codes) == positions and ((low < values) & (values < high)).all()
    half_a_step = (high * positions - 1) / positions / 2
    assert abs(values.sum() - 1) <= half_a_step * 1.001


@pytest.mark.parametrize(("positions", "divisor"), [(4, 9), (6, 9), (1, 4), (2, 3), (1, 9)])
def test_taps_of_a_window_cut_by_padding(positions: int, divisor: int) -> None:
    codes, bias = average_taps(positions, divisor)
    assert len(codes) == positions
    assert decode(codes, bias).sum() == pytest.approx(positions / divisor, rel=0.0221 / positions)


def test_powers_of_two_are_exact_and_large_codes_are_used() -> None:
    for positions in (1, 2, 4, 16, 64):
        codes, bias = average_taps(positions)
        assert (codes == 127).all() and (decode(codes, bias) == 1 / positions).all()


def test_larger_taps_are_spread_over_the_window() -> None:
    codes, _ = average_taps(100)
    larger = codes == codes.max()
    count = int(larger.sum())
    assert 0 < count < 100
    thirds = [int(part.sum()) for part in np.array_split(larger, 3)]
    assert max(thirds) - min(thirds) <= 2


@pytest.mark.parametrize("positions", [1, 17000, 18000, 255 * 255])
def test_no_average_overflows_its_accumulator(positions: int) -> None:
    codes, _ = average_taps(positions)
    worst = int(PRODUCT[127, codes].sum(dtype=np.int64))
    assert worst < 2**31
    assert worst > 2**29 or codes.max() == 127


def test_sqnr() -> None:
    assert sqnr_db([3, 4], [3, 4.5]) == pytest.approx(20)
    assert sqnr_db([1, 2], [1, 2]) == math.inf
    assert sqnr_db([0, 0], [0, 0]) == math.inf
    assert sqnr_db([0, 0], [0, 1]) == -math.inf
