"""The compiler's front: an ONNX model in, a `compiler.graph.Graph` out.

load -> prepare (check, make static) -> fold (constants, shapes) -> operators (one handler a family)
-> patterns (functions written as several nodes) -> fusion
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import onnx

from ...errors import ModelError, PalError
from ..graph import Graph
from . import operators
from .fold import Facts, annotate, gather
from .fusion import drop_dead, fuse
from .importer import Importer
from .load import one_line, read
from .patterns import recognise
from .prepare import prepare

__all__ = ["Imported", "import_model", "operators"]


@dataclass(frozen=True)
class Imported:
    """`model` is the float model with static shapes and a batch of 1; it computes every value of `graph`."""

    graph: Graph
    model: onnx.ModelProto
    sha256: str
    name: str


def import_model(model: str | os.PathLike[str] | onnx.ModelProto) -> Imported:
    """Import a model. Raises ModelError, and UnsupportedError that lists every node that cannot run."""
    source = read(model)
    proto = source.proto
    try:
        dynamic = prepare(proto)
        facts = gather(proto)
    except PalError:
        raise
    except Exception as error:  # a damaged file can trip onnx itself in ways that its checker misses
        raise ModelError(f"{source.name} is damaged ({type(error).__name__}: {one_line(error)}); "
                         "export the model again") from error
    for output in proto.graph.output:
        if output.name in facts.constants:
            raise ModelError(f"output {output.name!r} does not depend on any input; remove it from the model")
    importer = Importer(facts, proto)
    importer.run()
    drop_dead(importer)
    recognise(importer)
    fuse(importer)
    annotate(proto, facts)
    return Imported(_graph(importer, facts, dynamic), proto, source.sha256, source.name)


def _graph(importer: Importer, facts: Facts, dynamic: bool) -> Graph:
    inputs = [value.name for value in importer.model.graph.input]
    values = [*inputs, *(name for layer in importer.layers for name in (*layer.inputs, layer.output))]
    values += [layer.before_table for layer in importer.layers if layer.before_table]
    shapes = {name: importer.shape(name) for name in dict.fromkeys(values)}
    for name in importer.outputs:
        shapes.setdefault(name, importer.shape(name))
    carried = all(shapes[name][:1] == (1,) for name in importer.outputs)
    operands = {name: array for name, array in importer.operands.items() if name in shapes}
    return Graph(importer.model.graph.name, importer.layers, shapes, inputs, importer.outputs,
                 dynamic and carried and not importer.mixes_batch, operands)
