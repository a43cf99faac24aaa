"""Every operator: the imported graph computes what ONNX Runtime computes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pal_edge.compiler.frontend import import_model
from pal_edge.compiler.frontend.nodes import HANDLERS
from pal_edge.compiler.graph import Add, Conv, Dense, Pool
from pal_edge.compiler.unary import FUNCTIONS, apply
from pal_edge.errors import UnsupportedError
from tests.compiler.frontend.models import equal, layers, model, ops, rand

IMAGE = "(float[1,4,7,9] x) => (float[N,C,H,W] y)"


@pytest.mark.parametrize("attributes", [
    "", "pads=[1,2,0,1]", "strides=[2,3], pads=[1,1,1,1]", "dilations=[2,1]",
    "auto_pad=\"SAME_UPPER\", strides=[2,2]",
    "auto_pad=\"SAME_LOWER\", strides=[3,2]", "auto_pad=\"VALID\"",
])
@pytest.mark.parametrize("group", [1, 2, 4])
def test_conv_2d(attributes: str, group: int) -> None:
    text = f"y = Conv<group={group}{',' if attributes else ''} {attributes}>(x, w, b)"
    proto = model(IMAGE, text, w=rand(8, 4 // group, 3, 2), b=rand(8, seed=5))
    (layer,) = layers(proto)
    assert isinstance(layer, Conv) and layer.groups == group


@pytest.mark.parametrize("attributes", ["", "pads=[2,1], strides=[2]", "dilations=[3]",
                                        "auto_pad=\"SAME_UPPER\", strides=[2]"])
def test_conv_1d_has_one_row(attributes: str) -> None:
    proto = model("(float[N,4,20] x) => (float[N,C,L] y)", f"y = Conv<{attributes}>(x, w)", w=rand(6, 4, 3))
    (layer,) = layers(proto)
    assert isinstance(layer, Conv) and layer.weight.shape == (6, 4, 1, 3) and not layer.bias.any()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_conv_of_any_geometry(data: st.DataObject) -> None:
    draw = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    group, kernel, dilation = draw(1, 3), (draw(1, 4), draw(1, 4)), (draw(1, 2), draw(1, 2))
    size = [draw(1, 8), draw(1, 8)]
    pads = [draw(0, 2) for _ in range(4)]
    assume(all(size[i] + pads[i] + pads[i + 2] >= (kernel[i] - 1) * dilation[i] + 1 for i in range(2)))
    per_group = draw(1, 2)
    text = (f"y = Conv<group={group}, pads={pads}, strides=[{draw(1, 3)},{draw(1, 3)}], "
            f"dilations={list(dilation)}>(x, w)")
    signature = f"(float[1,{group * per_group},{size[0]},{size[1]}] x) => (float[N,C,H,W] y)"
    equal(model(signature, text, w=rand(group * draw(1, 2), per_group, *kernel)))


@pytest.mark.parametrize("op", ["AveragePool", "MaxPool"])
@pytest.mark.parametrize("attributes", [
    "", "strides=[2,2]", "pads=[1,1,1,1], strides=[2,2]", "strides=[2,2], ceil_mode=1",
    "pads=[1,0,1,1], strides=[3,2], ceil_mode=1", "auto_pad=\"SAME_UPPER\", strides=[2,2]", "dilations=[2,2]",
    "auto_pad=\"SAME_LOWER\", strides=[2,2]",
])
def test_pool_2d(op: str, attributes: str) -> None:
    proto = model(IMAGE, f"y = {op}<kernel_shape=[3,2]{',' if attributes else ''} {attributes}>(x)", opset=19)
    assert ops(proto) == "Pool"


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_pool_of_any_geometry(data: st.DataObject) -> None:
    draw = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    kernel, dilation = (draw(1, 4), draw(1, 4)), (draw(1, 2), draw(1, 2))
    size = [draw(1, 9), draw(1, 9)]
    pads = [draw(0, kernel[i % 2] - 1) for i in range(4)]
    assume(all(size[i] + pads[i] + pads[i + 2] >= (kernel[i] - 1) * dilation[i] + 1 for i in range(2)))
    op, extra = data.draw(st.sampled_from([("MaxPool", ""), ("AveragePool", ""),
                                           ("AveragePool", "count_include_pad=1,")]))
    strides = [draw(1, 3), draw(1, 3)]
    text = (f"y = {op}<{extra} kernel_shape={list(kernel)}, pads={pads}, strides={strides}, "
            f"dilations={list(dilation)}, ceil_mode={draw(0, 1)}>(x)")
    try:
        equal(model(f"(float[1,3,{size[0]},{size[1]}] x) => (float[N,C,H,W] y)", text, opset=22))
    except UnsupportedError as refusal:
        assert "nothing but padding" in str(refusal) and max(dilation) > 1


@pytest.mark.parametrize("attributes", ["pads=[1,1,1,1]", "pads=[1,1,1,1], strides=[2,2], ceil_mode=1"])
def test_average_pool_counts_padding(attributes: str) -> None:
    text = f"y = AveragePool<kernel_shape=[3,3], count_include_pad=1, {attributes}>(x)"
    (layer,) = layers(model(IMAGE, text, opset=19))
    assert isinstance(layer, Pool) and layer.count_include_pad


@pytest.mark.parametrize("op", ["AveragePool", "MaxPool"])
def test_pool_1d(op: str) -> None:
    text = f"y = {op}<kernel_shape=[3], strides=[2], pads=[1,1]>(x)"
    (layer,) = layers(model("(float[1,4,11] x) => (float[N,C,L] y)", text))
    assert isinstance(layer, Pool) and layer.kernel == (1, 3)


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
@pytest.mark.parametrize("shape", ["1,4,5,6", "1,4,9"])
def test_global_pool(op: str, shape: str) -> None:
    out = "N,C,1,1" if shape.count(",") == 3 else "N,C,1"
    assert ops(model(f"(float[{shape}] x) => (float[{out}] y)", f"y = {op}(x)")) == "Pool"


@pytest.mark.parametrize(("shape", "axes", "keep", "expected"), [
    ((1, 4, 5, 6), [2, 3], 1, "Pool"),
    ((1, 4, 5, 6), [-1, -2], 0, "Pool Reshape"),
    ((1, 4, 5, 6), [3], 1, "Pool"),
    ((1, 4, 9), [2], 0, "Pool Reshape"),
    ((1, 5, 6, 4), [1, 2], 1, "Transpose Pool Reshape"),
    ((1, 5, 6), [1], 0, "Transpose Reshape Pool Reshape"),
    ((1, 12), [1], 1, "Reshape Pool Reshape"),
    ((1, 1, 6), [0, 1], 1, ""),
    ((1, 3, 2, 2, 5), [2, 3, 4], 0, "Reshape Pool Reshape"),
])
@pytest.mark.parametrize("opset", [17, 18])
def test_reduce_mean(shape: tuple[int, ...], axes: list[int], keep: int, expected: str, opset: int) -> None:
    size = ",".join(map(str, shape))
    out = ",".join("ABCDE"[:len(shape) if keep else len(shape) - len(axes)])
    signature = f"(float[{size}] x) => (float[{out}] y)"
    if opset < 18:
        proto = model(signature, f"m = ReduceMean<axes={axes}, keepdims={keep}>(x) y = Relu(m)", opset)
    else:
        proto = model(signature, f"m = ReduceMean<keepdims={keep}>(x, axes) y = Relu(m)", opset, axes=axes)
    found = ops(proto).split()
    assert found[-1] == "Elementwise" or found == ["Pool"]
    assert " ".join(found).removesuffix("Elementwise").strip() == expected


@pytest.mark.parametrize("op", ["ReduceMax", "ReduceSum", "ReduceMean"])
@pytest.mark.parametrize("axes", ["axes=[0],", "axes=[0,2],", "axes=[1,2], ", ""])
@pytest.mark.parametrize("keep", [0, 1])
def test_reductions(op: str, axes: str, keep: int) -> None:
    out = ",".join("ABC"[:3 if keep or not axes else 3 - axes.count(",")])
    signature = f"(float[3,4,5] x) => (float[{out}] y)" if keep or axes else "(float[3,4,5] x) => (float y)"
    opset = 11
    equal(model(signature, f"y = {op}<{axes} keepdims={keep}>(x)", opset))


def test_a_reduction_over_the_batch_ends_it() -> None:
    assert equal(model("(float[N,4] x) => (float[A,B] y)", "y = ReduceSum<keepdims=1>(x)")).graph.dynamic_batch is False
    assert equal(model("(float[N,4] x) => (float[A,B] y)", "y = ReduceMax<axes=[1]>(x)")).graph.dynamic_batch is True


@pytest.mark.parametrize("attributes", ["", "transB=1", "alpha=0.5, beta=2.0", "alpha=-1.5, transB=1"])
@pytest.mark.parametrize("c", [(5,), (1, 5), (1,), ()])
def test_gemm(attributes: str, c: tuple[int, ...]) -> None:
    w = rand(5, 8) if "transB" in attributes else rand(8, 5)
    proto = model("(float[N,8] x) => (float[N,5] y)", f"y = Gemm<{attributes}>(x, w, c)", w=w,
                  c=rand(*c, seed=3).reshape(c))
    assert ops(proto) == "Dense"


def test_gemm_of_a_transposed_column() -> None:
    proto = model("(float[8,1] x) => (float[1,5] y)", "y = Gemm<transA=1>(x, w)", w=rand(8, 5))
    assert ops(proto) == "Transpose Dense"


@pytest.mark.parametrize("a", [0, 1])
@pytest.mark.parametrize("b", [0, 1])
@pytest.mark.parametrize("operands", ["x, w", "w, x", "x, z", "x, z, c", "x, w, c", "x, w, k", "w, x, k", "x, z, v"])
@pytest.mark.parametrize("scale", ["", ", alpha=0.5, beta=-2.0"])
def test_gemm_of_values_and_constants(a: int, b: int, operands: str, scale: str) -> None:
    equal(model("(float[4,4] x, float[4,4] z) => (float[4,4] y, float[4,4] r)",
                f"y = Gemm<transA={a}, transB={b}{scale}>({operands}) r = Add(x, z)",
                w=rand(4, 4), c=rand(4, 4), k=rand(4), v=rand(4, 1)))


@pytest.mark.parametrize(("a", "b"), [
    ("2,3,4,5", "2,3,5,6"), ("2,3,4,5", "3,5,6"), ("2,3,4,5", "5"), ("5", "5,4"), ("5", "2,5,4"), ("4,5", "3,5,2"),
    ("5", "5"), ("2,1,4,5", "3,5,6"),
])
def test_matmul_of_any_ranks(a: str, b: str) -> None:
    sizes = {"a": tuple(map(int, a.split(","))), "b": tuple(map(int, b.split(",")))}
    equal(model(f"(float[{a}] a, float[{b}] b) => (float[] y)", "y = MatMul(a, b)"))
    equal(model(f"(float[{a}] a) => (float[] y)", "y = MatMul(a, b)", b=rand(*sizes["b"])))
    equal(model(f"(float[{b}] b) => (float[] y)", "y = MatMul(a, b)", a=rand(*sizes["a"])))


@pytest.mark.parametrize(("shape", "weight", "expected"), [
    ("N,8", (8, 5), "Dense"), ("1,3,8", (8, 5), "Dense"), ("1,3,8", (1, 8, 5), "Dense"),
    ("1,2,3,8", (8, 5), "Dense"), ("N,8", (8,), "Dense Reshape"), ("1,3,8", (8,), "Dense Reshape"),
])
def test_matmul(shape: str, weight: tuple[int, ...], expected: str) -> None:
    out = ",".join("ABCD"[:shape.count(",") + (len(weight) > 1)])
    signature = f"(float[{shape}] x) => (float[{out}] y)"
    assert ops(model(signature, "y = MatMul(x, w)", w=rand(*weight))) == expected


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul"])
@pytest.mark.parametrize(("a", "b"), [("1,4,5,6", "1,4,5,6"), ("1,4,5,6", "1,4,1,1"), ("1,4,5,6", "6"),
                                      ("1,4,1,1", "1,4,5,6")])
def test_two_values(op: str, a: str, b: str) -> None:
    (layer,) = layers(model(f"(float[{a}] a, float[{b}] b) => (float[1,4,5,6] y)", f"y = {op}(a, b)"))
    # The first is as large as the result.
    assert layer.inputs == (("b", "a") if a == "1,4,1,1" else ("a", "b"))
    if isinstance(layer, Add):
        assert dict(zip(layer.inputs, layer.signs, strict=True)) == {"a": 1, "b": -1 if op == "Sub" else 1}


@pytest.mark.parametrize("text", [
    "Add(a, b)", "Mul(b, a)", "Sub(b, a)", "Max(a, b)", "Min(b, a, c)", "Max(a, s)", "Max(s, a, b, c)", "Mean(a, b, c)",
    "Mean(a)", "Sum(c, b, a)", "Sum(a, c, c, s)", "Where(k, a, b)", "Where(k, a, s)", "Where(k, c, b)", "PRelu(a, c)",
    "Div(c, e)", "Div(a, e)", "Concat<axis=0>(c1, a)",
])
def test_operands_of_different_shapes(text: str) -> None:
    equal(model("(float[4,3,1] a, float[5] b) => (float[A,B,C] y)", f"e = Exp(b) y = {text}",
                c=rand(3, 1), s=0.25, k=np.array([[True], [False], [True]]), c1=rand(2, 3, 1)))


def test_division_by_a_value() -> None:
    signature = "(float[1,4,5,6] x, float[1,4,1,1] z) => (float[1,4,5,6] y)"
    assert ops(model(signature, "e = Exp(z) y = Div(x, e)")) == "Elementwise Elementwise Mul"


@pytest.mark.parametrize(("text", "expected"), [
    ("Sum(a)", "Reshape"), ("Sum(a, b)", "Add"), ("Sum(a, b, a)", "Add Add"),
    ("Sum(b, b, a, b)", "Add Add Add"), ("Min(a)", "Reshape"), ("Max(a)", "Reshape"),
])
def test_any_number_of_values(text: str, expected: str) -> None:
    proto = model("(float[1,4,5] a, float[1,1,5] b) => (float[1,4,5] y)", f"y = {text}")
    assert ops(proto) == expected


@pytest.mark.parametrize("text", ["Add(x, c)", "Add(c, x)", "Sub(x, c)", "Sub(c, x)", "Mul(x, c)",
                                  "Mul(c, x)", "Div(x, c)"])
@pytest.mark.parametrize(("shape", "constant", "expected"), [
    ((1, 4, 5, 6), (), "Conv"), ((1, 4, 5, 6), (1, 4, 1, 1), "Conv"), ((1, 4, 5, 6), (4, 1, 1), "Conv"),
    ((1, 4, 5, 6), (6,), ""), ((1, 4, 5, 6), (1, 4, 5, 6), ""), ((1, 4, 5, 6), (5, 6), ""),
    ((1, 4, 9), (1, 4, 1), "Conv"), ((1, 4, 9), (9,), ""), ((1, 4, 9), (), ""),
    ((1, 7), (7,), "Reshape Conv Reshape"), ((1, 7), (1, 1), "Reshape Conv Reshape"),
    ((1, 1, 7), (1, 4, 7), ""),
    ((7,), (7,), ""), ((1, 2, 3, 4, 5), (1, 2, 1, 1, 1), ""),
])
def test_value_and_constant(text: str, shape: tuple[int, ...], constant: tuple[int, ...],
                            expected: str) -> None:
    size, out = ",".join(map(str, shape)), ",".join("ABCDE"[:max(len(shape), len(constant))])
    proto = model(f"(float[{size}] x) => (float[{out}] y)", f"y = {text}",
                  c=rand(*constant, seed=7).reshape(constant))
    imported = equal(proto)
    found = " ".join(layer.op for layer in imported.graph.layers)
    if expected:
        assert found == expected and not imported.graph.constants
    else:
        assert found.removeprefix("Select ") in ("Add", "Mul") and len(imported.graph.constants) == 1


@pytest.mark.parametrize("shape", ["N,4", "1,4,5", "1,4,5,6"])
@pytest.mark.parametrize("opset", [11, 14, 17])
def test_batch_normalization_alone(shape: str, opset: int) -> None:
    body = "y = BatchNormalization<epsilon=0.01>(x, g, b, m, v)"
    proto = model(f"(float[{shape}] x) => (float[{shape}] y)", body, opset, g=rand(4),
                  b=rand(4, seed=1), m=rand(4, seed=2), v=np.abs(rand(4, seed=3)))
    assert ops(proto).replace("Reshape", "").strip() == "Conv"


UNARY = ["Abs", "Celu<alpha=0.6>", "Elu<alpha=0.7>", "Erf", "Exp", "Gelu", "Gelu<approximate=\"tanh\">",
         "HardSigmoid<alpha=0.3, beta=0.4>", "HardSwish", "LeakyRelu<alpha=0.2>", "Mish", "Neg", "Selu",
         "Sigmoid", "Softplus", "Softsign", "Tanh", "ThresholdedRelu<alpha=0.5>"]


@pytest.mark.parametrize("text", UNARY)
def test_functions_of_one_variable(text: str) -> None:
    op = text.partition("<")[0]
    proto = model("(float[1,3,8,8] x) => (float[1,3,8,8] y)", f"y = {text}(x)", opset=20)
    (layer,) = layers(proto)
    assert layer.op == "Elementwise" and layer.unary and op in layer.unary.name


@pytest.mark.parametrize("text", [
    "s = Abs(x) y = Sqrt(s)", "s = Exp(x) y = Log(s)", "s = Exp(x) y = Reciprocal(s)",
    "s = Exp(x) y = Pow(s, p)", "y = PRelu(x, p)", "s = Exp(x) y = Div(p, s)",
])
def test_functions_with_a_domain(text: str) -> None:
    assert ops(model("(float[1,3,8,8] x) => (float[1,3,8,8] y)", text, p=[0.3]), 1e-4).endswith("Elementwise")


def test_functions_are_total_and_never_nan() -> None:
    x = np.array([-1e30, -300.0, -2.0, -1e-30, 0.0, 1e-30, 2.0, 300.0, 1e30])
    parameters = {"Celu": (1.0,), "Elu": (1.0,), "HardSigmoid": (0.2, 0.5), "LeakyRelu": (0.1,),
                  "Pow": (0.5,), "Reciprocal": (1.0,), "Selu": (1.6, 1.05), "SiLU": (1.0,),
                  "ThresholdedRelu": (1.0,)}
    for name in FUNCTIONS:
        assert not np.isnan(apply(name, x, parameters.get(name, ()))).any(), name


def test_swish_of_opset_24_is_silu() -> None:
    imported = import_model(model("(float[1,8] x) => (float[1,8] y)", "y = Swish<alpha=1.5>(x)", opset=24))
    unary = imported.graph.layers[0].unary
    assert unary is not None and unary.name == "SiLU"
    y = apply(unary.name, np.array([0.7]), unary.parameters)
    np.testing.assert_allclose(y, 0.7 / (1 + np.exp(-1.05)))


@pytest.mark.parametrize(("text", "expected"), [
    ("Relu(x)", (0, np.inf)), ("Clip(x, lo, hi)", (-0.5, 0.75)), ("Clip(x, lo)", (-0.5, np.inf)),
    ("Clip(x, , hi)", (-np.inf, 0.75)), ("Min(x, hi)", (-np.inf, 0.75)), ("Max(lo, x)", (-0.5, np.inf)),
])
def test_clips(text: str, expected: tuple[float, float]) -> None:
    (layer,) = layers(model("(float[1,8] x) => (float[1,8] y)", f"y = {text}", lo=np.float32(-0.5),
                            hi=np.float32(0.75)))
    assert layer.clip is not None and (layer.clip.low, layer.clip.high) == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("y = Flatten(x)", "Reshape"), ("y = Flatten<axis=2>(x)", "Reshape"), ("y = Reshape(x, s)", "Reshape"),
    ("y = Squeeze(x, zero)", "Reshape"), ("y = Unsqueeze(x, zero)", "Reshape"),
    ("y = Transpose(x)", "Transpose"), ("y = Transpose<perm=[0,2,3,1]>(x)", "Transpose"),
    ("t = Transpose<perm=[0,1,2,3]>(x) y = Tanh(t)", "Elementwise"),
    ("y = Identity(x)", "Reshape"), ("i = Identity(x) y = Tanh(i)", "Elementwise"),
    ("d = Dropout(x) y = Tanh(d)", "Elementwise"), ("d = Dropout(x, r, no) y = Tanh(d)", "Elementwise"),
    ("d = Cast<to=1>(x) y = Tanh(d)", "Elementwise"),
    ("d = Cast<to=10>(x) e = Cast<to=1>(d) y = Tanh(e)", "Elementwise"),
])
def test_movement(text: str, expected: str) -> None:
    proto = model("(float[1,4,5,6] x) => (float y)", text, s=[1, -1, 5], zero=[0], r=np.float32(0.5),
                  no=np.array(False))
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    assert ops(proto, 1e-3) == expected


@pytest.mark.parametrize(("shape", "axis", "opset", "expected"), [
    ("1,10", 1, 13, "Softmax"), ("1,4,5,6", 1, 13, "Softmax"), ("1,4,5,6", -1, 13, "Softmax"),
    ("1,10", 1, 11, "Softmax"), ("1,10,1,1", 1, 12, "Softmax"), ("1,4,5,6", 3, 11, "Softmax"),
    ("1,4,5,6", 1, 11, "Reshape Softmax Reshape"), ("1,4,5", -2, 12, "Reshape Softmax Reshape"),
])
def test_softmax(shape: str, axis: int, opset: int, expected: str) -> None:
    proto = model(f"(float[{shape}] x) => (float[{shape}] y)", f"y = Softmax<axis={axis}>(x)", opset)
    assert ops(proto) == expected


@pytest.mark.parametrize("kind", ["float16", "double"])
def test_other_float_types_become_float(kind: str) -> None:
    dtype = {"float16": np.float16, "double": np.float64}[kind]
    proto = model(f"({kind}[N,8] x) => ({kind}[N,5] y)", "h = MatMul(x, w) y = Relu(h)",
                  w=rand(8, 5).astype(dtype))
    imported = equal(proto, 2e-2 if kind == "float16" else 2e-5)
    assert imported.graph.inputs == ["x"]


def test_dense_layers_keep_their_shapes() -> None:
    (layer,) = layers(model("(float[N,8] x) => (float[N,5] y)", "y = MatMul(x, w)", w=rand(8, 5)))
    assert isinstance(layer, Dense) and layer.weight.shape == (8, 5) and layer.bias.shape == (5,)


def test_every_handler_states_its_restrictions() -> None:
    assert all(handler.__doc__ and handler.__doc__.endswith(".") for handler in HANDLERS.values())


@pytest.mark.parametrize("attributes", [
    "size=5", "size=3, alpha=1.5, beta=0.5, bias=0.3", "size=1", "size=21, alpha=0.5"])
def test_local_response_normalization(attributes: str) -> None:
    proto = model("(float[1,7,4,5] x) => (float[] y)", f"y = LRN<{attributes}>(x)")
    assert ops(proto) == "Mul Conv Mul"


def test_three_spatial_axes() -> None:
    signature = "(float[2,3,4,3,2] x) => (float[] y)"
    for op in ("GlobalAveragePool", "GlobalMaxPool"):
        equal(model(signature, f"y = {op}(x)"))
    equal(model(signature, "y = BatchNormalization(x, a, b, b, a)", a=abs(rand(3)) + 0.5, b=rand(3)))
