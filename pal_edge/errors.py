"""The exception tree: everything this package raises on purpose.

    PalError
     ├─ ModelError (ValueError)          the ONNX model cannot be converted
     │   └─ UnsupportedError             it has operators or shapes the target cannot run
     ├─ CalibrationError (ValueError)    the calibration data do not fit the model
     ├─ ContainerError (ValueError)      the .pal file cannot be used
     │   ├─ VersionError                 its format version is newer than this package
     │   └─ TargetError                  it was compiled for another engine
     ├─ ImageError (ValueError)          the firmware image cannot be used on the board
     ├─ InputError (ValueError)          arrays given to run() do not fit the model
     └─ DeviceError (RuntimeError)       the device failed or cannot be reached
         ├─ DeviceNotFound               it is not there
         ├─ DevicePermissionError        this user may not open it
         ├─ DeviceBusy                   another program has it open
         ├─ DeviceTimeout (TimeoutError) it did not answer in time
         ├─ LinkError (ConnectionError)  the link to the board broke
         │   └─ LinkVersionError         board and host share no version of it
         ├─ FlashError                   the board's flash memory failed
         ├─ StoreFullError               the board has no room left for a model
         ├─ ModelNotFound (LookupError)  the board has no model of that name
         └─ EngineError                  the engine stopped: .code, .command, .layer

A message is one line: what is wrong, where, and what to do about it.
"""

from __future__ import annotations

from dataclasses import dataclass


class PalError(Exception):
    """Base class of all errors of this package."""


class ModelError(PalError, ValueError):
    """The ONNX model cannot be converted."""


@dataclass(frozen=True)
class Refusal:
    """One node that cannot run, and why."""

    node: str
    op: str
    reason: str

    def __str__(self) -> str:
        return f"{self.node} ({self.op}): {self.reason}"


class UnsupportedError(ModelError):
    """The model has nodes that the target cannot run; `.refusals` lists every one."""

    def __init__(self, refusals: list[Refusal]) -> None:
        self.refusals = tuple(refusals)
        count = len(refusals)
        super().__init__(
            f"{count} unsupported node{'s' if count != 1 else ''}: " + "; ".join(map(str, refusals))
        )


class CalibrationError(PalError, ValueError):
    """The calibration data do not fit the model."""


class ContainerError(PalError, ValueError):
    """The .pal file cannot be used."""


class VersionError(ContainerError):
    """The file's format version is newer than this package."""


class TargetError(ContainerError):
    """The file was compiled for another engine than the device has."""


class ImageError(PalError, ValueError):
    """The firmware image cannot be used: it is none, is damaged, too old, or for another board or key."""


class InputError(PalError, ValueError):
    """Arrays given to a session do not fit the model."""


class DeviceError(PalError, RuntimeError):
    """The device failed or cannot be reached."""


class DeviceNotFound(DeviceError):
    """The device is not there."""


class DevicePermissionError(DeviceError):
    """This user may not open the device."""


class DeviceBusy(DeviceError):
    """Another program has the device open."""


class DeviceTimeout(DeviceError, TimeoutError):
    """The device did not answer in time."""


class LinkError(DeviceError, ConnectionError):
    """The link to the board broke; what was asked last may or may not have been done."""


class LinkVersionError(LinkError):
    """The board and this host share no link version."""


class FlashError(DeviceError):
    """The board's flash memory failed to erase, program or verify."""


class StoreFullError(DeviceError):
    """The board's store has no room left for a model."""


class ModelNotFound(DeviceError, LookupError):
    """The board has no model of that name."""


class EngineError(DeviceError):
    """The engine stopped at a command."""

    def __init__(self, message: str, code: int, command: int, layer: str) -> None:
        super().__init__(message)
        self.code = code
        self.command = command
        self.layer = layer
