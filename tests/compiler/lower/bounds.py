"""How far one layer's codes may lie from float, given the codes of its inputs: an analytic bound an element.

A layer is judged on the very values that its input codes stand for, so nothing accumulates from layer
to layer and nothing is hidden by cancellation further on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pal_edge.compiler.graph import (
    Add,
    Conv,
    ConvTranspose,
    Dense,
    Layer,
    LayerNorm,
    MatMul,
    Pool,
    Softmax,
)
from pal_edge.compiler.unary import apply
from tests.compiler.float_graph import compute

Array = NDArray[np.float64]

STEP = 2 ** (1 / 16) - 1  # between neighbouring codes
CODING = 2 ** (1 / 32) - 1  # of rounding to the nearest code
PRODUCT = 0.5 / 128  # of a rounded entry of the products' table
SMALLEST = 0.53  # of the smallest code: what lies below it becomes that code or zero
REACH = 2.0 ** (126 / 16)  # largest code over smallest
UNITS = 2.0**17  # largest product of two codes, in accumulator units


def top(bias: int) -> float:
    """Return the value of the largest code."""
    return float(2 ** ((127 + bias) / 16))


def coded(exact: Array, error: Array, bias: int) -> tuple[Array, Array]:
    """Return what encoding makes of a value that is known up to `error`: its saturated self, and the bound."""
    limit = top(bias)
    saturated = np.clip(exact, -limit, limit)
    return saturated, error + 1.01 * CODING * (np.abs(saturated) + error) + SMALLEST * limit / REACH


def expected(layer: Layer, inputs: Sequence[Array], shape: tuple[int, ...], bias_in: Sequence[int],
             bias_before: int | None, bias_out: int, weights: bool = False) -> tuple[Array, Array]:
    """Return the layer's float result, saturated as codes are, and the largest error that its codes may have.

    Args:
        inputs: values of the input codes.
        bias_in: of the input codes.
        bias_before: of the codes in front of a fused table.
        bias_out: of the output codes.
        weights: whether the second operand is constant, and its values are those before coding.
    """
    exact = compute(layer, list(inputs), shape)
    error = _error(layer, inputs, shape, bias_in, weights)
    if layer.unary:
        function = layer.unary
        if bias_before is not None:
            exact, error = coded(exact, error, bias_before)
        return coded(*_through(lambda x: apply(function.name, x, function.parameters), exact, error), bias_out)
    if layer.clip:
        low, high = layer.clip.low, layer.clip.high
        return coded(*_through(lambda x: np.clip(x, low, high), exact, error), bias_out)
    return coded(exact, error, bias_out)


def _through(function: Callable[[Array], Array], x: Array, error: Array) -> tuple[Array, Array]:
    """Return f(x) and how far f strays from it within the error."""
    y = function(x)
    around = [np.abs(function(x + t * error) - y) for t in np.linspace(-1, 1, 33)]
    return y, np.max(around, axis=0)


def _error(layer: Layer, x: Sequence[Array], shape: tuple[int, ...], bias_in: Sequence[int],
           weights: bool) -> Array:
    """Return the bound of the result in front of its coding."""
    match layer:
        case Conv() | Dense() | ConvTranspose():
            return _weighted(layer, np.abs(x[0]), shape, top(bias_in[0]))
        case MatMul() if weights:
            size = np.abs(x[1])
            return (STEP + PRODUCT) * compute(layer, [np.abs(x[0]), size], shape) + compute(
                layer, [np.abs(x[0]), np.full_like(size, size.max() / REACH)], shape) + compute(
                layer, [np.full_like(x[0], top(bias_in[0])), np.full_like(size, 2 * size.max() / UNITS)], shape)
        case MatMul():
            terms, largest = x[0].shape[-1], top(bias_in[0]) * top(bias_in[1])
            return PRODUCT * compute(layer, [np.abs(v) for v in x], shape) + 2 * terms * largest / UNITS
        case Add():
            total = compute(replace(layer, signs=(1, 1)), [np.abs(v) for v in x], shape)
            # No code scales an operand down by more than the range of codes: it is rounded, or vanishes.
            dwarfed = sum(np.abs(v) for v, b in zip(x, bias_in, strict=True) if max(bias_in) - b >= 127)
            return PRODUCT * total + 4 * max(top(b) for b in bias_in) / UNITS + dwarfed
        case Pool(kind="average"):
            terms = layer.kernel[0] * layer.kernel[1]
            total = compute(layer, [np.abs(x[0])], shape)
            return (STEP + PRODUCT) * total + 2 * terms * top(bias_in[0]) / UNITS
        case Softmax():
            return np.full(shape, 2.0**-12)
        case LayerNorm():
            return CODING * (np.abs(compute(layer, list(x), shape)) + np.abs(layer.shift)) + 2.0**-8
    return np.zeros(shape)


def _weighted(layer: Conv | Dense | ConvTranspose, x: Array, shape: tuple[int, ...], largest: float) -> Array:
    """Weights err by a rounding, or by a step where the largest saturate, and the smallest become zero."""
    size = np.abs(layer.weight)
    linear = replace(layer, weight=size, bias=np.zeros_like(layer.bias))
    smallest = np.full_like(size, size.max() / REACH)
    units = np.full_like(size, 2 * size.max() / UNITS)
    return ((STEP + PRODUCT) * compute(linear, [x], shape)
            + compute(replace(linear, weight=smallest), [x], shape)
            + compute(replace(linear, weight=units), [np.full_like(x, largest)], shape)
            + 2 * largest * float(size.max()) / UNITS)
