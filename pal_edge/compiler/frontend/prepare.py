"""Check a model and make it static: one opset range, float32, nodes in order, a batch of 1.

`prepare` changes the model in place.
"""

from __future__ import annotations

import numpy as np
import onnx
import onnx.inliner
import onnx.version_converter
from onnx import AttributeProto, TensorProto

from ...errors import ModelError
from .load import array_of, one_line, tensors
from .nodes import STANDARD_DOMAINS, labels, subgraphs, uses

OPSET_MIN = 11  # older ones are converted to this
OPSET_MAX = onnx.defs.onnx_opset_version()
_IR_MIN = 4  # from here on initializers need not be inputs; onnx.version_converter keeps older versions

_FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}
_NARROWED = _FLOATS - {TensorProto.FLOAT}
_TYPE_ATTRIBUTES = {"to", "dtype", "output_dtype"}


def prepare(model: onnx.ModelProto) -> bool:
    """Return whether the batch was dynamic. Raises ModelError."""
    _check_opset(model)
    if model.functions:
        model.CopyFrom(onnx.inliner.inline_local_functions(model))
    _sort(model.graph)
    _modernise(model)
    model.ir_version = max(model.ir_version, _IR_MIN)
    for output in model.graph.output:
        if output.type.WhichOneof("value") == "tensor_type":  # the checker insists; the true one is inferred
            output.type.tensor_type.shape.SetInParent()
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # ValidationError, and what its C++ raises beside it
        raise ModelError(f"not a valid ONNX model: {one_line(error)}") from error
    if model.graph.sparse_initializer:
        name = model.graph.sparse_initializer[0].values.name
        raise ModelError(f"initializer {name!r} is sparse; store it as a dense tensor")
    initializers = {tensor.name for tensor in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in initializers]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    _check_inputs(model.graph)
    _to_float32(model.graph)
    _check_finite(model.graph)
    return _fix_batch(model.graph)


def _check_opset(model: onnx.ModelProto) -> None:
    versions = [o.version for o in model.opset_import if o.domain in STANDARD_DOMAINS]
    if not versions:
        raise ModelError("the model states no opset of the ONNX domain; export it again")
    if versions[0] > OPSET_MAX:
        raise ModelError(f"opset {versions[0]} is newer than {OPSET_MAX}, the newest of onnx "
                         f"{onnx.__version__}: upgrade onnx, or use onnx.version_converter")


def _modernise(model: onnx.ModelProto) -> None:
    """Convert an opset older than OPSET_MIN; the handlers know one spelling of every operator."""
    version = next(o.version for o in model.opset_import if o.domain in STANDARD_DOMAINS)
    if version >= OPSET_MIN:
        return
    if version < 7:
        _slopes_by_channel(model)
    try:
        converted = onnx.version_converter.convert_version(model, OPSET_MIN)
    except Exception as error:  # its C++ raises many types
        raise ModelError(f"opset {version} is too old, and onnx cannot convert it to {OPSET_MIN} "
                         f"({one_line(error)}): export the model with opset {OPSET_MIN} or newer") from error
    model.CopyFrom(converted)


def _slopes_by_channel(model: onnx.ModelProto) -> None:
    """Until opset 6 a PRelu has one slope a channel; later its shape broadcasts, which onnx's converter misses."""
    initializers = {tensor.name: tensor for tensor in model.graph.initializer}
    inferred = onnx.shape_inference.infer_shapes(model).graph
    ranks = {v.name: len(v.type.tensor_type.shape.dim) for v in (*inferred.input, *inferred.value_info)}
    for node in model.graph.node:
        slope = initializers.get(node.input[1]) if node.op_type == "PRelu" and len(node.input) > 1 else None
        if slope is None or len(slope.dims) != 1 or slope.dims[0] == 1:
            continue
        name = f"{slope.name}#channels"
        if name not in initializers:
            shaped = array_of(slope, slope.name).reshape(-1, *(1,) * (ranks.get(node.input[0], 4) - 2))
            initializers[name] = onnx.numpy_helper.from_array(shaped, name)
            model.graph.initializer.append(initializers[name])
            # A model so old lists its initializers among the inputs.
            model.graph.input.append(onnx.helper.make_tensor_value_info(name, slope.data_type, shaped.shape))
        node.input[1] = name


def _sort(graph: onnx.GraphProto) -> None:
    """Put the nodes in topological order, as stable as can be."""
    names = labels(graph.node)
    defined = {i.name for i in graph.input} | {t.name for t in graph.initializer}
    defined |= {t.values.name for t in graph.sparse_initializer}
    known = defined.union(*(node.output for node in graph.node))
    for name, node in zip(names, graph.node, strict=True):
        for value in sorted(uses(node) - known):
            raise ModelError(f"node {name!r} reads {value!r}, which nothing defines: an initializer is "
                             "missing; export the model again")
    for output in graph.output:
        if output.name not in known:
            raise ModelError(f"graph output {output.name!r} is not defined by any node; "
                             "export the model again")
    waiting = list(zip(names, graph.node, strict=True))
    ordered: list[onnx.NodeProto] = []
    while waiting:
        later = []
        for name, node in waiting:
            if uses(node) <= defined:
                ordered.append(node)
                defined.update(node.output)
            else:
                later.append((name, node))
        if len(later) == len(waiting):
            raise ModelError(f"the graph has a cycle through node {later[0][0]!r}; export the model again")
        waiting = later
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in ordered]
    del graph.node[:]
    graph.node.extend(copies)


def _check_inputs(graph: onnx.GraphProto) -> None:
    if not graph.input:
        raise ModelError("the model has no inputs; every result would be constant")
    for value in graph.input:
        if value.type.WhichOneof("value") != "tensor_type":
            raise ModelError(f"input {value.name!r} is no tensor; only float tensors can be inputs")
        element = value.type.tensor_type.elem_type
        if element not in _FLOATS:
            names = {number: name.lower() for name, number in TensorProto.DataType.items()}
            kind = names.get(element, f"of unknown type {element}")
            raise ModelError(f"input {value.name!r} is {kind}; the engine takes floats: "
                             "export the model with a float input, convert before it")


def _to_float32(graph: onnx.GraphProto) -> None:
    """Turn every other float type into float32: PAL8 keeps less than any of them."""
    for tensor in tensors(graph):
        if tensor.data_type in _NARROWED:
            with np.errstate(over="ignore"):  # an overflow is reported as an infinite weight
                array = array_of(tensor, tensor.name).astype(np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    _retype(graph)


def _retype(graph: onnx.GraphProto) -> None:
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type in _NARROWED:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.name in _TYPE_ATTRIBUTES and attribute.type == AttributeProto.INT \
                    and attribute.i in _NARROWED:
                attribute.i = TensorProto.FLOAT
        for subgraph in subgraphs(node):
            _retype(subgraph)


def _check_finite(graph: onnx.GraphProto) -> None:
    """Refuse NaN and infinities; an infinite bound of Clip is meant."""
    bounds = {name for node in graph.node if node.op_type == "Clip" for name in node.input[1:]}
    named = [(t.name, t) for t in graph.initializer]
    named += [(node.output[0], a.t) for node in graph.node if node.op_type == "Constant"
              for a in node.attribute if a.name == "value"]
    for name, tensor in named:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        array = array_of(tensor, name)
        if np.isnan(array).any() or (name not in bounds and np.isinf(array).any()):
            raise ModelError(f"tensor {name!r} has NaN or infinite values; the training diverged: "
                             "export a checkpoint with finite weights")


def _fix_batch(graph: onnx.GraphProto) -> bool:
    dynamic = []
    for value in graph.input:
        tensor = value.type.tensor_type
        if not tensor.HasField("shape"):
            raise ModelError(f"input {value.name!r} has no shape; export the model with fixed sizes")
        for axis, dim in enumerate(tensor.shape.dim):
            if dim.HasField("dim_value") and dim.dim_value == 0:
                raise ModelError(f"input {value.name!r} has size 0 on axis {axis}; "
                                 "export with a size of at least 1")
            if dim.HasField("dim_value") and dim.dim_value > 0:
                continue
            if axis:
                raise ModelError(
                    f"input {value.name!r} has a dynamic axis {axis} ({dim.dim_param or 'unnamed'}); "
                    "fix it with python -m onnxruntime.tools.make_dynamic_shape_fixed, "
                    "or export with a fixed size")
            dim.dim_value = 1
            dynamic.append(value.name)
    # What the file says about other shapes may still speak of the old batch.
    del graph.value_info[:]
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
    return len(dynamic) == len(graph.input)
