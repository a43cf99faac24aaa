"""Functions that exporters write as several nodes."""

from __future__ import annotations

import numpy as np
import pytest

from pal_edge.compiler.graph import Unary
from tests.compiler.frontend.models import layers, model, ops, rand

SIGNATURE = "(float[1,3,4,4] x) => (float[1,3,4,4] y)"
NUMBERS = {name: np.float32(value) for name, value in {
    "half": 0.5, "one": 1, "three": 3, "six": 6, "sixth": 1 / 6, "zero": 0, "root": 2**0.5,
    "inverse": 2**-0.5,
    "cubic": 0.044715, "gain": (2 / np.pi) ** 0.5, "quick": 1.702}.items()}

SPELLINGS = {
    "SiLU": ["n = Neg(x) e = Exp(n) a = Add(e, one) y = Div(x, a)",
             "s = Sigmoid(x) y = Mul(x, s)", "s = Sigmoid(x) y = Mul(s, x)",
             "q = Mul(x, quick) s = Sigmoid(q) y = Mul(x, s)"],
    "HardSwish": ["a = Add(x, three) c = Clip(a, zero, six) m = Mul(x, c) y = Div(m, six)",
                  "a = Add(three, x) c = Clip(a, zero, six) d = Div(c, six) y = Mul(d, x)",
                  "a = Add(x, three) r = Relu(a) c = Min(r, six) m = Mul(c, sixth) y = Mul(x, m)",
                  "h = HardSigmoid<alpha=0.16666667, beta=0.5>(x) y = Mul(x, h)"],
    "HardSigmoid": ["a = Add(x, three) c = Clip(a, zero, six) y = Div(c, six)"],
    "Gelu": ["d = Div(x, root) e = Erf(d) a = Add(e, one) m = Mul(x, a) y = Mul(m, half)",
             "d = Mul(x, inverse) e = Erf(d) a = Add(one, e) m = Mul(a, half) y = Mul(x, m)",
             "h = Mul(x, half) d = Div(x, root) e = Erf(d) a = Add(e, one) y = Mul(h, a)"],
    "GeluTanh": ["p = Pow(x, three) c = Mul(p, cubic) s = Add(x, c) g = Mul(s, gain) t = Tanh(g) "
                 "a = Add(t, one) h = Mul(x, half) y = Mul(h, a)",
                 "x2 = Mul(x, x) x3 = Mul(x2, x) c = Mul(x3, cubic) s = Add(x, c) g = Mul(gain, s) "
                 "t = Tanh(g) a = Add(t, one) m = Mul(a, half) y = Mul(x, m)"],
    "Mish": ["s = Softplus(x) t = Tanh(s) y = Mul(x, t)",
             "e = Exp(x) a = Add(e, one) l = Log(a) t = Tanh(l) y = Mul(x, t)"],
    "Sigmoid": ["n = Neg(x) e = Exp(n) a = Add(e, one) y = Div(one, a)"],
    "Softsign": ["p = Abs(x) a = Add(p, one) y = Div(x, a)"],
    "Softplus": ["e = Exp(x) a = Add(e, one) y = Log(a)"],
}


@pytest.mark.parametrize(("name", "body"), [(name, body) for name in SPELLINGS for body in SPELLINGS[name]])
def test_spellings(name: str, body: str) -> None:
    (layer,) = layers(model(SIGNATURE, body, **NUMBERS), 2e-4)
    assert layer.unary is not None and layer.unary.name == name
    assert len(layer.sources) == body.count(" = ")


def test_a_pattern_is_fused_like_a_node() -> None:
    body = "c = Conv(x, w) s = Sigmoid(c) y = Mul(c, s)"
    (layer,) = layers(model(SIGNATURE, body, w=rand(3, 3, 1, 1)))
    assert layer.op == "Conv" and layer.unary == Unary("SiLU", (1.0,)) and layer.before_table == "c"


def test_two_in_a_row() -> None:
    body = "s = Sigmoid(x) a = Mul(x, s) t = Sigmoid(a) y = Mul(a, t)"
    assert [layer.unary for layer in layers(model(SIGNATURE, body))] == [Unary("SiLU", (1.0,))] * 2


@pytest.mark.parametrize(("body", "expected"), [
    ("s = Sigmoid(x) m = Mul(x, s) y = Add(m, s)", "Elementwise Mul Add"),  # s has another reader
    ("s = Sigmoid(x) t = Tanh(x) y = Mul(s, t)", "Elementwise Elementwise Mul"),
    ("g = GlobalAveragePool(x) s = Sigmoid(g) y = Mul(x, s)", "Pool Mul"),  # squeeze and excite
])
def test_what_only_looks_like_one(body: str, expected: str) -> None:
    assert ops(model(SIGNATURE, body)) == expected


def test_inner_values_that_are_outputs_stay() -> None:
    signature = "(float[1,8] x) => (float[1,8] s, float[1,8] y)"
    assert ops(model(signature, "s = Sigmoid(x) y = Mul(x, s)")) == "Elementwise Mul"
