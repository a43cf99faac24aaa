"""ONNX's own test cases, as models with float inputs and their expected outputs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # numpy and onnx warn about some of the cases' own data
    from onnx.backend.test.case.node import collect_testcases

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
FOLDERS = ("simple", "pytorch-converted", "pytorch-operator")


@dataclass(frozen=True)
class Case:
    """A model, its inputs by name, and the outputs that ONNX expects."""

    name: str
    model: onnx.ModelProto
    inputs: dict[str, Any]
    outputs: list[Any]

    def variants(self) -> Iterator[tuple[onnx.ModelProto, dict[str, Any]]]:
        """Yield models with less and less that varies: all float inputs, then the first of them alone."""
        floats = [name for name, value in self.inputs.items() if _is_float(value)]
        for kept in ([floats, floats[:1]] if len(floats) > 1 else [floats or list(self.inputs)]):
            fixed = {name: value for name, value in self.inputs.items() if name not in kept}
            yield _with_constants(self.model, fixed), {name: self.inputs[name] for name in kept}


def _is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic) and (value.dtype.kind == "f" or value.dtype.name == "bfloat16")


def _with_constants(model: onnx.ModelProto, values: dict[str, Any]) -> onnx.ModelProto:
    """Turn inputs into initializers; what is no tensor stays an input."""
    result = onnx.ModelProto.FromString(model.SerializeToString())
    for value in list(result.graph.input):
        array = values.get(value.name)
        if isinstance(array, np.ndarray | np.generic):
            result.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(array), value.name))
            result.graph.input.remove(value)
    return result


def cases() -> Iterator[Case]:
    """Yield the node cases, then those of `FOLDERS`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        collected = collect_testcases(None)
    for case in collected:
        values, outputs = case.data_sets[0]
        inputs = {i.name: _array(value) for i, value in zip(case.model.graph.input, values, strict=False)}
        yield Case(case.name, case.model, inputs, [_array(output) for output in outputs])
    for folder in FOLDERS:
        for path in sorted((DATA / folder).iterdir()):
            model = onnx.load(path / "model.onnx")
            data = path / "test_data_set_0"
            initializers = {tensor.name for tensor in model.graph.initializer}
            ports = [i for i in model.graph.input if i.name not in initializers]
            inputs = {port.name: _read(data / f"input_{i}.pb", port) for i, port in enumerate(ports)}
            outputs = [_read(data / f"output_{i}.pb", port) for i, port in enumerate(model.graph.output)]
            yield Case(f"{folder}/{path.name}", model, inputs, outputs)


def _array(value: Any) -> Any:
    return onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _read(path: Path, port: onnx.ValueInfoProto) -> Any:
    if not path.exists() or port.type.WhichOneof("value") != "tensor_type":
        return None
    return onnx.numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes()))
