"""Random graphs: numpy engine and driver agree bit for bit, tiled or not; every layer is within its error bound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pal_edge import compiler
from pal_edge.compiler.graph import Add, Mul
from pal_edge.container import known_answer_input
from pal_edge.numeric import decode, encode
from pal_edge.runtime import InferenceSession
from tests.compiler.float_graph import compute
from tests.compiler.lower.bounds import expected
from tests.compiler.lower.random_graphs import Builder
from tests.driver.small_model import run_numpy

SAMPLES = 4
NODES = 8
SRAM = (4096, 2048, 512)  # bytes: so small that layers fall into tiles


def check_random_graph(data: st.DataObject) -> None:
    builder = Builder(data)
    for _ in range(builder.integer(1, NODES)):
        builder.grow()
    builder.finish()
    check(builder.model(), builder.rng.standard_normal((SAMPLES, *builder.input_shape)).astype(np.float32),
          builder.among(*SRAM))


@settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_random_graphs(data: st.DataObject) -> None:
    check_random_graph(data)


@pytest.mark.exhaustive
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_many_random_graphs(data: st.DataObject) -> None:
    check_random_graph(data)


def check(model: onnx.ModelProto, samples: NDArray[np.float32], sram: int) -> None:
    compilation = compiler.prepare(model, {"x": samples})
    compiled = compilation.model()
    tiled = replace(compilation, target=replace(compilation.target, sram_bytes=sram)).model()
    with InferenceSession(compiled) as session, InferenceSession(tiled) as other:
        for seed in (1, 2):
            region = known_answer_input(seed, compiled.input_size)
            result = run_numpy(compiled, region)
            assert session.run_region(region) == result
            assert other.run_region(region) == result
        traced = session.trace({"x": samples[0]})
    graph, bias = compilation.graph, compilation.scales.bias
    values = {"x": decode(encode(samples[0], bias("x")), bias("x")).astype(np.float64)}
    constants = {name: array.astype(np.float64) for name, array in graph.constants.items()}
    operands = {name: decode(encode(array, bias(name)), bias(name)) for name, array in graph.constants.items()}
    for layer in graph.layers:
        shape, name = graph.shapes[layer.output], layer.output
        fixed = operands if isinstance(layer, Add | Mul) else constants
        inputs = [fixed[i].astype(np.float64) if i in fixed else values[i] for i in layer.inputs]
        if name not in traced:  # it only changes how the same codes are seen
            values[name] = compute(layer, inputs, shape)
            continue
        values[name] = decode(traced[name], bias(name)).astype(np.float64)
        before = bias(layer.before_table) if layer.before_table else None
        exact, error = expected(layer, inputs, shape, [bias(i) for i in layer.inputs], before, bias(name),
                                layer.inputs[-1] in constants)
        worst = np.argmax(np.abs(values[name] - exact) - error)
        ours, want, allowed = (array.flat[worst] for array in (values[name], exact, error))
        assert abs(ours - want) <= allowed, f"{layer}: {ours} instead of {want} ± {allowed}"
