"""ONNX's own test cases: what imports computes what they expect; the rest is refused in one line."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import pytest

from pal_edge.compiler.frontend import import_model
from pal_edge.errors import ModelError
from tests.compiler.float_graph import run

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from onnx.backend.test.case.node import collect_testcases


def cases() -> Iterator[tuple[str, onnx.ModelProto, Any, list[Any]]]:
    """Yield (name, model, its first input's value, expected outputs), all other inputs made constant."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        collected = collect_testcases(None)
    for case in collected:
        values, outputs = case.data_sets[0]
        if not case.model.graph.input or len(values) != len(case.model.graph.input):
            continue
        model = onnx.ModelProto()
        model.CopyFrom(case.model)  # onnx keeps its cases, and other tests use them
        for value, array in list(zip(case.model.graph.input, values, strict=True))[1:]:
            if isinstance(array, np.ndarray | np.generic):
                tensor = onnx.numpy_helper.from_array(np.asarray(array), value.name)
                model.graph.initializer.append(tensor)
                model.graph.input.remove(value)
        yield case.name, model, values[0], outputs


@pytest.mark.filterwarnings("ignore")  # numpy and onnx warn about some of the cases' own data
def test_node_cases() -> None:
    counts: Counter[str] = Counter()
    for name, proto, value, outputs in cases():
        try:
            graph = import_model(proto).graph
        except ModelError as refusal:
            assert "\n" not in str(refusal) and "import failed" not in str(refusal), (name, str(refusal))
            counts["refused"] += 1
            continue
        if len(graph.inputs) != 1 or not isinstance(value, np.ndarray):
            counts["passed over"] += 1
            continue
        results = run(graph, {graph.inputs[0]: value})
        for output, expected in zip(graph.outputs, outputs, strict=True):
            tolerance = 2e-3 if np.asarray(expected).dtype.itemsize < 4 else 1e-4
            np.testing.assert_allclose(results[output], np.asarray(expected, np.float64), err_msg=name,
                                       atol=tolerance, rtol=tolerance)
        counts["equal"] += 1
    assert counts["equal"] > 150, counts
