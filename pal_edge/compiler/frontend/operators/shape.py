"""Operators that move or rename values without computing."""

from __future__ import annotations

from onnx import TensorProto

from ...graph import Transpose
from ..importer import Importer
from ..nodes import Node, Refused, handles


@handles("Reshape", "Flatten", "Squeeze", "Unsqueeze", runs="free")
def reshape(importer: Importer, node: Node) -> None:
    """To a shape known at compile time."""
    importer.reshape(node, importer.value(node))


@handles("Transpose")
def transpose(importer: Importer, node: Node) -> None:
    """Any permutation; free where the next layer can read it in place."""
    x = importer.value(node)
    rank = len(importer.shape(x))
    perm = node.integers("perm") or tuple(reversed(range(rank)))
    if perm == tuple(range(rank)):
        importer.alias(node, x)
    else:
        importer.add(Transpose(**importer.named(node, x), perm=perm))


@handles("Identity", runs="free")
def identity(importer: Importer, node: Node) -> None:
    """Any value."""
    importer.alias(node, importer.value(node))


@handles("Dropout", runs="free")
def dropout(importer: Importer, node: Node) -> None:
    """In inference mode: the identity."""
    if importer.is_used(node, 1):
        raise Refused("its mask output is used; export the model for inference")
    training = importer.raw(node, 2)
    if node.has_input(2) and (training is None or training.any()):
        raise Refused("it is in training mode; export the model for inference")
    importer.alias(node, importer.value(node))


@handles("Cast", "CastLike", runs="free")
def cast(importer: Importer, node: Node) -> None:
    """Between float types: the identity."""
    kind = importer.facts.types[node.output].tensor_type.elem_type
    if kind != TensorProto.FLOAT:
        name = TensorProto.DataType.Name(kind).lower()
        raise Refused(f"it casts a computed value to {name}; only floats run")
    importer.alias(node, importer.value(node))
