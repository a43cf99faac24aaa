"""Read an ONNX model from a file or a ModelProto, with its external data."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError, EncodeError  # type: ignore[import-untyped,unused-ignore]
from numpy.typing import NDArray
from onnx.external_data_helper import ExternalDataInfo, load_external_data_for_tensor, uses_external_data

from ...errors import ModelError
from .nodes import subgraphs

_NOISE = re.compile(r"^((\[\w+\]|/\S+:\d+:( \w+:)?|Assertion `[^`]*` failed:)\s*)+")
SIZE_LIMIT = 2**31 - 1  # protobuf's


@dataclass(frozen=True)
class Source:
    """A model as given, its weights in memory; `proto` is nobody else's.

    `sha256` covers the file's bytes (of a ModelProto: its deterministic serialisation), followed by
    the external data in the order of the tensors where there are any.
    """

    proto: onnx.ModelProto
    name: str
    sha256: str


def one_line(error: BaseException) -> str:
    """Return the first telling line of another library's message, without tags and places in its source."""
    lines = [line for raw in str(error).splitlines() if (line := _NOISE.sub("", raw.strip()))]
    return lines[0] if lines else type(error).__name__


def read(model: str | os.PathLike[str] | onnx.ModelProto) -> Source:
    """Return the model. The caller's ModelProto stays as it is. Raises ModelError."""
    if isinstance(model, onnx.ModelProto):
        return _from_proto(model)
    path = Path(model)
    if path.is_dir():
        raise ModelError(f"{path} is a directory; give the .onnx file in it")
    try:
        size = path.stat().st_size
        if size > SIZE_LIMIT:
            raise ModelError(f"{path} has {size} bytes; ONNX files end at 2 GB: use a smaller model")
        data = path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{path} does not exist; check the path") from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except DecodeError as error:
        raise ModelError(f"{path} is not an ONNX file, or is truncated; "
                         "export the model to ONNX again") from error
    _check_content(proto, str(path))
    digest = hashlib.sha256(data)
    for tensor in _external(proto):
        _load_external(tensor, path, proto)
        digest.update(tensor.raw_data)
    return Source(proto, path.name, digest.hexdigest())


def _from_proto(model: onnx.ModelProto) -> Source:
    name = model.graph.name or "model"
    _check_content(model, name)
    for tensor in _external(model):
        raise ModelError(f"tensor {tensor.name!r} lies in an external file that is not loaded; "
                         "pass the model's path, or load it with onnx.load(path)")
    try:
        data = model.SerializeToString(deterministic=True)
    except (EncodeError, ValueError) as error:
        raise ModelError(f"{name} exceeds protobuf's 2 GB; use a smaller model") from error
    if len(data) > SIZE_LIMIT:
        raise ModelError(f"{name} has {len(data)} bytes, over protobuf's 2 GB; use a smaller model")
    return Source(onnx.ModelProto.FromString(data), name, hashlib.sha256(data).hexdigest())


def _check_content(proto: onnx.ModelProto, name: str) -> None:
    if not proto.graph.node or not proto.graph.output:
        raise ModelError(f"{name} has no nodes or no outputs: it is empty, or no ONNX file")


def tensors(graph: onnx.GraphProto) -> list[onnx.TensorProto]:
    """Return the initializers and the tensors in attributes, those of subgraphs included."""
    found = list(graph.initializer)
    for node in graph.node:
        found += [a.t for a in node.attribute if a.type == onnx.AttributeProto.TENSOR]
        for subgraph in subgraphs(node):
            found += tensors(subgraph)
    return found


def array_of(tensor: onnx.TensorProto, name: str) -> NDArray[Any]:
    """Return the tensor's values. Raises ModelError where its data do not fit its shape or type."""
    try:
        return onnx.numpy_helper.to_array(tensor)
    except Exception as error:  # onnx raises KeyError, ValueError, TypeError
        raise ModelError(f"tensor {name!r} is damaged: {one_line(error)}; export the model again") from error


def _external(proto: onnx.ModelProto) -> list[onnx.TensorProto]:
    return [tensor for tensor in tensors(proto.graph) if uses_external_data(tensor)]


def _load_external(tensor: onnx.TensorProto, path: Path, proto: onnx.ModelProto) -> None:
    folder = path.resolve().parent
    where = f"tensor {tensor.name!r} of {path.name}"
    try:
        info = ExternalDataInfo(tensor)
        location = info.location
        offset, length = info.offset or 0, info.length
    except (ValueError, TypeError) as error:
        raise ModelError(f"{where} has a damaged external data entry; export the model again") from error
    target = folder / location
    resolved = target.resolve()
    if not location or os.path.isabs(location) or not resolved.is_relative_to(folder):
        raise ModelError(f"{where} refers to {location!r} outside the model's folder; "
                         "save the model with its data beside it")
    if not resolved.is_file():
        raise ModelError(f"{where} needs {location!r}, which is missing; put it beside the model")
    size = resolved.stat().st_size
    end = offset + (length if length is not None else max(0, size - offset))
    if offset < 0 or end < offset or end > size:
        raise ModelError(f"{where} needs bytes {offset} to {end} of {location!r}, which has {size}; "
                         "the file is truncated: copy it again")
    if proto.ByteSize() + end - offset > SIZE_LIMIT:
        raise ModelError(f"{path} and its external data exceed 2 GB; use a smaller model")
    try:
        load_external_data_for_tensor(tensor, str(folder))
    except Exception as error:  # the checker in C++ raises types of its own
        raise ModelError(f"{where} cannot be loaded: {one_line(error)}") from error
    tensor.data_location = onnx.TensorProto.DEFAULT
    del tensor.external_data[:]
