"""Constants, shapes and quantized tensors known at compile time."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from pal_edge.compiler.frontend import import_model
from pal_edge.compiler.graph import Clip
from tests.compiler.frontend.models import equal, layers, model, ops, rand

INT8 = {"q": np.array([[1, -2], [3, 127], [-128, 5]], np.int8), "scale": np.float32(0.05), "zero": np.int8(3)}


@pytest.mark.parametrize("body", [
    "s = Shape(x) zero = Constant<value_int=0>() n = Gather(s, zero) m = Constant<value_ints=[-1]>() "
    "u = Unsqueeze(n, axis) t = Concat<axis=0>(u, m) y = Reshape(x, t)",
    "s = Shape<start=0, end=1>(x) m = Constant<value_ints=[60]>() t = Concat<axis=0>(s, m) y = Reshape(x, t)",
    "s = Size(x) u = Unsqueeze(s, axis) o = Constant<value_ints=[1]>() t = Concat<axis=0>(o, u) "
    "y = Reshape(x, t)",
])
def test_computed_shapes(body: str) -> None:
    proto = model("(float[batch,3,4,5] x) => (float[batch,60] y)", body, axis=[0])
    imported = equal(proto)
    assert [layer.op for layer in imported.graph.layers] == ["Reshape"] and imported.graph.dynamic_batch


@pytest.mark.parametrize("opset", [11, 13, 19, 21])
def test_dequantized_weights(opset: int) -> None:
    body = "w = DequantizeLinear(q, scale, zero) y = MatMul(x, w)"
    assert ops(model("(float[N,3] x) => (float[N,2] y)", body, opset, **INT8)) == "Dense"


def test_weights_dequantized_for_each_channel() -> None:
    weights = {**INT8, "scale": np.array([0.05, 0.5], np.float32), "zero": np.array([3, 0], np.int8)}
    body = "w = DequantizeLinear<axis=1>(q, scale, zero) y = MatMul(x, w)"
    assert ops(model("(float[N,3] x) => (float[N,2] y)", body, **weights)) == "Dense"


def test_weights_quantized_and_dequantized() -> None:
    body = "i = QuantizeLinear(f, scale, zero) w = DequantizeLinear(i, scale, zero) y = MatMul(x, w)"
    assert ops(model("(float[N,3] x) => (float[N,2] y)", body, **INT8, f=rand(3, 2))) == "Dense"


def test_constants_are_evaluated() -> None:
    body = "t = Transpose(w) u = Mul(t, two) c = Cast<to=1>(u) y = MatMul(x, c)"
    assert ops(model("(float[N,3] x) => (float[N,2] y)", body, w=rand(2, 3), two=np.float32(2))) == "Dense"


def test_constants_cast_like_a_value() -> None:
    assert ops(model("(float[N,3] x) => (float[N,3] y)", "c = CastLike(q, x) y = Min(x, c)", q=np.int64(1))) \
        == "Elementwise"


def quantized(body: str) -> onnx.ModelProto:
    return model("(float[1,6] x) => (float[1,4] y)", body, w=rand(6, 4), s=np.float32(0.1), z=np.uint8(0),
                 t=np.float32(0.05), c=np.uint8(128))


def test_a_pair_around_a_value_is_its_range() -> None:
    # The float model still rounds at every pair, so only the structure is compared.
    graph = import_model(quantized(
        "a = QuantizeLinear(x, t, c) b = DequantizeLinear(a, t, c) d = MatMul(b, w) "
        "e = QuantizeLinear(d, s, z) f = DequantizeLinear(e, s, z) y = Tanh(f)")).graph
    dense, tanh = graph.layers
    assert dense.inputs == ("x",) and dense.output == "f" and tanh.op == "Elementwise"
    assert dense.clip is not None
    assert dense.clip.low == 0 and dense.clip.high == pytest.approx(25.5)  # a ReLU that the quantizer removed


def test_a_pair_read_twice_is_one_range() -> None:
    graph = import_model(quantized(
        "d = MatMul(x, w) e = QuantizeLinear(d, s, z) f = DequantizeLinear(e, s, z) "
        "g = DequantizeLinear(e, s, z) h = Tanh(g) y = Add(f, h)")).graph
    assert [layer.op for layer in graph.layers] == ["Dense", "Elementwise", "Add"]
    assert graph.layers[0].clip == Clip(0.0, pytest.approx(25.5))


def test_a_pair_at_the_output_keeps_the_name() -> None:
    graph = import_model(quantized("d = MatMul(x, w) t1 = Softmax(d) e = QuantizeLinear(t1, s, z) "
                                   "y = DequantizeLinear(e, s, z)")).graph
    assert [layer.op for layer in graph.layers] == ["Dense", "Softmax", "Reshape"]


def test_opset_range_ends_work() -> None:
    for opset in (11, onnx.defs.onnx_opset_version()):
        (layer,) = layers(model("(float[N,8] x) => (float[N,8] y)", "y = Relu(x)", opset))
        assert layer.clip == Clip(0.0, np.inf)


def test_local_functions_are_inlined() -> None:
    proto = onnx.parser.parse_model('''
        <ir_version: 8, opset_import: ["" : 17, "local" : 1]>
        g (float[N,8] x) => (float[N,8] y) { y = local.twice(x) }
        <domain: "local", opset_import: ["" : 17]> twice (a) => (b) { c = Relu(a) b = Add(c, c) }''')
    assert ops(proto) == "Elementwise Add"


def test_nodes_out_of_order_are_sorted() -> None:
    proto = model("(float[N,8] x) => (float[N,8] y)", "t = Tanh(x) y = Exp(t)")
    first, second = list(proto.graph.node)
    del proto.graph.node[:]
    proto.graph.node.extend([second, first])
    graph = import_model(proto).graph
    assert [layer.output for layer in graph.layers] == ["t", "y"]


def test_initializers_listed_as_inputs_are_no_inputs() -> None:
    proto = model("(float[N,3] x, float[3,2] w) => (float[N,2] y)", "y = MatMul(x, w)", w=rand(3, 2))
    assert import_model(proto).graph.inputs == ["x"]


def test_old_ir_versions_are_raised() -> None:
    proto = model("(float[N,3] x) => (float[N,2] y)", "y = MatMul(x, w)", w=rand(3, 2))
    proto.ir_version = 3
    assert [layer.op for layer in import_model(proto).graph.layers] == ["Dense"]


def test_batch() -> None:
    def graph_of(signature: str, body: str = "y = Relu(x)"):  # type: ignore[no-untyped-def]
        return import_model(model(signature, body)).graph

    assert graph_of("(float[N,8] x) => (float[N,8] y)").dynamic_batch
    fixed = graph_of("(float[4,8] x) => (float[4,8] y)")
    assert not fixed.dynamic_batch and fixed.shapes == {"x": (4, 8), "y": (4, 8)}
    both = graph_of("(float[N,8] x, float[N,8] z) => (float[N,8] y)", "y = Add(x, z)")
    assert both.dynamic_batch
    one = graph_of("(float[N,8] x, float[1,8] z) => (float[N,8] y)", "y = Add(x, z)")
    assert not one.dynamic_batch and one.shapes["y"] == (1, 8)
    assert not graph_of("(float[N,8] x) => (float[8,N] y)", "y = Transpose(x)").dynamic_batch
