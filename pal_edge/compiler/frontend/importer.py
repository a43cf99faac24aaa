"""What the handlers work with: known values on one side, layers under construction on the other."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from ...errors import ModelError, PalError, Refusal, UnsupportedError
from ..graph import Clip, Elementwise, FloatArray, Layer, Reshape, Unary
from .affine import Affine, Float64, single_axis
from .fold import Facts, Shape
from .nodes import HANDLERS, Node, Refused

_HINTS = {
    "If": "control flow is not supported; simplify the model (onnxsim, or export with fixed sizes)",
    "Loop": "control flow is not supported; unroll the loop at export",
    "Scan": "control flow is not supported; unroll the loop at export",
    "NonMaxSuppression": "its result has no fixed shape; cut it off and run it on the host",
}


class Importer:
    """Turns nodes into layers; `layers` are in topological order, fused with nothing yet."""

    def __init__(self, facts: Facts, model: onnx.ModelProto) -> None:
        self.facts = facts
        self.model = model
        self.opset = facts.opset
        self.shapes: dict[str, Shape] = dict(facts.shapes)
        self.layers: list[Layer] = []
        self.operands: dict[str, FloatArray] = {}
        self.quantized: dict[str, Node] = {}  # outputs of QuantizeLinear
        self.outputs = [output.name for output in model.graph.output]
        self.mixes_batch = False  # some node computes across samples: there is no batch to vary
        self._aliases: dict[str, str] = {}
        self._stored: set[str] = set()
        self._read = {name for node in facts.nodes for name in node.inputs} | set(self.outputs)

    def run(self) -> None:
        """Import every node. Raises UnsupportedError with all nodes that cannot run, or ModelError."""
        refusals = []
        for node in self.facts.nodes:
            try:
                self._import(node)
            except Refused as reason:
                refusals.append(Refusal(node.name, node.op, str(reason)))
            except PalError:
                raise
            except Exception as error:
                raise ModelError(f"import failed at node {node.name!r} ({node.op}): "
                                 f"{type(error).__name__}: {error}") from error
        if refusals:
            raise UnsupportedError(refusals)

    def _import(self, node: Node) -> None:
        handler = HANDLERS.get(node.op)
        if handler is None:
            raise Refused(_HINTS.get(node.op, "this operator is not supported"))
        if node.name in self.facts.unevaluated:
            raise Refused(self.facts.unevaluated[node.name])
        if any(name and name not in self.shapes and name not in self.facts.constants for name in node.inputs):
            return  # behind a refused node: nothing to say about this one
        for name in node.outputs:
            if name in self._read and name not in self.shapes:
                raise Refused(f"the shape of its output {name!r} depends on the data; "
                              "export with fixed sizes")
        handler(self, node)

    # What is known

    def shape(self, value: str) -> Shape:
        return self.shapes[value]

    def is_used(self, node: Node, output: int) -> bool:
        return output < len(node.outputs) and node.outputs[output] in self._read

    def value(self, node: Node, index: int = 0) -> str:
        """Return the activation that is this input. Raises Refused for a constant."""
        name = node.inputs[index]
        if name in self.facts.constants:
            raise Refused(f"its input {name!r} is constant; only the other operand may be")
        if name in self.quantized:
            raise Refused(f"it reads quantized integers from node {self.quantized[name].name!r}; "
                          "export with QuantizeLinear and DequantizeLinear in pairs, or the float model")
        return self._aliases.get(name, name)

    def raw(self, node: Node, index: int) -> NDArray[Any] | None:
        """Return the constant that is this input, None where there is none or it is no constant."""
        return self.facts.constants.get(node.inputs[index]) if node.has_input(index) else None

    def weight(self, node: Node, index: int, what: str) -> FloatArray:
        """Return a finite constant input. Raises Refused where it is computed, ModelError if not finite."""
        array = self.raw(node, index)
        if array is None:
            raise Refused(f"its {what} {node.inputs[index]!r} is not constant")
        if not np.isfinite(array).all():
            raise ModelError(f"{what} {node.inputs[index]!r} of node {node.name!r} has NaN or infinite "
                             "values; export a checkpoint with finite weights")
        return array.astype(np.float32, copy=False)

    def constant(self, node: Node, index: int, what: str) -> Float64:
        """Return `weight` in the precision for arithmetic before it is folded."""
        return self.weight(node, index, what).astype(np.float64)

    def scalar(self, node: Node, index: int, default: float, what: str) -> float:
        """Return an optional constant of one element; it may be infinite."""
        if not node.has_input(index):
            return default
        array = self.raw(node, index)
        if array is None:
            raise Refused(f"its {what} {node.inputs[index]!r} is not constant")
        if array.size != 1:
            raise Refused(f"its {what} has {array.size} values; only a single one is supported")
        return float(array.reshape(()))

    def integers(self, node: Node, index: int, what: str) -> tuple[int, ...] | None:
        """Return an optional constant list of integers."""
        if not node.has_input(index):
            return None
        array = self.raw(node, index)
        if array is None:
            raise Refused(f"its {what} {node.inputs[index]!r} are not constant")
        return tuple(int(v) for v in array.reshape(-1))

    # What is built

    def add(self, layer: Layer) -> None:
        self.layers.append(layer)

    def named(self, node: Node, *inputs: str, output: str | None = None) -> dict[str, Any]:
        """Return the fields that every layer has; a layer with an output of its own has its name too."""
        return {"name": output or node.name, "inputs": inputs, "output": output or node.output,
                "sources": (node.name,)}

    def alias(self, node: Node, source: str) -> None:
        """Make the node's output another name of `source`; both have one shape."""
        if node.output in self.outputs:
            self.add(Reshape(**self.named(node, source)))
        else:
            self._aliases[node.output] = source

    def reshape(self, node: Node, source: str) -> None:
        """Make the node's output a reshaped `source`."""
        if self.shape(source) == self.shape(node.output):
            self.alias(node, source)
        else:
            self.add(Reshape(**self.named(node, source)))

    def clip(self, node: Node, source: str, low: float, high: float) -> None:
        self.add(Elementwise(**self.named(node, source), clip=Clip(min(low, high), high)))

    def unary(self, node: Node, source: str, name: str, *parameters: float) -> None:
        self.add(Elementwise(**self.named(node, source), unary=Unary(name, parameters)))

    def affine(self, node: Node, source: str, scale: Float64 | float, shift: Float64 | float,
               output: str | None = None) -> bool:
        """Scale and shift by constants that vary along one axis; return False where they do not."""
        scale, shift = np.asarray(scale, np.float64), np.asarray(shift, np.float64)
        found = single_axis(scale + shift, self.shape(source))
        if found is None:
            return False
        axis, values = found
        flat = [np.broadcast_to(a.reshape(-1) if a.size > 1 else a.reshape(()), values.shape)
                for a in (scale, shift)]
        self.add(Affine(**self.named(node, source, output=output), axis=axis, scale=flat[0], shift=flat[1]))
        return True

    def operand(self, name: str, array: Float64) -> str:
        """Store a constant operand of Add or Mul under a name no value has."""
        name = self._fresh(name)
        self.operands[name] = array.astype(np.float32)
        self.shapes[name] = array.shape
        return name

    def _fresh(self, name: str) -> str:
        """Return a name that no value has."""
        while name in self.shapes or name in self.facts.constants or name in self._stored:
            name += "'"
        return name

    def reshaped(self, value: str, shape: Shape, name: str) -> str:
        """Name the value that is `value` in another shape; the float model gets it too."""
        return self.computed("Reshape", (value, self.stored(np.array(shape, np.int64), f"{name}#shape")), name, shape)

    def edge_padded(self, value: str, shape: Shape, name: str) -> str:
        """Name the value with its edges repeated, as often on both sides, up to `shape`."""
        around = [(n - o) // 2 for n, o in zip(shape, self.shape(value), strict=True)]
        amounts = self.stored(np.array(around * 2, np.int64), f"{name}#pads")
        return self.computed("Pad", (value, amounts), name, shape, mode="edge")

    def transposed(self, value: str, perm: tuple[int, ...], name: str) -> str:
        shape = tuple(self.shape(value)[p] for p in perm)
        return self.computed("Transpose", (value,), name, shape, perm=perm)

    def stored(self, array: NDArray[Any], name: str) -> str:
        """Give the float model a constant and return its name."""
        name = self._fresh(name)
        self._stored.add(name)
        self.model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
        return name

    def computed(self, op: str, values: tuple[str, ...], name: str, shape: Shape, **attributes: Any) -> str:
        """Define a value that the source lacks, also in the float model, and return its name."""
        name = self._fresh(name)
        self.model.graph.node.append(onnx.helper.make_node(op, values, [name], **attributes))
        self.shapes[name] = shape
        return name


def renamed(layer: Layer, names: dict[str, str]) -> Layer:
    """Return the layer with its inputs renamed."""
    return dataclasses.replace(layer, inputs=tuple(names.get(name, name) for name in layer.inputs))
