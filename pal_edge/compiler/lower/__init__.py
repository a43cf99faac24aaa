"""Lowering: graph layers become engine commands. One module a family; `lower` is the entry."""

from __future__ import annotations

from ...spec.registers import Region
from ..graph import Conv, ConvTranspose, Graph, Layer, Pool, Reshape, Transpose
from ..layout import Layout
from ..program import Buffer, Placed, Program, aligned
from ..scales import Scales
from . import convolution, elementwise, matmul, movement, on_cpu, pool, transposed, views  # noqa: F401  (they register their layers)
from .context import Context


def lower(graph: Graph, scales: Scales) -> Program:
    """Return the program of `graph`; buffers of intermediate values still have no place.

    Raises UnsupportedError listing every layer that does not fit the command set.
    """
    context = Context(graph, scales)
    offset = 0
    for name in graph.inputs:
        layout = _input_layout(graph, name)
        buffer = Buffer(name, layout.size, Region.INPUT, offset)
        context.program.inputs[name] = Placed.dense(buffer, layout, scales.bias(name))
        offset += aligned(layout.size)
    program = context.run()
    _place_outputs(context)
    return program


def _input_layout(graph: Graph, name: str) -> Layout:
    """Channels last where the first operator that is not a view wants images, else as ONNX has it."""
    shape = graph.shapes[name]
    users: list[Layer] = [layer for layer in graph.layers if name in layer.inputs]
    if any(isinstance(user, Reshape | Transpose) for user in users):
        return Layout.row_major(shape)
    if any(isinstance(user, Conv | ConvTranspose | Pool) for user in users):
        return Layout.channels_last(shape)
    return Layout.row_major(shape)


def _place_outputs(context: Context) -> None:
    """Let every graph output end in the OUTPUT region, densely, with unsplit axes."""
    program, offset = context.program, 0
    for name in context.graph.outputs:
        placed = context.placed[name]
        whole = placed.is_dense and placed.offset == 0 and placed.layout.order() is not None \
            and placed.buffer.size == placed.element * placed.layout.size
        if not whole or placed.buffer.region is not None:
            placed = context.copied_output(name)
        placed.buffer.region, placed.buffer.offset = Region.OUTPUT, offset
        program.outputs[name] = placed
        offset += aligned(placed.buffer.size)
