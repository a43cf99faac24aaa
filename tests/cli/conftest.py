"""A small network, data for it, and its conversion, as files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pal_edge import cli


@dataclass(frozen=True)
class Workspace:
    """A folder with net.onnx, data.npz, data.npy (the same data) and net.pal."""

    folder: Path

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


@dataclass(frozen=True)
class Result:
    """What a command line printed and returned."""

    code: int
    out: str
    err: str


def network() -> onnx.ModelProto:
    """Conv, ReLU, flatten, dense and softmax: x [batch, 1, 6, 6] -> y [batch, 4]."""
    rng = np.random.default_rng(1)
    weights = {
        "w1": rng.normal(size=(4, 1, 3, 3)), "b1": rng.normal(size=4) / 4,
        "w2": rng.normal(size=(64, 4)) / 8, "b2": rng.normal(size=4) / 4,
    }
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c"], "first", kernel_shape=[3, 3]),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("Flatten", ["r"], ["f"], "flatten"),
        helper.make_node("Gemm", ["f", "w2", "b2"], ["g"], "dense"),
        helper.make_node("Softmax", ["g"], ["y"], "softmax"),
    ]
    graph = helper.make_graph(
        nodes, "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 1, 6, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    onnx.save(network(), folder / "net.onnx")
    data = np.random.default_rng(2).normal(size=(12, 1, 6, 6)).astype(np.float32)
    np.savez(folder / "data.npz", x=data)
    np.save(folder / "data.npy", data)
    assert cli.main(["convert", str(folder / "net.onnx"), "--calib", str(folder / "data.npz")]) == 0
    return folder


@pytest.fixture
def workspace(converted: Path, tmp_path: Path) -> Workspace:
    """A copy of the converted network that a test may change."""
    for path in converted.iterdir():
        shutil.copy(path, tmp_path)
    return Workspace(tmp_path)


@pytest.fixture
def pal(workspace: Workspace, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run `pal-edge` with the words of a line, in the workspace."""
    monkeypatch.chdir(workspace.folder)

    def run(line: str) -> Result:
        code = cli.main(line.split())
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run
