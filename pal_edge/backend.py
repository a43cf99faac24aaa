"""The standard `onnx.backend` interface over `convert` and the simulator.

    import pal_edge.backend
    pal_edge.backend.prepare(model, calibration={"x": samples}).run([x])

A model needs calibration data. Where none are given, the inputs of the first `run` serve: with them
the conversion happens, at that call, and later inputs should be like them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.backend.base import Backend, BackendRep

from .compiler.frontend import import_model
from .convert import convert
from .errors import DeviceError, InputError
from .runtime import InferenceSession

Calibration = Mapping[str, Any] | str
_DEVICES = {"CPU": "sim", "SIM": "sim"}


class PalBackendRep(BackendRep):
    """A model that is converted, or will be with the inputs of its first run.

    Args:
        model: checked already; converted here if `calibration` is given.
        calibration: as for `convert`.
        options: further arguments of `convert`.
    """

    def __init__(self, model: onnx.ModelProto, device: str, calibration: Calibration | None = None,
                 **options: Any) -> None:
        graph = import_model(model).graph  # all that the model itself can be refused for
        self._model, self._device, self._options = model, device, options
        self._inputs = graph.inputs
        self._dtypes = [onnx.helper.tensor_dtype_to_np_dtype(o.type.tensor_type.elem_type or onnx.TensorProto.FLOAT)
                        for o in model.graph.output]  # a model in float16 answers in float16
        self._session: InferenceSession | None = None
        if calibration is not None:
            self._convert(calibration)

    def _convert(self, calibration: Calibration) -> InferenceSession:
        self._session = InferenceSession(convert(self._model, calibration, **self._options), self._device)
        return self._session

    def run(self, inputs: Any, **kwargs: Any) -> tuple[NDArray[Any], ...]:
        """Return the model's outputs.

        Args:
            inputs: arrays in the order of the model's inputs, by name, or the array of a single input.

        Raises InputError for inputs that do not fit, CalibrationError where the first ones cannot calibrate.
        """
        feed = self._feed(inputs)
        session = self._session or self._convert(feed)
        return tuple(result.astype(dtype) for result, dtype in zip(session.run(None, feed), self._dtypes, strict=True))

    def _feed(self, inputs: Any) -> dict[str, NDArray[Any]]:
        if isinstance(inputs, Mapping):
            return {name: _float(array) for name, array in inputs.items()}
        arrays = list(inputs) if isinstance(inputs, Sequence) else [inputs]
        if len(arrays) != len(self._inputs):
            raise InputError(f"{len(arrays)} inputs are given; the model's are {', '.join(map(repr, self._inputs))}")
        return {name: _float(array) for name, array in zip(self._inputs, arrays, strict=True)}


def _float(value: Any) -> NDArray[Any]:
    """Return the array, in float32 where it holds floats of another type."""
    array = np.asarray(value)
    narrow = array.dtype.kind == "f" or array.dtype.name == "bfloat16"
    return array.astype(np.float32) if narrow else array


class PalBackend(Backend):
    """Devices: "CPU" and "SIM", both the simulated engine. Raises the errors of `convert`."""

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", *, calibration: Calibration | None = None,
                **kwargs: Any) -> PalBackendRep:
        """Return the model, ready to run.

        Args:
            calibration: as for `convert`; None takes the inputs of the first run.
            kwargs: further arguments of `convert`; `rtol` and `atol`, which onnx's own test runner passes to
                every backend, are ignored.
        """
        for name in ("rtol", "atol"):
            kwargs.pop(name, None)
        return PalBackendRep(model, _uri(device), calibration, **kwargs)

    @classmethod
    def run_model(cls, model: onnx.ModelProto, inputs: Any, device: str = "CPU", **kwargs: Any,
                  ) -> tuple[NDArray[Any], ...]:
        """Prepare and run once."""
        return cls.prepare(model, device, **kwargs).run(inputs)

    @classmethod
    def run_node(cls, node: onnx.NodeProto, inputs: Any, device: str = "CPU",
                 outputs_info: Sequence[tuple[np.dtype[Any], tuple[int, ...]]] | None = None, **kwargs: Any,
                 ) -> tuple[NDArray[Any], ...]:
        """Run a single node: float inputs are its values, others are constants."""
        names = [name for name in node.input if name]
        arrays = dict(zip(names, map(np.asarray, inputs), strict=True))
        values = {name: array for name, array in arrays.items() if array.dtype.kind == "f"}
        opset = kwargs.pop("opset_version", onnx.defs.onnx_opset_version())
        types = {name: onnx.helper.make_tensor_type_proto(onnx.helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
                 for name, a in arrays.items()}
        constants = {name: onnx.numpy_helper.from_array(array, name)
                     for name, array in arrays.items() if name not in values}
        schema = onnx.defs.get_schema(node.op_type, opset, node.domain)
        results = onnx.shape_inference.infer_node_outputs(schema, node, types, constants)
        graph = onnx.helper.make_graph(
            [node], node.op_type, [onnx.helper.make_value_info(name, types[name]) for name in values],
            [onnx.helper.make_value_info(name, results[name]) for name in node.output if name],
            list(constants.values()))
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
        return cls.run_model(model, list(values.values()), device, **kwargs)

    @classmethod
    def is_compatible(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> bool:
        """Whether the engine can run every node."""
        try:
            import_model(model)
        except ValueError:
            return False
        return cls.supports_device(device)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return device.split(":")[0] in _DEVICES


def _uri(device: str) -> str:
    if not PalBackend.supports_device(device):
        raise DeviceError(f"device {device!r} is unknown to the ONNX backend; known: {', '.join(_DEVICES)}")
    return _DEVICES[device.split(":")[0]]


prepare = PalBackend.prepare
run_model = PalBackend.run_model
run_node = PalBackend.run_node
supports_device = PalBackend.supports_device
is_compatible = PalBackend.is_compatible
