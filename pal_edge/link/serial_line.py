"""A serial line, also a virtual board's pseudo-terminal."""

from __future__ import annotations

import errno
import os
import select
from typing import Any, Self
from urllib.parse import parse_qsl

import serial

from ..errors import DeviceBusy, DeviceError, DeviceNotFound, DevicePermissionError, LinkError
from .transport import Transport

BAUD = 115200
_CHUNK = 65536


class SerialTransport(Transport):
    """`serial:PATH[?baud=N]`, 8N1 without flow control, locked (flock) against a second opener.

    Raises DeviceNotFound, DevicePermissionError, DeviceBusy, DeviceError.
    """

    def __init__(self, path: str, baud: int = BAUD) -> None:
        self.name = f"serial:{path}" + (f"?baud={baud}" if baud != BAUD else "")
        try:
            self._port = serial.Serial(path, baud, timeout=0, write_timeout=0, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            raise _refused(path, baud, error) from error
        self._fd = self._port.fileno()

    @classmethod
    def from_uri(cls, uri: str) -> Self:
        path, _, query = uri.removeprefix("serial:").partition("?")
        options = dict(parse_qsl(query, keep_blank_values=True))
        baud = options.pop("baud", str(BAUD))
        if not path or options or not baud.isdecimal() or not int(baud):
            raise DeviceError(f"{uri!r} is no serial line; write serial:/dev/ttyX or serial:/dev/ttyX?baud={BAUD}")
        return cls(path, int(baud))

    def read(self, timeout: float) -> bytes:
        try:
            if not select.select([self._fd], [], [], timeout)[0]:
                return b""
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return b""
        except (OSError, ValueError) as error:
            raise self._gone(error) from error
        if not data:
            raise self._gone("end of file")
        return data

    def write(self, data: Any, timeout: float) -> int:
        try:
            if not select.select([self._fd], [self._fd], [], timeout)[1]:
                return 0
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except (OSError, ValueError) as error:
            raise self._gone(error) from error

    def close(self) -> None:
        self._fd = -1
        self._port.close()

    def _gone(self, reason: object) -> LinkError:
        text = reason.strerror if isinstance(reason, OSError) else reason
        return LinkError(f"{self.name}: the line is gone ({text}); is the board still plugged in?")


def _refused(path: str, baud: int, error: Exception) -> DeviceError:
    number = getattr(error, "errno", None)
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.EIO):
        return DeviceNotFound(f"{path} is not there; plug the board in, or see `pal-edge devices`")
    if number in (errno.EACCES, errno.EPERM):
        return DevicePermissionError(f"{path}: this user may not open it; "
                                     "see `pal-edge doctor --install-udev`, or join the group dialout")
    if number in (errno.EBUSY, errno.EAGAIN):
        return DeviceBusy(f"{path} is in use by another program; close that one (`fuser {path}` names it)")
    if isinstance(error, ValueError):
        return DeviceError(f"{path}: {baud} baud cannot be set; choose a rate that the port has, {BAUD} say")
    if not _is_terminal(path):
        return DeviceNotFound(f"{path} is no serial port; see `pal-edge devices`")
    return DeviceError(f"{path} does not open: {error}")


def _is_terminal(path: str) -> bool:
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        return error.errno != errno.EISDIR
    try:
        return os.isatty(handle)
    finally:
        os.close(handle)
