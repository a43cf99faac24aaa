"""Models that cannot be used: one line that names the thing and the remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from pal_edge.compiler.frontend import import_model, load
from pal_edge.errors import ModelError, UnsupportedError
from tests.compiler.frontend.models import model, rand

VECTOR = "(float[N,4] x) => (float[N,4] y)"


def refused(source: onnx.ModelProto | str | Path, *words: str) -> str:
    with pytest.raises(ModelError) as caught:
        import_model(source)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
    return message


def unsupported(proto: onnx.ModelProto) -> list[tuple[str, str, str]]:
    with pytest.raises(UnsupportedError) as caught:
        import_model(proto)
    return [(r.node, r.op, r.reason) for r in caught.value.refusals]


# Files


def test_no_file(tmp_path: Path) -> None:
    refused(tmp_path / "none.onnx", "none.onnx", "does not exist")
    refused(tmp_path, str(tmp_path), "is a directory")


NO_ONNX = {"empty": b"", "text": b"hello, world", "zeros": bytes(64), "bytes": bytes(range(256)),
           "zip": b"PK\x03\x04" + bytes(99)}


@pytest.mark.parametrize("data", NO_ONNX.values(), ids=NO_ONNX)
def test_no_onnx_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(data)
    refused(path, "bad.onnx", "ONNX file")


def test_truncated_anywhere(tmp_path: Path) -> None:
    data = model(VECTOR, "y = MatMul(x, w)", w=rand(4, 4)).SerializeToString()
    path = tmp_path / "cut.onnx"
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        refused(path)


def test_over_two_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "huge.onnx"
    with path.open("wb") as file:
        file.truncate(load.SIZE_LIMIT + 1)
    refused(path, "huge.onnx", "2 GB")


@pytest.fixture
def external(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    proto = model(VECTOR, "y = MatMul(x, w)", w=rand(4, 4))
    onnx.save_model(proto, str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    return path


def test_external_data(external: Path) -> None:
    imported = import_model(external)
    np.testing.assert_array_equal(imported.graph.layers[0].weight, rand(4, 4))
    assert imported.name == "model.onnx"
    data = external.parent / "weights.bin"
    data.write_bytes(data.read_bytes()[:-4] + bytes(4))
    assert import_model(external).sha256 != imported.sha256


def test_external_data_missing_or_short(external: Path) -> None:
    data = external.parent / "weights.bin"
    data.write_bytes(data.read_bytes()[:32])
    refused(external, "'w'", "weights.bin", "truncated")
    data.unlink()
    refused(external, "'w'", "weights.bin", "missing")


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd", "link.bin", ""])
def test_external_data_outside_the_folder(external: Path, location: str) -> None:
    (external.parent / "link.bin").symlink_to("/etc/passwd")
    proto = onnx.load(external, load_external_data=False)
    entry = next(e for e in proto.graph.initializer[0].external_data if e.key == "location")
    entry.value = location
    external.write_bytes(proto.SerializeToString())
    refused(external, "'w'", "folder")


def test_external_data_of_a_proto(external: Path) -> None:
    refused(onnx.load(external, load_external_data=False), "'w'", "path")


# Models


def test_old_opset_that_onnx_cannot_convert() -> None:
    message = refused(model("(float[1,1,4,4] x) => (float[1,1,2,2] y)", "y = Crop <border=[1,1,1,1]> (x)", 6),
                      "opset 6", "Crop", "opset 11 or newer")
    assert "/" not in message  # no source file of another library


def test_new_opset() -> None:
    refused(model(VECTOR, "y = Relu(x)", onnx.defs.onnx_opset_version() + 1), "newer")


def test_no_opset() -> None:
    proto = model(VECTOR, "y = Relu(x)")
    del proto.opset_import[:]
    refused(proto, "opset")


@pytest.mark.parametrize(("signature", "words"), [
    ("(float[N,4,H] x) => (float[N,4,H] y)", ["'x'", "axis 2", "(H)", "make_dynamic_shape_fixed"]),
    ("(float[1,?] x) => (float[1,4] y)", ["'x'", "axis 1", "unnamed"]),
    ("(int64[N,4] x) => (int64[N,4] y)", ["'x'", "int64"]),
    ("(bool[N,4] x) => (bool[N,4] y)", ["'x'", "bool"]),
    ("(float[0,4] x) => (float[N,4] y)", ["'x'", "size 0"]),
    ("(float[N,0] x) => (float[N,0] y)", ["'x'", "size 0"]),
])
def test_inputs(signature: str, words: list[str]) -> None:
    refused(model(signature, "y = Identity(x)"), *words)


def test_an_input_without_a_shape() -> None:
    proto = model(VECTOR, "y = Relu(x)")
    proto.graph.input[0].type.tensor_type.ClearField("shape")
    refused(proto, "shape")


def test_zero_sized_value() -> None:
    body = "s = Slice(x, a, a, b) y = Tanh(s)"
    refused(model(VECTOR, body, a=[1], b=[1]), "'s'", "[1, 0]")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(value: float) -> None:
    weight = rand(4, 4)
    weight[1, 2] = value
    refused(model(VECTOR, "y = MatMul(x, w)", w=weight), "'w'", "NaN or infinite")
    constant = "w = Constant<value = float[1] { 0.0 }>() y = Add(x, w)"
    proto = model(VECTOR, constant)
    proto.graph.node[0].attribute[0].t.CopyFrom(onnx.numpy_helper.from_array(np.array([value], np.float32)))
    refused(proto, "'w'", "NaN or infinite")


def test_weights_that_become_infinite() -> None:
    refused(model(VECTOR, "w = Div(a, b) y = Mul(x, w)", a=np.float32([1]), b=np.float32([0])), "'w'", "'y'")
    refused(model("(double[N,1] x) => (double[N,1] y)", "y = Mul(x, w)", w=np.array([1e300])), "'w'")


def test_infinite_bounds_are_meant() -> None:
    graph = import_model(model(VECTOR, "y = Clip(x, a, b)", a=np.float32(0), b=np.float32(np.inf))).graph
    assert graph.layers[0].clip is not None and graph.layers[0].clip.high == np.inf


def test_undefined_values() -> None:
    refused(model(VECTOR, "y = MatMul(x, w)"), "'w'", "missing")
    refused(model("(float[N,4] x) => (float[N,4] z)", "y = Relu(x)"), "'z'", "not defined")


def test_cycle() -> None:
    refused(model(VECTOR, "a = Add(x, b) b = Relu(a) y = Tanh(b)"), "cycle")


def test_shapes_that_contradict_each_other() -> None:
    refused(model(VECTOR, "y = MatMul(x, w)", w=rand(5, 4)), "'y'", "MatMul")


def test_no_inputs_and_constant_outputs() -> None:
    refused(model("() => (float[4] y)", "y = Relu(w)", w=rand(4)), "no inputs")
    refused(model(VECTOR, "y = Relu(w)", w=rand(1, 4)), "'y'", "does not depend")


def test_a_checker_complaint_is_one_line() -> None:
    refused(model(VECTOR, "y = Relu<alpha=1.0>(x)"), "alpha")


# Operators


def test_every_unsupported_node_is_listed() -> None:
    proto = model("(float[1,4,8,8] x) => (float[1,4,8,8] y, float[1,4,8,8] i)", """
        a = LRN<size=2>(x) b = Relu(a) c = Conv(b, b) i = Hardmax(c) d = com.microsoft.Magic(x)
        e = Tanh(d) f = EyeLike(e) y = MatMul(f, b)""")
    proto.opset_import.add(domain="com.microsoft", version=1)
    assert [(node, op) for node, op, _ in unsupported(proto)] == [
        ("a", "LRN"), ("c", "Conv"), ("i", "Hardmax"), ("d", "com.microsoft::Magic"), ("f", "EyeLike")]


def test_nodes_are_named_by_name_then_output() -> None:
    proto = model("(float[1,4,4] x) => (float[1,4,4] y)", "a = LpNormalization(x) y = LpNormalization(a)")
    proto.graph.node[0].name = "first"
    assert [node for node, _, _ in unsupported(proto)] == ["first", "y"]


SQUARE = "(float[4,4] x) => (float[N,M] y)"
IMAGE = "(float[1,2,6,6] x) => (float[A,B,C,D] y)"


@pytest.mark.parametrize(("signature", "body", "reason"), [
    (SQUARE, "y = Div(x, zero)", "zeros"),
    (SQUARE, "m = ReduceMean<keepdims=0>(x) y = Clip(x, m)", "not constant"),
    (SQUARE, "c = Greater(x, two) y = Where(c, x, two)", "not supported"),
    (SQUARE, "y = Pow(x, x)", "not constant"),
    (SQUARE, "i = Cast<to=7>(x) y = Cast<to=1>(i)", "int64"),
    (SQUARE, "y = RandomNormalLike(x)", "not supported"),
    (SQUARE, "n = RandomNormal<shape=[4,4]>() y = Add(x, n)", "not supported"),
    (IMAGE, "y = MaxPool<kernel_shape=[2,2], pads=[1,1,1,1], dilations=[7,7]>(x)", "nothing but padding"),
    (IMAGE, "y = LRN<size=2>(x)", "even"),
    (IMAGE, "y, i = MaxPool<kernel_shape=[2,2]>(x) o = Cast<to=1>(i) z = Relu(o)", "Indices"),
    (IMAGE, "y, m = Dropout(x) f = Cast<to=1>(m) z = Relu(f)", "mask"),
    (IMAGE, "y = Dropout(x, s1, yes)", "training"),
    (IMAGE, "y, mean, var = BatchNormalization<training_mode=1>(x, p, p, p, p)", "training"),
    (IMAGE, "q = QuantizeLinear(x, s1) m = MaxPool<kernel_shape=[1,1]>(q) y = DequantizeLinear(m, s1)",
     "quantized integers"),
])
def test_reasons(signature: str, body: str, reason: str) -> None:
    if "z = " in body:
        signature = signature[:-1] + ", float[E,F,G,H] z)"
    proto = model(signature, body, w=rand(4, 4), zero=np.float32([1, 0, 1, 1]), two=np.float32([1, 2, 1, 2]),
                  k=rand(2, 2, 2, 2), s1=np.float32(0.5), yes=np.array(True), p=np.abs(rand(2)))
    reasons = [text for _, _, text in unsupported(proto)]
    assert any(reason in text for text in reasons), reasons


@pytest.mark.parametrize("body", ["y = Conv(x, k)", "y = MaxPool<kernel_shape=[1,1,1]>(x)"])
def test_three_spatial_axes(body: str) -> None:
    proto = model("(float[1,2,3,4,5] x) => (float[A,B,C,D,E] y)", body, k=rand(2, 2, 1, 1, 1))
    assert "3 spatial axes" in unsupported(proto)[0][2]


def test_data_dependent_shapes() -> None:
    proto = model("(float[4] x) => (float[N] y)", "n = NonZero(x) y = Cast<to=1>(n)")
    assert unsupported(proto)[0][:2] == ("n", "NonZero")


def test_a_handler_that_fails_says_which_node(monkeypatch: pytest.MonkeyPatch) -> None:
    from pal_edge.compiler.frontend.nodes import HANDLERS

    def broken(*_: object) -> None:
        raise IndexError("oops")

    monkeypatch.setitem(HANDLERS, "Relu", broken)
    refused(model(VECTOR, "y = Relu(x)"), "'y' (Relu)", "IndexError: oops")


@pytest.mark.parametrize("change", [
    lambda p: p.graph.node[0].attribute.extend([onnx.helper.make_attribute("kernel_shape", [2])]),
    lambda p: p.graph.node[0].attribute.extend([onnx.helper.make_attribute("strides", [0, 0])]),
    lambda p: p.graph.node[0].attribute.extend([onnx.helper.make_attribute("group", 3)]),
    lambda p: p.graph.node[0].input.append("bias"),
])
def test_attributes_that_do_not_fit(change: Callable[[onnx.ModelProto], None]) -> None:
    proto = model(IMAGE, "y = Conv(x, k)", k=rand(2, 2, 2, 2), bias=rand(3))
    change(proto)
    refused(proto, "y", "Conv")


def test_statistics_that_do_not_fit() -> None:
    proto = model(IMAGE, "y = BatchNormalization(x, p, p, p, q)", p=rand(2), q=np.abs(rand(3)))
    refused(proto, "'y'", "3 and 2")


def test_negative_padding() -> None:
    refused(model(IMAGE, "y = MaxPool<kernel_shape=[2,2], pads=[-1,0,0,0]>(x)"), "'y'", "negative")


def test_weights_that_exceed_float32_when_folded() -> None:
    body = "d = MatMul(x, w) y = Mul(d, w2)"
    refused(model(VECTOR, body, w=rand(4, 4) * np.float32(1e30), w2=np.float32(1e30)), "'d'", "float32")


def test_damaged_bytes_never_raise_anything_else(tmp_path: Path) -> None:
    body = ("c = Conv<pads=[1,1,1,1]>(x, w) n = BatchNormalization(c, b, b, b, v) r = Relu(n) "
            "p = MaxPool<kernel_shape=[2,2]>(r) s = Reshape(p, t) d = Gemm<transB=1>(s, k) y = Softmax(d)")
    data = model("(float[N,3,6,6] x) => (float[N,M] y)", body, w=rand(4, 3, 3, 3), b=rand(4),
                 v=np.abs(rand(4)), t=[1, -1], k=rand(2, 36)).SerializeToString()
    generator, path, refusals = np.random.default_rng(0), tmp_path / "damaged.onnx", 0
    for _ in range(1000):
        damaged = bytearray(data)
        for _ in range(generator.integers(1, 4)):
            damaged[generator.integers(len(data))] ^= 1 << generator.integers(8)
        path.write_bytes(damaged)
        try:
            import_model(path)
        except ModelError as refusal:
            refusals += 1
            assert "\n" not in str(refusal)
    assert refusals > 100


def test_damaged_tensors_are_named() -> None:
    proto = model(VECTOR, "y = MatMul(x, w)", w=rand(4, 4))
    proto.graph.initializer[0].raw_data += b"1234"
    refused(proto, "w")
