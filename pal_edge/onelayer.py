"""Cut one layer out of a float model: a network of its own, to study it or to hand it on."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from .compiler.calibrate import Feed, open_session
from .compiler.frontend.nodes import uses
from .errors import InputError

_README = """# One layer of {source}

`layer.onnx` computes `{value}` of layer `{name}` ({op}); `input.npz` holds its inputs as the float model has them
on {samples} samples, `expected.npz` its float output.

    pal-edge convert layer.onnx --calib input.npz -o layer.pal
    pal-edge verify layer.pal --onnx layer.onnx --data input.npz
"""


@dataclass(frozen=True)
class OneLayer:
    """A float model from `inputs` to the one output `value`."""

    model: onnx.ModelProto
    inputs: tuple[str, ...]
    value: str


def cut(model: onnx.ModelProto, value: str, known: Collection[str], shapes: Mapping[str, Sequence[int]]) -> OneLayer:
    """Return what computes `value` from the nearest of the `known` values before it.

    Args:
        model: static and float32, its nodes in order.
        known: names; the model's inputs are known too, `value` itself is not.
        shapes: of the known values and of `value`.
    """
    graph = model.graph
    makers = {name: i for i, node in enumerate(graph.node) for name in node.output}
    initializers = {tensor.name: tensor for tensor in graph.initializer}
    nodes: set[int] = set()
    borders: dict[str, None] = {}
    constants: dict[str, None] = {}
    waiting = [value]
    while waiting:
        name = waiting.pop()
        if name in initializers:
            constants[name] = None
        elif (name in known and name != value) or name not in makers:
            borders[name] = None
        elif makers[name] not in nodes:
            nodes.add(makers[name])
            waiting += sorted(uses(graph.node[makers[name]]))
    inputs = tuple(sorted(borders))
    small = helper.make_graph(
        [graph.node[i] for i in sorted(nodes)], "layer",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in inputs],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, shapes[value])],
        [initializers[name] for name in sorted(constants)])
    whole = helper.make_model(small, opset_imports=model.opset_import, ir_version=model.ir_version)
    return OneLayer(whole, inputs, value)


def reproduce(folder: Path, layer: OneLayer, float_model: onnx.ModelProto, feeds: Sequence[Feed],
              about: Mapping[str, Any]) -> None:
    """Write layer.onnx, input.npz, expected.npz and a README into a new folder, all or nothing.

    Args:
        feeds: samples for the whole `float_model`.
        about: source, name and op, for the README.

    Raises InputError where the folder exists.
    """
    check_folder(folder)
    names = [*layer.inputs, layer.value]
    session = open_session(float_model, names)
    found = [{**feed, **dict(zip(names, session.run(names, feed), strict=True))} for feed in feeds]
    with tempfile.TemporaryDirectory(dir=folder.absolute().parent, prefix=f".{folder.name}.") as temporary:
        inside = Path(temporary) / "layer"
        inside.mkdir()
        onnx.save(layer.model, inside / "layer.onnx")
        for file, values in (("input.npz", layer.inputs), ("expected.npz", (layer.value,))):
            arrays = {name: _samples([each[name] for each in found]) for name in values}
            np.savez(inside / file, **arrays)  # type: ignore[arg-type]
        (inside / "README.md").write_text(_README.format(value=layer.value, samples=len(found), **about))
        inside.rename(folder)


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be made. Raises InputError."""
    if folder.exists():
        raise InputError(f"{folder}: exists already; name a new folder")
    if not folder.absolute().parent.is_dir():
        raise InputError(f"{folder}: the folder around it does not exist")


def _samples(arrays: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return [samples, ...], with a batch axis of 1 as the axis of the samples."""
    return np.concatenate(arrays) if arrays[0].shape[:1] == (1,) else np.stack(arrays)
