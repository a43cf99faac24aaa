"""Opsets older than the handlers know are converted; the results are those of the old model."""

from __future__ import annotations

import numpy as np
import pytest

from pal_edge.compiler.frontend import import_model
from tests.compiler.float_graph import run
from tests.compiler.frontend.models import equal, model, rand

IMAGE = "(float[N,4,8,8] x) => (float[N,M,H,W] y)"


@pytest.mark.parametrize("opset", [7, 8, 9, 10])
def test_operators_that_changed(opset: int) -> None:
    equal(model("(float[N,4,8,8] x) => (float[N,M] y)", """
        a = BatchNormalization (x, s, s, s, s)
        b = Clip <min=-0.5, max=0.75> (a)
        c = Pad <pads=[0,0,1,1,0,0,1,1]> (b)
        d = MaxPool <kernel_shape=[2,2], strides=[2,2]> (c)
        e = ReduceSum <axes=[2], keepdims=0> (d)
        f = Flatten (e)
        g = Gemm (f, w, v)
        y = Softmax (g)""", opset, s=abs(rand(4)) + 0.5, w=rand(20, 5), v=rand(5)))


def test_slice_with_attributes() -> None:
    equal(model(IMAGE, "y = Slice <axes=[2,3], starts=[1,2], ends=[7,-1]> (x)", 9))


def test_upsample_with_scales() -> None:
    equal(model(IMAGE, 'y = Upsample <mode="nearest"> (x, s)', 9, s=[1.0, 1.0, 2.0, 3.0]))


def test_upsample_with_attributes() -> None:
    equal(model(IMAGE, 'y = Upsample <mode="nearest", scales=[1.0, 1.0, 2.0, 2.0]> (x)', 7))


@pytest.mark.parametrize("shape", ["1,4,3,5", "1,4,3", "1,4"])
def test_slopes_by_channel(shape: str) -> None:
    slopes = rand(4)
    graph = import_model(model(f"(float[{shape}] x) => (float[] y)", "y = PRelu(x, s)", 6, s=slopes)).graph
    x = rand(*map(int, shape.split(",")))
    (y,) = (run(graph, {"x": x})[name] for name in graph.outputs)
    by_channel = slopes.reshape(-1, *(1,) * (x.ndim - 2))
    np.testing.assert_allclose(y, np.where(x > 0, x, x * by_channel), rtol=1e-6)
