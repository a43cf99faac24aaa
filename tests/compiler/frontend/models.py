"""Small models for the frontend's tests, and the comparison of their graphs with ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from pal_edge.compiler.frontend import Imported, import_model
from pal_edge.compiler.graph import Graph, Layer
from tests.compiler.float_graph import run


def model(signature: str, body: str, opset: int = 17, **weights: Any) -> onnx.ModelProto:
    """Return `g signature { body }` in ONNX's text form, with initializers; lists of ints are int64."""
    head = f'<ir_version: 8, opset_import: ["" : {opset}]>'
    proto = onnx.parser.parse_model(f"{head} g {signature} {{ {body} }}".replace("<>", ""))
    for name, value in weights.items():
        array = np.asarray(value)
        if array.dtype.kind == "f" and not isinstance(value, np.ndarray):
            array = array.astype(np.float32)
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    return proto


def rand(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def feeds_of(graph: Graph) -> dict[str, NDArray[np.float32]]:
    return {name: rand(*graph.shapes[name], seed=i + 1) for i, name in enumerate(graph.inputs)}


def session(proto: onnx.ModelProto, values: list[str]) -> ort.InferenceSession:
    extended = onnx.ModelProto.FromString(proto.SerializeToString())
    known = {output.name for output in extended.graph.output}
    extended.graph.output.extend(onnx.ValueInfoProto(name=name) for name in values if name not in known)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    # Beyond the basic level, MatMul with dequantized weights becomes an integer product.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return ort.InferenceSession(extended.SerializeToString(), options, providers=["CPUExecutionProvider"])


def equal(proto: onnx.ModelProto | str, tolerance: float = 2e-5) -> Imported:
    """Import the model; check outputs against the original, every layer against the static float model."""
    imported = import_model(proto)
    graph = imported.graph
    feeds = feeds_of(graph)
    ours = run(graph, feeds)
    names = [name for layer in graph.layers for name in (layer.output, layer.before_table) if name]
    static = session(imported.model, names)
    for name, reference in zip(names, static.run(names, feeds), strict=True):
        close(ours[name], reference, tolerance, name)
    original = onnx.load(proto) if isinstance(proto, str) else proto
    plain = session(original, [])
    types = {"tensor(float16)": np.float16, "tensor(double)": np.float64}
    typed = {i.name: feeds[i.name].astype(types.get(i.type, np.float32)) for i in plain.get_inputs()}
    for name, reference in zip(graph.outputs, plain.run(None, typed), strict=True):
        close(ours[name], reference, tolerance, name)
        assert graph.shapes[name] == reference.shape
    onnx.checker.check_model(imported.model)
    assert len({layer.name for layer in graph.layers}) == len(graph.layers)
    return imported


def close(ours: NDArray[Any], reference: NDArray[Any], tolerance: float, name: str) -> None:
    scale = max(1.0, float(np.abs(reference).max(initial=0)))
    exact = reference.astype(np.float64)
    np.testing.assert_allclose(ours, exact, atol=tolerance * scale, rtol=0, err_msg=name)


def layers(proto: onnx.ModelProto, tolerance: float = 2e-5) -> list[Layer]:
    """Return the layers of a model whose graph equals ONNX Runtime."""
    return equal(proto, tolerance).graph.layers


def ops(proto: onnx.ModelProto, tolerance: float = 2e-5) -> str:
    """Return the layers' names in order, of a model whose graph equals ONNX Runtime."""
    return " ".join(layer.op for layer in layers(proto, tolerance))
