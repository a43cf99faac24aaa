"""Inputs and outputs of a session: float arrays on one side, codes in a region on the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..container import Tensor
from ..errors import InputError
from ..numeric import decode
from .native import ffi, lib

BATCH = "N"  # a dynamic first axis, as ONNX Runtime shows a symbolic one
_EVERY_CODE = np.arange(256, dtype=np.uint8)


@dataclass(frozen=True)
class NodeArg:
    """One input or output as ONNX Runtime describes it, and the bias of its codes."""

    name: str
    shape: tuple[int | str, ...]
    type: str
    bias: int


class Port:
    """Converts one tensor; everything that does not depend on the data is prepared here."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.name = tensor.name
        self.size = tensor.size
        self.shape = tensor.shape
        shown: tuple[int | str, ...] = (BATCH, *tensor.shape[1:]) if tensor.dynamic_batch else tensor.shape
        self.arg = NodeArg(tensor.name, shown, "tensor(int64)" if tensor.indices else "tensor(float)", tensor.bias)
        self._plain = tuple(a for a in tensor.order if tensor.shape[a] > 1) == tuple(
            a for a in range(len(tensor.shape)) if tensor.shape[a] > 1)
        self._stored = tuple(tensor.shape[a] for a in tensor.order)
        self._back = tuple(int(i) for i in np.argsort(tensor.order))
        self._values = decode(_EVERY_CODE, tensor.bias)

    def samples(self, value: Any, dtype: type) -> NDArray[Any]:
        """Return [samples, *shape]. Raises InputError for a wrong type or shape."""
        array = np.asarray(value)
        if dtype is np.float32:
            if array.dtype != np.float32:
                if array.dtype.kind != "f":
                    raise InputError(f"input {self.name!r} is {array.dtype}, not float; "
                                     "apply the model's preprocessing and pass float32")
                with np.errstate(over="ignore"):  # beyond float32: infinite, saturates like any large value
                    array = array.astype(np.float32)
        elif array.dtype != np.uint8:
            raise InputError(f"codes of {self.name!r} are {array.dtype}, not uint8")
        if self.tensor.dynamic_batch and array.shape[1:] == self.shape[1:] and array.ndim == len(self.shape):
            return array[:, None]
        if array.shape != self.shape:
            raise InputError(f"input {self.name!r} has shape {list(array.shape)}; "
                             f"wanted [{', '.join(map(str, self.arg.shape))}]")
        return array[None]

    def stored(self, sample: NDArray[Any]) -> NDArray[Any]:
        """Return one sample in the order of memory."""
        return np.ascontiguousarray(sample if self._plain else sample.transpose(self.tensor.order))

    def encode(self, sample: NDArray[np.float32]) -> bytes | Any:
        """Return one sample's codes as they lie in memory. Raises InputError for NaN."""
        codes = np.empty(self.size, np.uint8)
        if lib.pal_encode(ffi.from_buffer("float[]", self.stored(sample)), self.size, self.tensor.bias,
                          ffi.from_buffer("uint8_t[]", codes)):
            raise InputError(f"input {self.name!r} has NaN; clean the data")
        return codes

    def logical(self, codes: NDArray[np.uint8]) -> NDArray[Any]:
        """Return codes, or indices as int64, from memory in the logical shape."""
        if self.tensor.indices:
            return codes.view("<u4").reshape(self._stored).transpose(self._back).astype(np.int64)
        return codes.reshape(self.shape) if self._plain else codes.reshape(self._stored).transpose(self._back)

    def decode(self, codes: NDArray[np.uint8]) -> NDArray[Any]:
        """Return float32 values, or indices as int64, from memory in the logical shape."""
        logical = self.logical(codes)
        return logical if self.tensor.indices else self._values[logical]


def check_names(feed: Mapping[str, Any], ports: list[Port]) -> None:
    """Raise InputError unless `feed` has exactly the inputs."""
    if len(feed) == len(ports) and all(port.name in feed for port in ports):
        return
    wanted = ", ".join(repr(port.name) for port in ports)
    missing = [port.name for port in ports if port.name not in feed]
    if missing:
        raise InputError(f"input {missing[0]!r} is missing; the model's inputs are {wanted}")
    extra = sorted(set(feed) - {port.name for port in ports})
    raise InputError(f"{extra[0]!r} is no input; the model's inputs are {wanted}")
