"""A board's USB interface: class vendor, one bulk endpoint each way."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from typing import Any, Self

import usb.backend.libusb1
import usb.core
import usb.util

from ..errors import DeviceBusy, DeviceError, DeviceNotFound, DevicePermissionError, LinkError
from ..spec.link import USB_PRODUCT, USB_VENDOR
from .transport import Transport
from .virtual import usb_backend

_CHUNK = 65536
_VENDOR_CLASS = 0xFF


def usb_devices(vendor: int = USB_VENDOR, product: int = USB_PRODUCT) -> Iterator[Any]:
    """Yield pyusb devices, virtual ones first. Raises DeviceError where nothing can look for them."""
    backends = [each for each in (usb_backend(), usb.backend.libusb1.get_backend()) if each is not None]
    if not backends:
        raise DeviceError("USB needs libusb, which is not installed; on Debian: apt install libusb-1.0-0")
    for backend in backends:
        yield from usb.core.find(find_all=True, backend=backend, idVendor=vendor, idProduct=product)


def serial_number(device: Any) -> str | None:
    """Return the device's serial number; None where this user may not ask."""
    try:
        return device.serial_number or ""
    except (usb.core.USBError, ValueError, NotImplementedError):
        return None


class UsbTransport(Transport):
    """`usb:VID:PID[:SERIAL]`, its vendor interface claimed.

    Raises DeviceNotFound, DevicePermissionError, DeviceBusy, DeviceError.
    """

    def __init__(self, vendor: int, product: int, serial: str | None = None) -> None:
        self.name = f"usb:{vendor:04x}:{product:04x}" + (f":{serial}" if serial else "")
        self._device = self._find(vendor, product, serial)
        try:
            self._interface, self._out, self._in = self._endpoints()
            usb.util.claim_interface(self._device, self._interface)
        except usb.core.USBError as error:
            usb.util.dispose_resources(self._device)
            raise self._refused(error) from error

    @classmethod
    def from_uri(cls, uri: str) -> Self:
        match = re.fullmatch(r"usb:([0-9a-fA-F]{1,4}):([0-9a-fA-F]{1,4})(?::(.+))?", uri)
        if not match:
            raise DeviceError(f"{uri!r} is no USB device; write usb:{USB_VENDOR:04x}:{USB_PRODUCT:04x}, "
                              "with :SERIAL behind it where several are plugged in")
        return cls(int(match[1], 16), int(match[2], 16), match[3])

    def read(self, timeout: float) -> bytes:
        try:
            return bytes(self._in.read(_CHUNK, _milliseconds(timeout)))
        except usb.core.USBTimeoutError:
            return b""
        except (usb.core.USBError, AttributeError) as error:
            raise self._gone(error) from error

    def write(self, data: Any, timeout: float) -> int:
        try:
            return int(self._out.write(data, _milliseconds(timeout)))
        except usb.core.USBTimeoutError:
            return 0
        except (usb.core.USBError, AttributeError) as error:
            raise self._gone(error) from error

    def close(self) -> None:
        try:
            usb.util.release_interface(self._device, self._interface)
        except usb.core.USBError:  # unplugged
            pass
        usb.util.dispose_resources(self._device)

    def _find(self, vendor: int, product: int, serial: str | None) -> Any:
        found = list(usb_devices(vendor, product))
        numbers = [serial_number(each) for each in found]
        if serial is None:
            if len(found) > 1:
                known = ", ".join(f"{self.name}:{number}" for number in numbers if number)
                raise DeviceError(f"{self.name}: {len(found)} such boards are plugged in; choose one: {known}")
            if found:
                return found[0]
        elif serial in numbers:
            return found[numbers.index(serial)]
        elif None in numbers:
            raise self._forbidden()
        raise DeviceNotFound(f"{self.name} is not there; plug the board in, or see `pal-edge devices`")

    def _endpoints(self) -> tuple[int, Any, Any]:
        """Return number of the vendor interface, its bulk OUT and its bulk IN endpoint."""
        try:
            configuration = self._device.get_active_configuration()
        except usb.core.USBError as error:
            if error.errno is not None:
                raise
            self._device.set_configuration()  # none was set yet
            configuration = self._device.get_active_configuration()
        for interface in configuration:
            bulk = {usb.util.endpoint_direction(each.bEndpointAddress): each for each in interface
                    if usb.util.endpoint_type(each.bmAttributes) == usb.util.ENDPOINT_TYPE_BULK}
            if interface.bInterfaceClass == _VENDOR_CLASS and len(bulk) == 2:
                return interface.bInterfaceNumber, bulk[usb.util.ENDPOINT_OUT], bulk[usb.util.ENDPOINT_IN]
        raise DeviceNotFound(f"{self.name} has no vendor interface with a bulk endpoint each way: not a PAL board")

    def _forbidden(self) -> DeviceError:
        return DevicePermissionError(f"{self.name}: this user may not open it; `pal-edge doctor --install-udev` "
                                     "permits it, then plug the board in again")

    def _refused(self, error: usb.core.USBError) -> DeviceError:
        if error.errno in (errno.EACCES, errno.EPERM):
            return self._forbidden()
        if error.errno == errno.EBUSY:
            return DeviceBusy(f"{self.name} is in use by another program; close that one")
        if error.errno in (errno.ENODEV, errno.ENOENT):
            return DeviceNotFound(f"{self.name} went away; plug the board in again")
        return DeviceError(f"{self.name} does not open: {error.strerror}")

    def _gone(self, error: Exception) -> LinkError:
        text = error.strerror if isinstance(error, usb.core.USBError) else "closed"
        return LinkError(f"{self.name}: the line is gone ({text}); is the board still plugged in?")


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))  # 0 would mean for ever
