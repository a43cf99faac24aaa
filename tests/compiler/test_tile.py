"""Tiling changes where values lie and in which order rows are computed, never a result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import parser

from pal_edge.compiler import Compilation, prepare
from pal_edge.container import Model, known_answer_input
from pal_edge.numeric.engine import execute
from pal_edge.spec.registers import Region
from pal_edge.spec.targets import TARGETS

NET = """<ir_version: 8, opset_import: ["" : 17]>
net (float[1,4,23,18] x) => (float[1,10] y) {
  a = Conv <kernel_shape=[3,3], pads=[1,1,1,1]> (x, w1)
  b = Relu(a)
  c = Conv <kernel_shape=[5,3], pads=[2,1,2,1], group=24> (b, w2)
  d = MaxPool <kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]> (c)
  e = Conv <kernel_shape=[1,1]> (d, w3)
  f = Tanh(e)
  g = AveragePool <kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]> (f)
  h = Conv <kernel_shape=[3,3], dilations=[2,2], pads=[2,2,2,2], group=2> (g, w4)
  i = Add(g, h)
  j = GlobalAveragePool(i)
  k = Flatten(j)
  y = MatMul(k, w5)
}"""
WEIGHTS = {"w1": (24, 4, 3, 3), "w2": (24, 1, 5, 3), "w3": (32, 24, 1, 1), "w4": (32, 16, 3, 3), "w5": (32, 10)}


@pytest.fixture(scope="module")
def compilation() -> Compilation:
    random = np.random.default_rng(3)
    model = parser.parse_model(NET)
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(random.standard_normal(shape).astype(np.float32) / shape[1] ** 0.5, name)
        for name, shape in WEIGHTS.items())
    return prepare(model, {"x": random.standard_normal((4, 4, 23, 18)).astype(np.float32)})


def output(model: Model) -> bytes:
    sizes = {Region.ARENA: model.arena_size, Region.SRAM: model.sram_size, Region.OUTPUT: model.output_size}
    memory = {region: np.full(size, 0x55, np.uint8) for region, size in sizes.items()}
    memory[Region.MODEL] = np.frombuffer(model.constants, np.uint8)
    memory[Region.INPUT] = np.frombuffer(known_answer_input(7, model.input_size), np.uint8)
    execute(model.commands, memory)
    return memory[Region.OUTPUT].tobytes()


def compiled(compilation: Compilation, sram: int) -> Model:
    return replace(compilation, target=replace(TARGETS["pal-e128"], sram_bytes=sram)).model()


@pytest.mark.parametrize("sram", [16384, 8192, 4096, 2048, 1024])
def test_less_memory_gives_the_same_bytes(compilation: Compilation, sram: int) -> None:
    whole, tiled = compiled(compilation, 1 << 20), compiled(compilation, sram)
    assert tiled.sram_size <= sram < whole.sram_size
    assert any(layer.op == "Tiled" for layer in tiled.layers)
    assert output(tiled) == output(whole)


def test_tiling_keeps_large_values_out_of_system_memory(compilation: Compilation) -> None:
    tiled = compiled(compilation, 8192)
    largest = 24 * 23 * 18
    assert tiled.arena_size < largest


def test_every_command_belongs_to_its_layer(compilation: Compilation) -> None:
    tiled = compiled(compilation, 4096)
    assert sum(layer.command_count for layer in tiled.layers) == len(tiled.commands)
    for index, layer in enumerate(tiled.layers):
        commands = tiled.commands[layer.first_command : layer.first_command + layer.command_count]
        assert {command.layer for command in commands} == {index}
    whole = compiled(compilation, 1 << 20)
    assert sum(layer.macs for layer in tiled.layers) == sum(layer.macs for layer in whole.layers)
