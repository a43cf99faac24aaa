"""Random ONNX models: every operator family, on shapes and parameters that hypothesis draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from hypothesis import strategies as st

Shape = tuple[int, ...]


class Builder:
    """A model under construction; `values` are those that later nodes may read, images [1, C, H, W]."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.rng = np.random.default_rng(self.integer(0, 2**32 - 1))
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.shape: Shape = (1, self.integer(1, 20), self.integer(1, 9), self.integer(1, 9))
        self.input_shape = self.shape
        self.value = "x"
        self.earlier: dict[Shape, list[str]] = {self.shape: ["x"]}

    def integer(self, low: int, high: int) -> int:
        return int(self.data.draw(st.integers(low, high)))

    def among(self, *choices: Any) -> Any:
        return self.data.draw(st.sampled_from(choices))

    def constant(self, array: Any) -> str:
        array = np.asarray(array)
        if array.dtype.kind == "f":
            array = array.astype(np.float32)
        name = f"c{len(self.weights)}"
        self.weights.append(onnx.numpy_helper.from_array(array, name))
        return name

    def random(self, *shape: int) -> str:
        return self.constant(self.rng.standard_normal(shape))

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(op, inputs, [name], **attributes))
        return name

    def step(self, value: str, shape: Shape) -> None:
        self.value, self.shape = value, shape
        self.earlier.setdefault(shape, []).append(value)

    def grow(self) -> None:
        """Append one random node, or the few that belong together."""
        _, c, h, w = self.shape
        kinds = [conv, depthwise, pool, unary, pairwise, by_constant, concat, cut, resize, dense, moved, reduced,
                 normalized, product]
        if h * w * c > 2500:
            kinds = [pool, cut, reduced]
        self.among(*kinds)(self)

    def finish(self) -> None:
        """Make sure that something depends on the input."""
        if self.value == "x":
            unary(self)

    def model(self) -> onnx.ModelProto:
        graph = onnx.helper.make_graph(
            self.nodes, "random",
            [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, self.input_shape)],
            [onnx.ValueInfoProto(name=self.value)], self.weights)
        graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
        return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def _window(b: Builder, kernel_max: int) -> tuple[dict[str, Any], tuple[int, int]]:
    """Return attributes and the size of the result."""
    size, kernel, strides, dilations, begin, end, out = b.shape[2:], [], [], [], [], [], []
    for n in size:
        k, s, d = b.integer(1, kernel_max), b.integer(1, 3), b.integer(1, 2)
        before, after = b.integer(0, k - 1), b.integer(0, k - 1)
        if n + before + after < (k - 1) * d + 1:
            k, d, before, after = 1, 1, 0, 0
        kernel.append(k)
        strides.append(s)
        dilations.append(d)
        begin.append(before)
        end.append(after)
        out.append((n + before + after - (k - 1) * d - 1) // s + 1)
    attributes = {"kernel_shape": kernel, "strides": strides, "dilations": dilations, "pads": begin + end}
    return attributes, (out[0], out[1])


def conv(b: Builder) -> None:
    channels = b.shape[1]
    groups = b.among(*(g for g in (1, 2, 3, 4) if channels % g == 0))
    outputs = groups * b.integer(1, 9)
    attributes, size = _window(b, 4)
    weight = b.random(outputs, channels // groups, *attributes["kernel_shape"])
    b.step(b.node("Conv", b.value, weight, b.random(outputs), group=groups, **attributes), (1, outputs, *size))


def depthwise(b: Builder) -> None:
    channels, multiplier = b.shape[1], b.integer(1, 3)
    attributes, size = _window(b, 5)
    weight = b.random(channels * multiplier, 1, *attributes["kernel_shape"])
    b.step(b.node("Conv", b.value, weight, group=channels, **attributes), (1, channels * multiplier, *size))


def pool(b: Builder) -> None:
    attributes, size = _window(b, 4)
    op = b.among("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool")
    if op.startswith("Global"):
        b.step(b.node(op, b.value), (*b.shape[:2], 1, 1))
        return
    if op == "AveragePool":
        attributes["count_include_pad"] = b.integer(0, 1)
    attributes["dilations"] = [1, 1]
    size = tuple((n + p + q - k) // s + 1 for n, p, q, k, s in zip(
        b.shape[2:], attributes["pads"][:2], attributes["pads"][2:], attributes["kernel_shape"],
        attributes["strides"], strict=True))
    if op == "AveragePool":
        del attributes["dilations"]
    b.step(b.node(op, b.value, **attributes), (*b.shape[:2], *size))


def unary(b: Builder) -> None:
    op, attributes = b.among(
        ("Relu", {}), ("LeakyRelu", {"alpha": 0.2}), ("Sigmoid", {}), ("Tanh", {}), ("HardSwish", {}), ("Elu", {}),
        ("HardSigmoid", {}), ("Softplus", {}), ("Abs", {}), ("Neg", {}), ("Erf", {}), ("Clip", {}))
    inputs = [b.value, b.constant(np.float32(-0.7)), b.constant(np.float32(1.1))] if op == "Clip" else [b.value]
    b.step(b.node(op, *inputs, **attributes), b.shape)


def pairwise(b: Builder) -> None:
    other = b.among(*b.earlier[b.shape])
    b.step(b.node(b.among("Add", "Sub", "Mul", "Max", "Min"), b.value, other), b.shape)


def by_constant(b: Builder) -> None:
    _, c, h, w = b.shape
    shape = b.among((1,), (c, 1, 1), (w,), (h, 1), (1, c, h, w), (c, h, 1))
    operands = [b.value, b.random(*shape)]
    b.step(b.node(b.among("Add", "Sub", "Mul"), *(operands if b.integer(0, 1) else operands[::-1])), b.shape)


def concat(b: Builder) -> None:
    axis = b.integer(1, 3)
    others = [b.among(*b.earlier[b.shape]), b.random(*b.shape)][: b.integer(1, 2)]
    shape = list(b.shape)
    shape[axis] *= 1 + len(others)
    b.step(b.node("Concat", *others, b.value, axis=axis), tuple(shape))


def cut(b: Builder) -> None:
    axis = b.integer(1, 3)
    size = b.shape[axis]
    start, step = b.integer(0, size - 1), b.among(1, 2, -1)
    stop = -size - 1 if step < 0 else size
    shape = list(b.shape)
    shape[axis] = len(range(size)[start : None if step < 0 else stop : step])
    ends = [b.constant(np.array([v])) for v in (start, stop, axis, step)]
    b.step(b.node("Slice", b.value, *ends), tuple(shape))


def resize(b: Builder) -> None:
    n, c, h, w = b.shape
    fy, fx = b.integer(1, 3), b.integer(1, 3)
    mode = b.among("nearest", "linear")
    scales = b.constant(np.array([1, 1, fy, fx], np.float32))
    b.step(b.node("Resize", b.value, "", scales, mode=mode, coordinate_transformation_mode="asymmetric" if
                  mode == "nearest" else "half_pixel"), (n, c, h * fy, w * fx))


def dense(b: Builder) -> None:
    """A matrix over the last axis, or over all of a sample."""
    _, c, h, w = b.shape
    outputs = b.integer(1, 20)
    if b.integer(0, 1):
        b.step(b.node("MatMul", b.value, b.random(w, outputs)), (1, c, h, outputs))
        return
    flat = b.node("Flatten", b.value)
    y = b.node("Gemm", flat, b.random(outputs, c * h * w), b.random(outputs), transB=1)
    b.step(b.node("Reshape", y, b.constant(np.array([1, outputs, 1, 1]))), (1, outputs, 1, 1))


def moved(b: Builder) -> None:
    n, c, h, w = b.shape
    kind = b.among("Transpose", "Reshape", "Pad", "SpaceToDepth", "shuffle")
    if kind == "Transpose":
        perm = b.among((0, 2, 3, 1), (0, 3, 1, 2), (0, 1, 3, 2))
        b.step(b.node("Transpose", b.value, perm=perm), tuple(b.shape[p] for p in perm))
    elif kind == "Reshape":
        shape = b.among((n, c * h, w, 1), (n, 1, c, h * w), (n, w, h, c))
        b.step(b.node("Reshape", b.value, b.constant(np.array(shape))), shape)
    elif kind == "Pad":
        top, right, value = b.integer(0, 2), b.integer(0, 2), b.constant(np.float32(b.among(0.0, -1.5)))
        pads = b.constant(np.array([0, 0, top, 0, 0, 0, 0, right]))
        b.step(b.node("Pad", b.value, pads, value), (n, c, h + top, w + right))
    elif kind == "SpaceToDepth" and h % 2 == w % 2 == 0:
        b.step(b.node("SpaceToDepth", b.value, blocksize=2), (n, 4 * c, h // 2, w // 2))
    elif c % 2 == 0:
        split = b.node("Reshape", b.value, b.constant(np.array([n, 2, c // 2, h, w])))
        swapped = b.node("Transpose", split, perm=(0, 2, 1, 3, 4))
        b.step(b.node("Reshape", swapped, b.constant(np.array(b.shape))), b.shape)


def reduced(b: Builder) -> None:
    axes = b.among([1], [2], [3], [2, 3], [1, 2], [1, 3])
    op = b.among("ReduceMean", "ReduceMax", "ReduceSum")
    shape = tuple(1 if axis in axes else n for axis, n in enumerate(b.shape))
    if op == "ReduceSum":
        b.step(b.node(op, b.value, b.constant(np.array(axes))), shape)
    else:
        b.step(b.node(op, b.value, axes=axes), shape)


def normalized(b: Builder) -> None:
    """On the CPU, or folded away."""
    channels, width = b.shape[1], b.shape[3]
    op = b.among("Softmax", "LayerNormalization", "BatchNormalization", "PRelu")
    if op == "Softmax":
        b.step(b.node(op, b.value, axis=b.integer(1, 3)), b.shape)
    elif op == "LayerNormalization" and width > 3:
        b.step(b.node(op, b.value, b.random(width), b.random(width)), b.shape)
    elif op == "PRelu":
        b.step(b.node(op, b.value, b.random(channels, 1, 1)), b.shape)
    else:
        variance = b.constant(b.rng.uniform(0.5, 2, channels))
        b.step(b.node("BatchNormalization", b.value, *(b.random(channels) for _ in range(3)), variance), b.shape)


def product(b: Builder) -> None:
    """A matrix product of two activations, or with constant matrices, one for each channel."""
    n, c, h, w = b.shape
    if b.integer(0, 1):
        columns = b.integer(1, 20)
        if b.integer(0, 1):
            b.step(b.node("MatMul", b.value, b.random(c, w, columns)), (n, c, h, columns))
        else:
            b.step(b.node("MatMul", b.random(c, columns, h), b.value), (n, c, columns, w))
        return
    other = b.node("Transpose", b.among(*b.earlier[b.shape]), perm=(0, 1, 3, 2))
    b.step(b.node("MatMul", b.value, other), (*b.shape[:3], b.shape[2]))
