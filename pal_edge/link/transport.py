"""What carries raw bytes to a board and back: a serial line or a pair of USB endpoints."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from ..errors import DeviceNotFound


class Transport(ABC):
    """An open line, this program's alone. Losing, doubling or damaging bytes is allowed: the link repairs it."""

    name: str  # its URI

    @abstractmethod
    def read(self, timeout: float) -> bytes:
        """Return what has arrived; wait at most `timeout` seconds for the first byte, then return b"".

        Raises LinkError when the line is gone.
        """

    @abstractmethod
    def write(self, data: Any, timeout: float) -> int:
        """Hand over bytes and return how many were taken.

        Returns when some were, when something can be read, or after `timeout` seconds.
        Raises LinkError when the line is gone.
        """

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def _serial(uri: str) -> Transport:
    from .serial_line import SerialTransport  # pyserial and pyusb are loaded when they are used

    return SerialTransport.from_uri(uri)


def _usb(uri: str) -> Transport:
    from .usb_bulk import UsbTransport

    return UsbTransport.from_uri(uri)


SCHEMES: dict[str, Callable[[str], Transport]] = {"serial": _serial, "usb": _usb}


def open_transport(uri: str) -> Transport:
    """Open `serial:/dev/ttyX[?baud=N]` or `usb:VID:PID[:SERIAL]`.

    Raises DeviceNotFound, DevicePermissionError, DeviceBusy, DeviceError.
    """
    opener = SCHEMES.get(uri.partition(":")[0])
    if opener is None:
        raise DeviceNotFound(f"{uri!r} is no line to a board; try serial:/dev/ttyX or usb:VID:PID")
    return opener(uri)
