"""The only module that imports the extension; a status becomes an exception here and nowhere else."""

from __future__ import annotations

from ..errors import (
    ContainerError,
    DeviceError,
    DeviceTimeout,
    FlashError,
    ImageError,
    LinkError,
    LinkVersionError,
    ModelNotFound,
    PalError,
    StoreFullError,
    TargetError,
    VersionError,
)
from ..spec.status import STATUS_TEXT, Status
from ._pal import ffi, lib

__all__ = ["check", "ffi", "lib"]

_EXCEPTIONS: dict[int, type[PalError]] = {
    Status.ERR_TRUNCATED: ContainerError,
    Status.ERR_MAGIC: ContainerError,
    Status.ERR_VERSION: VersionError,
    Status.ERR_CRC: ContainerError,
    Status.ERR_FORMAT: ContainerError,
    Status.ERR_TARGET: TargetError,
    Status.ERR_LIMIT: ContainerError,
    Status.ERR_TIMEOUT: DeviceTimeout,
    Status.ERR_NOT_FOUND: ModelNotFound,
    Status.ERR_FULL: StoreFullError,
    Status.ERR_FLASH: FlashError,
    Status.ERR_IMAGE: ImageError,
    Status.ERR_BOARD: ImageError,
    Status.ERR_SIGNATURE: ImageError,
    Status.ERR_DOWNGRADE: ImageError,
    Status.ERR_LINK: LinkError,
    Status.ERR_LINK_VERSION: LinkVersionError,
}


def check(status: int, what: str) -> None:
    """Raise the exception of a negative status, DeviceError where none is more fitting."""
    if status < 0:
        text = STATUS_TEXT.get(status, f"status {status}")
        raise _EXCEPTIONS.get(status, DeviceError)(f"{what}: {text}")
