"""The table of operators: complete, fresh in docs/, and true about where they run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import pal_edge
from pal_edge.compiler.frontend.nodes import HANDLERS
from pal_edge.operators import markdown, operators
from pal_edge.spec.commands import CPU_FIRST, FLAG_TABLE

PAGE = Path(__file__).parents[1] / "docs" / "operators.md"
PLACES = {op: each.runs for each in operators() for op in each.ops}


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text() == markdown(), "run `make generate`"


def test_every_operator_is_listed_once_with_what_is_supported() -> None:
    listed = [op for each in operators() for op in each.ops]
    assert sorted(listed) == sorted(HANDLERS)
    assert all(each.supported.endswith(".") for each in operators())


def commands(op: str, opset: int) -> list[tuple[int, int]]:
    """Return (opcode, flags) of a convolution, and of `op` behind it unless it is ""."""
    nodes = [helper.make_node("Conv", ["x", "w"], ["c" if op else "y"], kernel_shape=[1, 1])]
    if op:
        extra = ["size"] if op == "Reshape" else []
        nodes.append(helper.make_node(op, ["c", *extra], ["y"]))
    constants = {"w": np.eye(4, dtype=np.float32).reshape(4, 4, 1, 1), "size": np.array([1, 16, 4])}
    shape = {"Flatten": [1, 64], "Reshape": [1, 16, 4], "Squeeze": [4, 4, 4], "GlobalAveragePool": [1, 4, 1, 1]}
    kind = TensorProto.INT64 if op == "ArgMax" else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes, "one", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 4, 4])],
        [helper.make_tensor_value_info("y", kind, shape.get(op, [1, 1, 4, 4] if op == "ArgMax" else [1, 4, 4, 4]))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()])
    graph.node[-1].attribute.extend([helper.make_attribute("axis", 1)] if op in {"ArgMax", "Softmax"} else [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    data = {"x": np.random.default_rng(0).uniform(0.1, 1, (4, 4, 4, 4)).astype(np.float32)}
    converted = pal_edge.convert(model, data, optimize="none")
    return [(each.opcode, each.flags) for each in converted.commands]


@pytest.mark.parametrize("op", [op for op, place in PLACES.items() if place == "table"
                                and op not in {"Gelu", "Mish", "PRelu", "Pow", "Swish"}])  # newer opsets, more inputs
def test_a_table_ends_the_command_before_it(op: str) -> None:
    (plain,) = commands("", 17)
    assert commands(op, 17) == [(plain[0], plain[1] | FLAG_TABLE)]


@pytest.mark.parametrize("op", ["Clip", "Dropout", "Flatten", "Identity", "Relu", "Reshape", "Squeeze"])
def test_free_means_no_command(op: str) -> None:
    assert PLACES[op] == "free"
    assert len(commands(op, 17)) == 1 + (op in {"Flatten", "Reshape"})  # the output's own order


@pytest.mark.parametrize("op", ["ArgMax", "Softmax"])
def test_what_runs_on_the_cpu_says_so(op: str) -> None:
    assert PLACES[op] == "CPU" and commands(op, 17)[-1][0] >= CPU_FIRST


def test_what_runs_on_the_engine_has_commands() -> None:
    assert PLACES["GlobalAveragePool"] == "engine"
    assert [opcode < CPU_FIRST for opcode, _ in commands("GlobalAveragePool", 17)] == [True, True]
