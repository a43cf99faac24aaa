"""PAL Edge: neural networks in a logarithmic number system, from ONNX to the engine.

    model = pal_edge.convert("model.onnx", calibration={"input": samples})
    model.save("model.pal")
    with pal_edge.InferenceSession("model.pal", device="sim") as session:
        outputs = session.run(None, {"input": x})
"""

from __future__ import annotations

from . import errors, numeric
from .container import Model
from .convert import convert
from .errors import (
    CalibrationError,
    ContainerError,
    DeviceBusy,
    DeviceError,
    DeviceNotFound,
    DevicePermissionError,
    DeviceTimeout,
    EngineError,
    FlashError,
    ImageError,
    InputError,
    LinkError,
    LinkVersionError,
    ModelError,
    ModelNotFound,
    PalError,
    StoreFullError,
    TargetError,
    UnsupportedError,
    VersionError,
)
from .runtime import InferenceSession, devices, open_device
from .version import __version__

__all__ = [
    "CalibrationError",
    "ContainerError",
    "DeviceBusy",
    "DeviceError",
    "DeviceNotFound",
    "DevicePermissionError",
    "DeviceTimeout",
    "EngineError",
    "FlashError",
    "ImageError",
    "InferenceSession",
    "InputError",
    "LinkError",
    "LinkVersionError",
    "Model",
    "ModelError",
    "ModelNotFound",
    "PalError",
    "StoreFullError",
    "TargetError",
    "UnsupportedError",
    "VersionError",
    "__version__",
    "convert",
    "devices",
    "errors",
    "numeric",
    "open_device",
]
