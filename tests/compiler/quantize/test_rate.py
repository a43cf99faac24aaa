"""Shrunk weights cost fewer bits and as little accuracy as the strength says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pal_edge import coding
from pal_edge.compiler.quantize.metrics import sqnr_db
from pal_edge.compiler.quantize.rate import _VALUES, _choose, bits_per_weight, magnitude_bits, shrink
from pal_edge.compiler.quantize.weights import QuantizedWeights, quantize_channels
from pal_edge.numeric import decode
from pal_edge.spec.container import SegmentKind

Floats = NDArray[np.float32]
STRENGTHS = (0.0, 1e-5, 1e-4, 4e-4, 1.6e-3, 6.4e-3, 0.1)


@pytest.fixture(scope="module")
def weight() -> Floats:
    rng = np.random.default_rng(0)
    return (rng.normal(0, 1, (40, 300)) * rng.lognormal(0, 1, (40, 1))).astype(np.float32)


@pytest.fixture(scope="module")
def plain(weight: Floats) -> QuantizedWeights:
    return quantize_channels(weight, np.zeros(len(weight)), -100)


def values(codes: NDArray[np.uint8], plain: QuantizedWeights) -> Floats:
    return decode(codes, plain.weight_bias[:, None])


def test_more_strength_gives_fewer_bits_and_more_error(weight: Floats, plain: QuantizedWeights) -> None:
    shrunk = [shrink(weight, plain.codes, plain.weight_bias, strength) for strength in STRENGTHS]
    bits = [bits_per_weight(codes) for codes in shrunk]
    quality = [sqnr_db(weight, values(codes, plain)) for codes in shrunk]
    assert bits == sorted(bits, reverse=True) and quality == sorted(quality, reverse=True)
    assert bits[0] - bits[3] > 0.8 and quality[0] - quality[3] < 4
    stored = [len(coding.encode([(codes.tobytes(), SegmentKind.WEIGHTS)])) for codes in shrunk]
    assert stored == sorted(stored, reverse=True)


def test_it_does_what_it_minimises(weight: Floats, plain: QuantizedWeights) -> None:
    def objective(codes: NDArray[np.uint8], strength: float) -> float:
        error = np.square(weight - values(codes, plain)).mean() / np.square(weight).mean()
        return float(error + strength * bits_per_weight(codes))

    for strength in STRENGTHS[1:]:
        shrunk = shrink(weight, plain.codes, plain.weight_bias, strength)
        assert objective(shrunk, strength) < objective(plain.codes, strength)


def test_the_choice_is_the_best_of_all_magnitudes() -> None:
    rng = np.random.default_rng(1)
    bits = rng.uniform(1, 12, len(_VALUES))
    size, worth = 2 ** rng.uniform(-3, 8.2, (6, 500)), np.array([0, 0.01, 1, 30, 1000, 1e6])
    size[:, :3] = 0, 1, 400
    cost = np.square(size[..., None] - _VALUES) + worth[:, None, None] * bits
    chosen = np.take_along_axis(cost, _choose(size, worth, bits)[..., None].astype(int), -1)[..., 0]
    assert chosen == pytest.approx(cost.min(axis=-1), rel=1e-9, abs=1e-9)


def test_strength_zero_changes_nothing(weight: Floats, plain: QuantizedWeights) -> None:
    assert shrink(weight, plain.codes, plain.weight_bias, 0) is plain.codes


def test_codes_are_canonical_and_keep_signs(weight: Floats, plain: QuantizedWeights) -> None:
    shrunk = shrink(weight, plain.codes, plain.weight_bias, 1e-3)
    assert shrunk.dtype == np.uint8 and (shrunk != 0x80).all()
    assert (np.sign(values(shrunk, plain)) * np.sign(weight) >= 0).all()
    assert (shrunk == 0).any()
    assert np.array_equal(shrunk, shrink(weight, plain.codes, plain.weight_bias, 1e-3))


def test_a_layer_of_zeros_stays() -> None:
    codes = np.zeros((3, 5), np.uint8)
    assert not shrink(np.zeros((3, 5), np.float32), codes, np.zeros(3, np.int64), 1).any()


def test_bits_are_those_of_the_statistics() -> None:
    codes = np.array([[0, 0, 0, 0, 5, 0x85, 5, 7]], np.uint8)
    assert bits_per_weight(codes) == pytest.approx((4 * 1 + 3 * (np.log2(8 / 3) + 1) + 1 * (3 + 1)) / 8)
    assert magnitude_bits(codes)[99] > magnitude_bits(codes)[7]
