"""Converting keeps what answers better, says so, and does so the same way every time."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import pal_edge
from pal_edge.compiler.frontend import import_model
from pal_edge.compiler.improve import rounding
from pal_edge.errors import ModelError
from pal_edge.quality import final_values

GENERATOR = np.random.default_rng(11)


def network(shapes: list[tuple[tuple[int, ...], int]], softmax: bool = False) -> onnx.ModelProto:
    """Return Conv + Relu for each (weight shape, groups) on 1 x C x 8 x 8, then pool and a dense head."""
    nodes, constants, value = [], [], "x"

    def constant(name: str, array: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(array.astype(np.float32), name))
        return name

    for i, (shape, groups) in enumerate(shapes):
        weight = constant(f"w{i}", GENERATOR.standard_normal(shape) / np.sqrt(np.prod(shape[1:]) / 2))
        bias = constant(f"b{i}", GENERATOR.standard_normal(shape[0]) / 5)
        pad = shape[2] // 2
        nodes.append(helper.make_node("Conv", [value, weight, bias], [f"c{i}"], group=groups, pads=[pad] * 4))
        nodes.append(helper.make_node("Relu", [f"c{i}"], [f"r{i}"]))
        value = f"r{i}"
    nodes.append(helper.make_node("GlobalAveragePool", [value], ["p"]))
    nodes.append(helper.make_node("Flatten", ["p"], ["f"]))
    head = constant("head", GENERATOR.standard_normal((shapes[-1][0][0], 4)))
    nodes.append(helper.make_node("MatMul", ["f", head], ["logits" if softmax else "y"]))
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["y"], axis=-1))
    channels = shapes[0][0][1] * shapes[0][1]
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, channels, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def samples(channels: int, count: int = 8) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(3).standard_normal((count, channels, 8, 8)).astype(np.float32)}


NETWORKS = {
    "plain": ([((8, 3, 3, 3), 1), ((12, 8, 3, 3), 1), ((8, 12, 1, 1), 1)], 3),
    "depthwise": ([((8, 3, 3, 3), 1), ((8, 1, 3, 3), 8), ((16, 8, 1, 1), 1), ((16, 1, 3, 3), 16)], 3),
    "groups": ([((8, 2, 3, 3), 2), ((12, 4, 3, 3), 2)], 4),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_better_is_kept_and_both_figures_are_recorded(name):
    shapes, channels = NETWORKS[name]
    model, data = network(shapes), samples(channels)
    converted = pal_edge.convert(model, data)
    record = converted.trace["quantizer"]
    assert converted.provenance["quantizer"] == record
    assert record[f"{record['kept']}_db"] == max(record["plain_db"], record["improved_db"])
    assert record["improved_db"] > record["plain_db"] + 0.5  # what the passes are for
    assert final_error_db(converted, model, data) == pytest.approx(record[f"{record['kept']}_db"], abs=0.01)


def test_plain_is_kept_where_the_improved_is_worse(monkeypatch):
    model, data = network(NETWORKS["plain"][0]), samples(3)
    monkeypatch.setattr(rounding, "correction", lambda weight, *_: np.ones(weight.shape[:2]))
    converted = pal_edge.convert(model, data)
    assert converted.trace["quantizer"]["kept"] == "plain"
    assert converted.constants == pal_edge.convert(model, data, optimize="none").constants


def test_converting_twice_gives_the_same_bytes():
    model, data = network(NETWORKS["depthwise"][0]), samples(3)
    assert pal_edge.convert(model, data).to_bytes() == pal_edge.convert(model, data).to_bytes()


def test_search_is_no_worse_than_the_default():
    model, data = network(NETWORKS["groups"][0]), samples(4)
    stages = set()
    converted = pal_edge.convert(model, data, optimize="search", progress=lambda stage, *_: stages.add(stage))
    record = converted.trace["quantizer"]
    assert record["searched_db"] >= record["improved_db"]
    assert "search" in stages


def test_none_measures_only_the_plain_one():
    converted = pal_edge.convert(network(NETWORKS["groups"][0]), samples(4), optimize="none")
    assert set(converted.trace["quantizer"]) == {"plain_db", "kept"}


def test_the_error_counts_before_a_last_softmax():
    graph = import_model(network(NETWORKS["plain"][0], softmax=True)).graph
    assert final_values(graph) == ["logits"]


def test_an_unknown_choice_is_refused():
    with pytest.raises(ModelError, match="optimize 'best' is unknown; known: default, none, search"):
        pal_edge.convert(network(NETWORKS["groups"][0]), samples(4), optimize="best")


def final_error_db(converted: pal_edge.Model, model: onnx.ModelProto, data: dict[str, np.ndarray]) -> float:
    import onnxruntime as ort

    reference = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    exact = np.concatenate([reference.run(None, {"x": x[None]})[0] for x in data["x"]])
    with pal_edge.InferenceSession(converted) as session:
        actual = np.concatenate([session.run(None, {"x": x[None]})[0] for x in data["x"]])
    return float(10 * np.log10(np.square(exact).sum() / np.square(exact - actual).sum()))
