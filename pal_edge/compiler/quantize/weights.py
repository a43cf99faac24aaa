"""Weights and bias terms of one layer: codes, per-channel biases, and the accumulator's proof.

A channel's products lose less than one accumulator unit each, towards zero, where p shifts bits out
(ma + mw < 96). One unit is 2^-17 of the largest product, so the largest weight of every channel gets
code 127 wherever the accumulator allows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import ModelError
from ...numeric import encode
from ...numeric.codec import STEPS, log_sixteenths
from ...numeric.pal8 import PRODUCT
from ...spec.arithmetic import MAGNITUDE_MAX, UNIT_OCTAVES
from .least_error import REACH, least_error_shift, moments, value_of
from .observer import ZERO_BIAS

ACC_LIMIT = 1 << 31  # accumulators stay below, in magnitude
_COLUMNS = 2 * REACH  # of log magnitude below a channel's largest weight; what is smaller becomes zero
_CHUNK = 1 << 20  # weights at a time
_DEAD_OCTAVES = 24  # a dead channel's bias term in units: 2^24, more than lin2log resolves

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class QuantizedWeights:
    """Channel o's weight k is worth decode(codes[o, k], weight_bias[o]).

    `acc_bias` is the bias term in accumulator units of 2^((weight_bias + input_bias) / 16 - 1).
    """

    codes: NDArray[np.uint8]  # [O, K]
    weight_bias: Ints  # [O], sixteenths of an octave
    acc_bias: NDArray[np.int32]  # [O]


def quantize_channels(weight: NDArray[np.float32], bias: NDArray[np.floating], input_bias: int,
                      max_code_in: int = MAGNITUDE_MAX) -> QuantizedWeights:
    """Return codes with the least squared error of each channel's weights.

    Where a bias term or a sum of products could leave the int32 accumulator, the channel's weight bias is
    raised until neither can; its smallest weights may become zero.

    Args:
        weight: [O, K].
        bias: [O].
        input_bias: bias of the input's codes.
        max_code_in: largest magnitude that the input's codes take.

    Raises ModelError for NaN or infinity.
    """
    weight = np.ascontiguousarray(weight, np.float32)
    terms = np.asarray(bias, np.float64)
    if not (np.isfinite(weight).all() and np.isfinite(terms).all()):
        raise ModelError("weights or biases hold NaN or infinity; check the exported model")
    weight_bias = least_error_bias(weight)
    dead = ~weight.any(axis=1)
    weight_bias[dead] = _dead_bias(terms[dead], input_bias)
    codes = np.concatenate([encode(weight[part], weight_bias[part, None]) for part in _chunks(weight)])
    acc_bias = _in_units(terms, weight_bias, input_bias)
    while True:
        worst = worst_accumulator(codes, acc_bias, max_code_in)
        bad = np.flatnonzero(worst >= ACC_LIMIT)
        if not len(bad):
            return QuantizedWeights(codes, weight_bias, acc_bias.astype(np.int32))
        excess = np.ceil(STEPS * np.log2(worst[bad].astype(np.float64) / ACC_LIMIT)).astype(np.int64)
        weight_bias[bad] += np.maximum(excess, 1)
        codes[bad] = encode(weight[bad], weight_bias[bad, None])
        acc_bias[bad] = _in_units(terms[bad], weight_bias[bad], input_bias)


def worst_accumulator(codes: NDArray[np.uint8], acc_bias: NDArray[np.integer],
                      max_code_in: int = MAGNITUDE_MAX) -> Ints:
    """Return, for each channel, a bound of the accumulator's magnitude at any step: |bias| + sum of |p|.

    Args:
        codes: [O, K].
        acc_bias: [O], accumulator units.
        max_code_in: largest magnitude of the input's codes; p grows with it.
    """
    largest = np.abs(PRODUCT[max_code_in])
    sums = [largest[codes[part]].sum(axis=1, dtype=np.int64) for part in _chunks(codes)]
    bound: Ints = np.abs(acc_bias.astype(np.int64)) + np.concatenate(sums)
    return bound


def _chunks(array: NDArray[np.generic]) -> Iterator[slice]:
    """Yield slices of rows that bound the memory of arrays [rows, K] and [rows, _COLUMNS]."""
    step = max(1, _CHUNK // max(_COLUMNS, array.shape[1]))
    return (slice(start, start + step) for start in range(0, len(array), step))


def _in_units(bias: Floats, weight_bias: Ints, input_bias: int) -> Ints:
    """Return bias terms rounded to accumulator units, limited to a value that cannot pass the proof."""
    with np.errstate(over="ignore"):
        units = np.ldexp(bias / value_of((weight_bias + input_bias) % STEPS),
                         UNIT_OCTAVES - (weight_bias + input_bias) // STEPS)
    limited: Ints = np.rint(np.clip(units, -(2.0**61), 2.0**61)).astype(np.int64)
    return limited


def _dead_bias(bias: Floats, input_bias: int) -> Ints:
    """Return weight biases for channels without weights: they only set the unit of the bias term."""
    octaves = np.frexp(bias)[1].astype(np.int64) - _DEAD_OCTAVES + UNIT_OCTAVES
    return np.where(bias == 0, ZERO_BIAS, STEPS * octaves - input_bias)


def least_error_bias(weight: NDArray[np.float32]) -> Ints:
    return np.concatenate([_chunk_bias(weight[part]) for part in _chunks(weight)])


def _chunk_bias(weight: NDArray[np.float32]) -> Ints:
    """Return each channel's bias of least squared error; meaningless if all its weights are zero."""
    size = np.abs(weight)
    top: Ints = log_sixteenths(size.max(axis=1)).astype(np.int64)
    below = np.minimum(top[:, None] - log_sixteenths(size), _COLUMNS - 1)
    below[size == 0] = _COLUMNS - 1
    values = (size / value_of(top)[:, None]).reshape(-1)
    cells = (below + np.arange(len(weight))[:, None] * _COLUMNS).reshape(-1)
    shift = least_error_shift(*moments(cells, values, None, (len(weight), _COLUMNS)))
    return top - MAGNITUDE_MAX - shift
