"""Input columns times the weight matrix are the layer; bias correction makes the mean error vanish."""

from __future__ import annotations

import numpy as np
import pytest

from pal_edge.compiler.graph import Conv, ConvTranspose, Dense, Graph
from pal_edge.compiler.improve.columns import Weighted, input_columns, weight_matrix, with_weights
from pal_edge.compiler.improve.rounding import improved
from pal_edge.compiler.improve.statistics import Statistics
from pal_edge.numeric import decode, encode
from tests.compiler import float_graph

GENERATOR = np.random.default_rng(5)
NAMES = {"name": "layer", "inputs": ("x",), "output": "y", "sources": ("layer",)}


def normal(*shape: int) -> np.ndarray:
    return GENERATOR.standard_normal(shape).astype(np.float32)


def conv(shape: tuple[int, ...], **geometry) -> Conv:
    return Conv(**NAMES, weight=normal(*shape), bias=normal(shape[0]), **geometry)


CASES = {
    "plain": (conv((6, 4, 3, 3), pads=(1, 1, 1, 1)), (1, 4, 7, 6), (1, 6, 7, 6)),
    "strided, dilated, uneven pads": (
        conv((5, 3, 3, 2), strides=(2, 1), dilations=(1, 2), pads=(0, 2, 1, 0)), (1, 3, 8, 7), (1, 5, 4, 7)),
    "groups": (conv((6, 2, 3, 3), groups=2), (1, 4, 6, 6), (1, 6, 4, 4)),
    "depthwise, two a channel": (conv((8, 1, 3, 3), groups=4, pads=(1, 1, 1, 1)), (1, 4, 5, 5), (1, 8, 5, 5)),
    "1-D": (conv((3, 2, 1, 3), pads=(0, 1, 0, 1)), (1, 2, 9), (1, 3, 9)),
    "dense": (Dense(**NAMES, weight=normal(12, 5), bias=normal(5)), (3, 12), (3, 5)),
    "transposed": (
        ConvTranspose(**NAMES, weight=normal(4, 3, 3, 3), bias=normal(3), strides=(2, 2), pads=(1, 0, 0, 1)),
        (1, 4, 5, 4), (1, 3, 10, 8)),
    "transposed, groups, dilated": (
        ConvTranspose(**NAMES, weight=normal(4, 2, 2, 3), bias=normal(4), groups=2, strides=(1, 3), dilations=(2, 1)),
        (1, 4, 4, 3), (1, 4, 6, 9)),
}


@pytest.mark.parametrize("case", CASES)
def test_columns_times_weights_are_the_layer(case):
    layer, shape_in, shape_out = CASES[case]
    x = normal(*shape_in)
    columns = input_columns(layer, x, shape_out, 10**6).astype(np.float64)
    product = columns @ weight_matrix(layer).astype(np.float64).transpose(0, 2, 1)  # [G, positions, O]
    assert np.allclose(flat(layer, product), evaluate(layer, x, shape_out), atol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_weights_survive_the_way_to_a_matrix_and_back(case):
    layer = CASES[case][0]
    again = with_weights(layer, weight_matrix(layer), layer.bias)
    assert np.array_equal(again.weight, layer.weight) and again.weight.shape == layer.weight.shape


@pytest.mark.parametrize("case", CASES)
def test_bias_correction_makes_the_mean_error_vanish(case):
    layer, shape_in, shape_out = CASES[case]
    exact = np.abs(normal(*shape_in)) + 1  # a mean far from zero shows the rounding of weights
    coded = decode(encode(exact, -100), -100)
    exact_columns, columns = (input_columns(layer, x, shape_out, 10**6).astype(np.float64) for x in (exact, coded))
    moments = columns.transpose(0, 2, 1) @ columns / columns.shape[1]
    better = improved(layer, Statistics(moments, columns.mean(axis=1), exact_columns.mean(axis=1)))
    wanted = evaluate(layer, exact, shape_out)
    error = evaluate(better, coded, shape_out) - wanted
    unbiased = error - (better.bias - layer.bias)
    assert np.abs(error.mean(axis=0)).max() < 1e-5 * np.abs(wanted).max()
    assert np.abs(unbiased.mean(axis=0)).max() > 1e-4 * np.abs(wanted).max()


def test_a_limit_takes_that_many_positions_and_always_the_same():
    layer, shape_in, shape_out = CASES["plain"]
    x = normal(*shape_in)
    few = input_columns(layer, x, shape_out, 7)
    assert few.shape == (1, 7, 36)
    assert np.array_equal(few, input_columns(layer, x, shape_out, 7))


def evaluate(layer: Weighted, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the output as [positions, channels]; `flat` has the same order."""
    graph = Graph("g", [layer], {"x": x.shape, "y": shape}, ["x"], ["y"], False)
    y = float_graph.run(graph, {"x": x})["y"]
    return y if isinstance(layer, Dense) else np.moveaxis(y, 1, -1).reshape(-1, shape[1])


def flat(layer: Weighted, product: np.ndarray) -> np.ndarray:
    return product.transpose(1, 0, 2).reshape(product.shape[1], -1) + layer.bias
