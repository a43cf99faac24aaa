"""What is fused with what, and what must stay apart."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from pal_edge.compiler.frontend.fusion import compose
from pal_edge.compiler.graph import Clip, Conv
from tests.compiler.frontend.models import equal, layers, model, ops, rand

IMAGE = "(float[N,3,6,6] x) => (float[N,C,H,W] y)"
NORM = {"g": rand(4, seed=1), "b": rand(4, seed=2), "m": rand(4, seed=3), "v": np.abs(rand(4, seed=4)) + 0.1}
CONV = {"w": rand(4, 3, 3, 3), "k": rand(5, 4, 3, 3, seed=9)}


def image(body: str, **weights: object) -> onnx.ModelProto:
    return model(IMAGE, body, **{**CONV, **NORM, **weights})


@pytest.mark.parametrize("body", [
    "c = Conv(x, w) y = Relu(c)",
    "c = Conv(x, w) n = BatchNormalization(c, g, b, m, v) y = Relu(n)",
    "c = Conv(x, w, b) n = BatchNormalization(c, g, b, m, v) y = BatchNormalization(n, g, b, m, v)",
    "c = Conv(x, w) a = Add(c, p) y = Clip(a, zero, six)",
    "c = Conv(x, w) a = Mul(p, c) s = Sub(a, p) d = Div(s, six) r = Relu(d) y = Min(r, six)",
    "c = Conv(x, w) a = Sub(six, c) y = Sigmoid(a)",
])
def test_one_convolution(body: str) -> None:
    (layer,) = layers(image(body, p=rand(4, 1, 1, seed=6), zero=np.float32(0), six=np.float32(6)))
    assert isinstance(layer, Conv) and layer.output == "y"
    assert len(layer.sources) == body.count("=")


def test_clips_compose() -> None:
    (layer,) = layers(image("c = Conv(x, w) r = Relu(c) y = Min(r, six)", six=np.float32(6)))
    assert layer.clip == Clip(0.0, 6.0)
    assert compose(Clip(0, 6), Clip(-1, 3)) == Clip(0, 3)
    assert compose(Clip(0, 1), Clip(2, 3)) == Clip(2, 2)


def test_table_on_its_producer_names_the_value_before() -> None:
    (layer,) = layers(image("c = Conv(x, w) n = BatchNormalization(c, g, b, m, v) y = Tanh(n)"))
    assert layer.before_table == "n" and layer.unary is not None and layer.unary.name == "Tanh"


@pytest.mark.parametrize(("body", "expected"), [
    ("p = MaxPool<kernel_shape=[2,2]>(x) y = Sigmoid(p)", "Pool Elementwise"),
    ("p = AveragePool<kernel_shape=[2,2]>(x) y = Sigmoid(p)", "Pool"),
    ("p = MaxPool<kernel_shape=[2,2]>(x) y = Relu(p)", "Pool"),
    ("a = Add(x, x) y = Tanh(a)", "Add"),
    ("a = Mul(x, x) y = Relu(a)", "Mul"),
    ("t = Transpose(x) y = Relu(t)", "Transpose Elementwise"),
    ("c = Conv(x, w) r = Relu(c) y = Tanh(r)", "Conv Elementwise"),
    ("c = Conv(x, w) r = Tanh(c) y = Clip(r, zero)", "Conv Elementwise"),
    ("s = Softmax(x) y = Relu(s)", "Softmax Elementwise"),
    ("c = Conv(x, w) r = Relu(c) y = Add(c, r)", "Conv Elementwise Add"),  # c has two readers
    ("c = Conv(x, w) r = Tanh(c) s = Sigmoid(c) y = Add(r, s)", "Conv Elementwise Elementwise Add"),
    ("c = Conv(x, w) n = BatchNormalization(c, g, b, m, v) y = Add(c, n)", "Conv Conv Add"),
])
def test_neighbours(body: str, expected: str) -> None:
    assert ops(image(body, zero=np.float32(0))) == expected


def test_graph_outputs_survive() -> None:
    proto = model("(float[N,3,6,6] x) => (float[N,C,H,W] c, float[N,C,H,W] n, float[N,C,H,W] y)",
                  "c = Conv(x, w) n = BatchNormalization(c, g, b, m, v) y = Relu(n)", **CONV, **NORM)
    imported = equal(proto)
    assert [layer.output for layer in imported.graph.layers] == ["c", "n", "y"]


def test_an_input_and_an_alias_may_be_outputs() -> None:
    proto = model("(float[N,4] x) => (float[N,4] y, float[N,4] z, float[N,4] x2)",
                  "y = Relu(x) z = Identity(y) x2 = Identity(x)")
    assert ops(proto) == "Elementwise Reshape Reshape"


@pytest.mark.parametrize(("body", "expected"), [
    ("n = BatchNormalization(p, g, b, m, v) y = Conv(n, k)", "Pool Conv"),
    ("n = BatchNormalization(p, g, b, m, v) y = Conv<pads=[1,1,1,1]>(n, k)", "Pool Conv Conv"),
    ("n = Mul(p, six) y = Conv<pads=[1,1,1,1]>(n, k)", "Pool Conv"),
    ("n = BatchNormalization(p, g, b, m, v) y = Conv<group=2>(n, q)", "Pool Conv"),
    ("n = BatchNormalization(p, g, b, m, v) r = Relu(n) y = Conv(r, k)", "Pool Conv Conv"),
    ("n = BatchNormalization(p, g, b, m, v) r = Tanh(n) y = Conv(r, k)", "Pool Conv Conv"),
    ("n = BatchNormalization(p, g, b, m, v) c = Conv(n, k) d = Conv(n, k) y = Add(c, d)",
     "Pool Conv Conv Conv Add"),
])
def test_fold_into_the_next_convolution(body: str, expected: str) -> None:
    proto = model("(float[N,4,6,6] x) => (float[N,C,H,W] y)", f"p = MaxPool<kernel_shape=[2,2]>(x) {body}",
                  **NORM, k=CONV["k"], q=rand(6, 2, 2, 3), six=np.float32(6))
    assert ops(proto) == expected


@pytest.mark.parametrize(("body", "expected"), [
    ("d = MatMul(x, w) y = Add(d, b)", "Dense"),
    ("d = Gemm(x, w) n = BatchNormalization(d, g, b, m, v) y = Relu(n)", "Dense"),
    ("d = MatMul(x, w) r = Relu(d) n = BatchNormalization(r, g, b, m, v) y = MatMul(n, k)", "Dense Dense"),
    ("d = MatMul(x, w) r = Relu(d) n = BatchNormalization(r, g, b, m, v) y = Relu(n)",
     "Dense Reshape Conv Reshape"),
    ("d = MatMul(x, w) r = Relu(d) n = BatchNormalization(r, g, b, m, v) y = Tanh(n)",
     "Dense Reshape Conv Reshape"),
    ("s = Sub(x, u) t = Div(s, u) y = MatMul(t, w)", "Dense"),
])
def test_matrices(body: str, expected: str) -> None:
    proto = model("(float[N,8] x) => (float[N,M] y)", body, w=rand(8, 4), k=rand(4, 3),
                  u=rand(8, seed=5), **NORM)
    assert ops(proto, 1e-4) == expected


@pytest.mark.parametrize(("body", "expected"), [
    ("d = MatMul(x, w) a = Add(d, b) y = Tanh(a)", "Dense"),
    ("t = Tanh(x) a = Mul(t, u) c = Add(a, u) y = Relu(c)", "Elementwise Mul Add"),
    ("a = Mul(x, two) c = Add(a, two) y = Relu(c)", "Mul Add"),
])
def test_sequences_of_vectors(body: str, expected: str) -> None:
    proto = model("(float[N,5,8] x) => (float[N,5,M] y)", body, w=rand(8, 4), b=rand(4), u=rand(8, seed=5),
                  two=np.float32(2))
    assert ops(proto) == expected


def test_dead_nodes_do_not_matter() -> None:
    assert ops(image("s = Shape(x) dead = NonZero(x) c = Conv(x, w) unused = Tanh(c) y = Relu(c)")) == "Conv"


def test_import_is_deterministic_and_leaves_the_model_alone() -> None:
    proto = image("c = Conv(x, w) n = BatchNormalization(c, g, b, m, v) y = Relu(n)")
    before = proto.SerializeToString(deterministic=True)
    first, second = equal(proto), equal(proto)
    assert proto.SerializeToString(deterministic=True) == before
    assert repr(first.graph) == repr(second.graph) and first.sha256 == second.sha256
    models = {imported.model.SerializeToString(deterministic=True) for imported in (first, second)}
    assert len(models) == 1
