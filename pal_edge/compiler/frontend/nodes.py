"""ONNX nodes as the handlers see them, and the registry of handlers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import onnx

if TYPE_CHECKING:
    from .importer import Importer

STANDARD_DOMAINS = ("", "ai.onnx")


class Refused(Exception):
    """This node cannot run; the text is the reason in the user's terms."""


@dataclass(frozen=True)
class Node:
    """One node; an omitted optional input or output is ""."""

    name: str
    op: str  # with its domain in front where that is not ONNX's own
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    proto: onnx.NodeProto

    @staticmethod
    def of(proto: onnx.NodeProto, name: str) -> Node:
        op = proto.op_type if proto.domain in STANDARD_DOMAINS else f"{proto.domain}::{proto.op_type}"
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in proto.attribute}
        return Node(name, op, tuple(proto.input), tuple(proto.output), attributes, proto)

    @property
    def output(self) -> str:
        return self.outputs[0]

    def has_input(self, index: int) -> bool:
        return index < len(self.inputs) and self.inputs[index] != ""

    def integer(self, name: str, default: int) -> int:
        return int(self.attributes.get(name, default))

    def number(self, name: str, default: float) -> float:
        return float(self.attributes.get(name, default))

    def text(self, name: str, default: str) -> str:
        value = self.attributes.get(name)
        return default if value is None else value.decode()

    def integers(self, name: str) -> tuple[int, ...] | None:
        value = self.attributes.get(name)
        return None if value is None else tuple(map(int, value))


Handler = Callable[["Importer", Node], None]
HANDLERS: dict[str, Handler] = {}
Place = Literal["engine", "table", "free", "CPU"]
PLACES: dict[str, Place] = {}


def handles(*ops: str, runs: Place = "engine") -> Callable[[Handler], Handler]:
    """Register an import handler; its docstring states the restrictions in the user's terms.

    `runs` says where: commands of their own on the "engine", a "table" at the end of the commands before
    it, "free" (part of other commands, or of none), or on the "CPU".
    """

    def register(function: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(ops, function))
        PLACES.update(dict.fromkeys(ops, runs))
        return function

    return register


def uses(proto: onnx.NodeProto) -> set[str]:
    """Return the names a node reads, those that its subgraphs take from outside included."""
    names = {name for name in proto.input if name}
    for subgraph in subgraphs(proto):
        inner = {i.name for i in subgraph.input} | {i.name for i in subgraph.initializer}
        for node in subgraph.node:
            names |= uses(node) - inner
            inner.update(node.output)
        names |= {output.name for output in subgraph.output} - inner
    return names


def subgraphs(proto: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for attribute in proto.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        elif attribute.type == onnx.AttributeProto.GRAPHS:
            yield from attribute.graphs


def labels(protos: Iterable[onnx.NodeProto]) -> list[str]:
    """Return one distinct name a node: its own, or that of its first output."""
    taken: set[str] = set()
    names = []
    for proto in protos:
        output = next((o for o in proto.output if o), proto.op_type)
        name = next(n for n in (proto.name, output, *(f"{output}~{i}" for i in range(len(taken) + 1)))
                    if n and n not in taken)
        taken.add(name)
        names.append(name)
    return names
