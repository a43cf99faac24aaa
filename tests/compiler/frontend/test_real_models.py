"""The MLPerf Tiny reference models and the example: the graph computes what ONNX Runtime computes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.compiler.frontend.models import equal

ROOT = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("PAL_MLPERF_TINY", ROOT.parent / "shared" / "mlperf_tiny"))


@pytest.mark.parametrize(("name", "expected"), [
    ("ad01", {"Dense": 10}),
    ("ic01", {"Transpose": 1, "Conv": 9, "Add": 3, "Pool": 1, "Reshape": 1, "Dense": 1, "Softmax": 1}),
    ("kws01", {"Reshape": 2, "Conv": 9, "Pool": 1, "Dense": 1, "Softmax": 1}),
    ("vww01", {"Transpose": 1, "Conv": 27, "Pool": 1, "Reshape": 1, "Dense": 1, "Softmax": 1}),
])
def test_mlperf_tiny(name: str, expected: dict[str, int]) -> None:
    path = FOLDER / f"{name}.onnx"
    if not path.exists():
        pytest.skip(f"{path} is not there; set PAL_MLPERF_TINY")
    graph = equal(str(path), 1e-4).graph
    found = [layer.op for layer in graph.layers]
    assert {op: found.count(op) for op in found} == expected
    assert graph.dynamic_batch


def test_the_example() -> None:
    graph = equal(str(ROOT / "examples" / "digits" / "digits.onnx")).graph
    assert graph.inputs == ["image"] and graph.dynamic_batch
