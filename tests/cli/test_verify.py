"""`pal-edge verify`: why a layer is bad, and its reproducer."""

from __future__ import annotations

import json
import os

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from pal_edge.cli import main
from tests.cli.test_errors import refuse

VERIFY = "verify net.pal --onnx net.onnx --data {} "


def diagnosis(pal, line: str) -> dict[str, object]:
    done = pal(line + " --json")
    assert done.code == 1
    found = json.loads(done.out)["diagnosis"]
    assert f"why: {found['text']}" in pal(line).out
    return found


@pytest.mark.parametrize(("factor", "cause"), [(1000, "saturation"), (0.001, "underflow")])
def test_values_out_of_range_are_the_cause(pal, workspace, factor, cause):
    np.save(workspace / "other.npy", np.load(workspace / "data.npy") * np.float32(factor))
    found = diagnosis(pal, VERIFY.format("other.npy"))
    assert found["cause"] == cause
    share = {"saturation": "saturated_share", "underflow": "underflowed_share"}[cause]
    assert found[share] > 0.5 and f"{found[share]:.0%}" in found["text"]


def differences(workspace, common: float) -> None:
    """Make net.onnx compute differences of inputs that have `common` in common, and data.npy such inputs."""
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["y"], "difference")],
        "differences", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])],
        [numpy_helper.from_array(np.array([[1, -1.01], [-1, 1]], np.float32), "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
              workspace / "net.onnx")
    data = np.random.default_rng(5).normal(size=(32, 1, 2)) * 0.3 + common
    np.save(workspace / "data.npy", data.astype(np.float32))


def test_cancellation_is_the_cause_where_terms_are_much_larger_than_results(pal, workspace):
    differences(workspace, common=10)
    assert pal("convert net.onnx --calib data.npy").code == 0
    found = diagnosis(pal, VERIFY.format("data.npy"))
    assert found["cause"] == "cancellation"
    data = np.load(workspace / "data.npy")[:8, 0].astype(np.float64)
    weights = np.array([[1, -1.01], [-1, 1]])
    ratio = np.sqrt((data**2 @ weights**2).sum() / ((data @ weights) ** 2).sum())
    assert found["cancellation"] == pytest.approx(ratio, rel=0.05)  # from the device's inputs
    measured = json.loads(pal(VERIFY.format("data.npy") + "--json").out)["layers"][0]["sqnr_db"]
    assert abs(found["rounding_db"] - measured) < 6


def test_rounding_is_the_cause_where_nothing_else_is(pal, workspace):
    differences(workspace, common=0)
    assert pal("convert net.onnx --calib data.npy").code == 0
    found = diagnosis(pal, VERIFY.format("data.npy") + "--min-sqnr 60")
    assert found["cause"] in {"rounding", "inputs"} and found["cancellation"] < 2
    assert found["rounding_db"] == pytest.approx(33, abs=4)


def test_errors_that_came_with_the_inputs_are_told_apart(pal):
    layers = json.loads(pal(VERIFY.format("data.npz") + "--json").out)["layers"]
    between = (layers[0]["sqnr_db"] + layers[1]["sqnr_db"]) / 2
    assert layers[1]["sqnr_db"] < between
    found = diagnosis(pal, VERIFY.format("data.npz") + f"--min-sqnr {between}")
    assert found["cause"] == "inputs" and 0.5 < found["input_share"] < 1.5


def test_the_reproducer_is_a_network_that_verifies(pal, workspace, monkeypatch):
    done = pal(VERIFY.format("data.npz") + "--min-sqnr 32.5 --reproduce one")
    assert done.code == 1 and "wrote one" in done.out
    assert sorted(os.listdir(workspace / "one")) == ["README.md", "expected.npz", "input.npz", "layer.onnx"]
    with np.load(workspace / "one" / "input.npz") as inputs, np.load(workspace / "one" / "expected.npz") as expected:
        feeds, outputs = dict(inputs), dict(expected)
    session = onnxruntime.InferenceSession(workspace / "one" / "layer.onnx")
    (name,) = outputs
    for i in range(12):
        (found,) = session.run([name], {key: value[i : i + 1] for key, value in feeds.items()})
        np.testing.assert_allclose(found, outputs[name][i : i + 1], rtol=1e-5, atol=1e-6)
    nodes = [node.op_type for node in onnx.load(workspace / "one" / "layer.onnx").graph.node]
    assert nodes == ["Flatten", "Gemm"]
    monkeypatch.chdir(workspace / "one")
    commands = [line.split()[1:] for line in (workspace / "one" / "README.md").read_text().splitlines()
                if line.startswith("    pal-edge")]
    assert [main(command) for command in commands] == [0, 0]


def test_nothing_bad_is_nothing_to_reproduce(pal, workspace):
    done = pal(VERIFY.format("data.npz") + "--reproduce one")
    assert done.code == 0 and "nothing to reproduce" in done.out and not (workspace / "one").exists()


def test_names_with_slashes_can_be_reproduced(pal, workspace):
    model = onnx.load(workspace / "net.onnx")
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [f"/block/{name}" if name in "crfg" else name for name in names]
    onnx.save(model, workspace / "net.onnx")
    assert pal("convert net.onnx --calib data.npz").code == 0
    assert pal(VERIFY.format("data.npz") + "--min-sqnr 32.5 --reproduce one").code == 1
    with np.load(workspace / "one" / "input.npz") as inputs:
        assert inputs.files == ["/block/r"]
    assert pal("convert one/layer.onnx --calib one/input.npz").code == 0


@pytest.mark.parametrize(("line", "word"), [
    ("--reproduce net.pal", "exists already"),
    ("--reproduce nowhere/one", "folder"),
    ("--mean 1", "for images"),
])
def test_wrong_arguments(pal, workspace, line, word):
    refuse(pal, workspace, VERIFY.format("data.npz") + line, word)


def test_a_full_disk_leaves_no_part_of_a_reproducer(pal, workspace, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28), "one")

    monkeypatch.setattr(np, "savez", full)
    refuse(pal, workspace, VERIFY.format("data.npz") + "--min-sqnr 32.5 --reproduce one", "No space left")
