"""ONNX's light models: whole networks whose weights are a single constant, run as they are and with random weights."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import pal_edge
from pal_edge import backend
from tests.conformance.cases import DATA

SMALL = ("shufflenet", "squeezenet")
LARGE = ("bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "vgg19", "zfnet512")
ALL = [*SMALL, *(pytest.param(name, marks=pytest.mark.exhaustive) for name in LARGE)]
# The results come out of as many layers as a code each: 5 % is a step and a bit; 6 dB a layer would be noise.
TOLERANCE = 0.05
LEAST_DB = 15.0


def light(name: str) -> tuple[onnx.ModelProto, NDArray[np.float32], NDArray[np.float32]]:
    """Return a model, the input that its answer belongs to, and the answer."""
    model = onnx.load(DATA / "light" / f"light_{name}.onnx")
    initializers = {tensor.name for tensor in model.graph.initializer}
    (port,) = (value for value in model.graph.input if value.name not in initializers)
    shape = [dim.dim_value for dim in port.type.tensor_type.shape.dim]
    x = (np.arange(np.prod(shape)).reshape(shape) / np.prod(shape)).astype(np.float32)
    answer = onnx.TensorProto.FromString((DATA / "light" / f"light_{name}_output_0.pb").read_bytes())
    return model, x, onnx.numpy_helper.to_array(answer)


@pytest.mark.parametrize("name", ALL)
def test_the_answer_is_the_stored_one(name: str) -> None:
    model, x, answer = light(name)
    (y,) = backend.prepare(model, optimize="none").run([x])
    assert y.shape == answer.shape
    np.testing.assert_allclose(y, answer, rtol=TOLERANCE)


def randomized(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with random weights in the place of constant ones."""
    rng = np.random.default_rng(0)
    sizes = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        shape = sizes[node.input[0]].tolist()
        if len(shape) > 1:  # signals keep their size from layer to layer
            value = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
        else:
            value = rng.uniform(0.5, 1.5, shape)
        model.graph.initializer.append(onnx.numpy_helper.from_array(value.astype(np.float32), node.output[0]))
        model.graph.input.append(onnx.helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, shape))
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


@pytest.mark.parametrize("name", ALL)
def test_with_random_weights_it_is_near_float(name: str) -> None:
    model, x, _ = light(name)
    port = next(i.name for i in model.graph.input if i.name not in {t.name for t in model.graph.initializer})
    noise = np.random.default_rng(1).standard_normal(x.shape).astype(np.float32)
    converted = pal_edge.convert(randomized(model), {port: noise}, optimize="none")
    db = converted.provenance["quantizer"]["plain_db"]
    assert db > LEAST_DB, db
