"""Walk the nodes in order: evaluate what is constant, infer the shape of everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, TypeProto
from onnx.reference import ReferenceEvaluator

from ...errors import ModelError
from .load import array_of, one_line
from .nodes import Node, labels, subgraphs, uses

Constant = NDArray[Any]
Shape = tuple[int, ...]

_RANDOM = {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
           "RandomUniformLike"}
_SHAPE_DATA = 4096  # elements; constants that steer shapes are short
_ELEMENTS_MAX = 2**28  # of a folded constant
_IR_VERSION = 10  # of the one-node models that are evaluated


@dataclass
class Facts:
    """What is known of a static model's values before any handler runs."""

    opset: int
    nodes: list[Node] = field(default_factory=list)  # alive, not constant, in order
    constants: dict[str, Constant] = field(default_factory=dict)
    types: dict[str, TypeProto] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)  # the static ones
    unevaluated: dict[str, str] = field(default_factory=dict)  # node -> why it could not be folded


def gather(model: onnx.ModelProto) -> Facts:
    """Return the facts. Raises ModelError where shapes contradict each other."""
    graph = model.graph
    imports = list(model.opset_import)
    opset = next(o.version for o in imports if o.domain in ("", "ai.onnx"))
    facts = Facts(opset)
    for tensor in graph.initializer:
        facts.constants[tensor.name] = array_of(tensor, tensor.name)
    for value in graph.input:
        _learn(facts, value.name, value.type)
    alive = _alive(graph)
    for proto, name in zip(graph.node, labels(graph.node), strict=True):
        if proto.output and not alive.isdisjoint(proto.output):
            _visit(facts, Node.of(proto, name), imports)
    return facts


def annotate(model: onnx.ModelProto, facts: Facts) -> None:
    """Write the inferred types into the model."""
    for output in model.graph.output:
        output.type.CopyFrom(facts.types[output.name])
    own = {value.name for value in (*model.graph.input, *model.graph.output)}
    model.graph.value_info.extend(
        onnx.helper.make_value_info(name, kind) for name, kind in facts.types.items() if name not in own)


def _alive(graph: onnx.GraphProto) -> set[str]:
    """Return the values that some output depends on."""
    alive = {output.name for output in graph.output}
    for proto in reversed(graph.node):
        if not alive.isdisjoint(proto.output):
            alive |= uses(proto)
    return alive


def _learn(facts: Facts, name: str, kind: TypeProto) -> None:
    facts.types[name] = kind
    tensor = kind.tensor_type
    if tensor.HasField("shape") and all(d.HasField("dim_value") for d in tensor.shape.dim):
        facts.shapes[name] = tuple(d.dim_value for d in tensor.shape.dim)


def _visit(facts: Facts, node: Node, imports: list[onnx.OperatorSetIdProto]) -> None:
    if node.op in ("Shape", "Size") and node.inputs[0] in facts.shapes:
        shape = np.array(facts.shapes[node.inputs[0]], np.int64)
        part = shape[node.integer("start", 0) : node.attributes.get("end")]
        facts.constants[node.output] = part if node.op == "Shape" else np.array(shape.prod(), np.int64)
        return
    if node.op == "CastLike" and node.inputs[0] in facts.constants and node.inputs[1] in facts.types:
        element = facts.types[node.inputs[1]].tensor_type.elem_type
        dtype = onnx.helper.tensor_dtype_to_np_dtype(element)
        facts.constants[node.output] = facts.constants[node.inputs[0]].astype(dtype)
        return
    inferred = _infer(facts, node, imports)
    for name, kind in inferred.items():
        _learn(facts, name, kind)
    pure = node.op not in _RANDOM and not any(subgraphs(node.proto))
    if pure and all(name in facts.constants for name in node.inputs if name):
        size = max((int(np.prod(facts.shapes[o])) for o in node.outputs if o in facts.shapes), default=0)
        if size > _ELEMENTS_MAX:
            facts.unevaluated[node.name] = f"its constant result would have {size} elements"
        else:
            try:
                facts.constants.update(_evaluate(facts, node, imports))
                return
            except Exception as error:  # any operator's implementation may fail in its own way
                facts.unevaluated[node.name] = f"its constant result cannot be evaluated: {one_line(error)}"
    facts.nodes.append(node)
    for name in node.outputs:
        if 0 in facts.shapes.get(name, ()):
            raise ModelError(f"value {name!r} of node {node.name!r} has shape {list(facts.shapes[name])}: "
                             "a size of 0 leaves nothing to compute")


def _evaluate(facts: Facts, node: Node, imports: list[onnx.OperatorSetIdProto]) -> Mapping[str, Constant]:
    """Run one node by ONNX Runtime, or by the reference evaluator where that lacks it."""
    initializers = [onnx.numpy_helper.from_array(np.asarray(facts.constants[name]), name)
                    for name in dict.fromkeys(node.inputs) if name]
    outputs = [name for name in node.outputs if name]
    results_info = [onnx.ValueInfoProto(name=name) for name in outputs]
    graph = onnx.helper.make_graph([node.proto], "constant", [], results_info, initializers)
    model = onnx.helper.make_model(graph, opset_imports=imports, ir_version=_IR_VERSION)
    try:
        if node.op == "Constant":  # not worth a session
            raise NotImplementedError
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        results = session.run(outputs, {})
    except Exception:  # ONNX Runtime raises many types of its own
        with np.errstate(all="ignore"):
            results = ReferenceEvaluator(model).run(outputs, {})
    return {name: np.asarray(result) for name, result in zip(outputs, results, strict=True)}


def _infer(facts: Facts, node: Node, imports: list[onnx.OperatorSetIdProto]) -> Mapping[str, TypeProto]:
    domain = "" if node.proto.domain == "ai.onnx" else node.proto.domain
    version = next((o.version for o in imports if o.domain == node.proto.domain), facts.opset)
    if not onnx.defs.has(node.proto.op_type, version, domain):
        return {}
    schema = onnx.defs.get_schema(node.proto.op_type, version, domain)
    types, data = {}, {}
    for name in filter(None, uses(node.proto)):
        constant = facts.constants.get(name)
        if constant is not None:
            element = onnx.helper.np_dtype_to_tensor_dtype(constant.dtype)
            types[name] = onnx.helper.make_tensor_type_proto(element, constant.shape)
            if constant.size <= _SHAPE_DATA and element not in (TensorProto.STRING,):
                data[name] = onnx.numpy_helper.from_array(np.asarray(constant), name)
        elif name in facts.types:
            types[name] = facts.types[name]
        else:
            return {}  # behind a node whose result is unknown; that one will be refused
    try:
        return onnx.shape_inference.infer_node_outputs(schema, node.proto, types, data, opset_imports=imports)
    except Exception as error:  # InferenceError, and what its C++ raises beside it
        raise ModelError(f"node {node.name!r} ({node.op}) has inputs that do not fit it: "
                         f"{one_line(error)}; export the model again") from error
