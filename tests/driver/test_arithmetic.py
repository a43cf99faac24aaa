"""Floats and codes in C: the bits that numpy gives."""

from __future__ import annotations

import numpy as np
import pytest

from pal_edge.numeric import decode, encode
from pal_edge.runtime.native import ffi, lib

CODES = np.arange(256, dtype=np.uint8)


def decode_in_c(codes: np.ndarray, bias: int) -> np.ndarray:
    values = np.empty(codes.size, np.float32)
    lib.pal_decode(ffi.from_buffer("uint8_t[]", codes), codes.size, bias, ffi.from_buffer("float[]", values))
    return values


def encode_in_c(values: np.ndarray, bias: int) -> np.ndarray:
    codes = np.empty(values.size, np.uint8)
    assert lib.pal_encode(ffi.from_buffer("float[]", values), values.size, bias,
                          ffi.from_buffer("uint8_t[]", codes)) == 0
    return codes


@pytest.mark.parametrize("biases", [range(-2600, 2200), (-32768, -32767, -20000, 20000, 32767)], ids=["near", "far"])
def test_decode_rounds_every_code_as_numpy_does(biases: range) -> None:
    for bias in biases:  # subnormal, normal and infinite floats
        np.testing.assert_array_equal(decode_in_c(CODES, bias).view(np.uint32), decode(CODES, bias).view(np.uint32))


def test_encode_gives_the_codes_of_numpy() -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 1 << 32, 1 << 18, dtype=np.uint64).astype(np.uint32)
    values = bits.view(np.float32)
    values = np.ascontiguousarray(values[~np.isnan(values)])
    for bias in (-2400, -200, -91, 0, 64, 1900):
        np.testing.assert_array_equal(encode_in_c(values, bias), encode(values, bias))


def test_a_code_survives_decoding_and_encoding() -> None:
    for bias in range(-1800, 1800, 7):
        again = encode_in_c(decode_in_c(CODES, bias), bias)
        np.testing.assert_array_equal(again, np.where(CODES == 0x80, 0, CODES))
