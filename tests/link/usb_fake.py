"""A pyusb backend with a board on it, whose bulk endpoints are a loopback board's wires."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import Any

import usb.core
from usb.backend import IBackend

from pal_edge.spec.link import USB_PRODUCT, USB_VENDOR
from tests.link.loopback import LoopbackBoard

_TEXT = {1: "PAL", 2: "fake board", 3: "F0001"}


class FakeUsb(IBackend):  # type: ignore[misc]
    """One device on a bus. `refuse` is the errno of claiming its interface, `forbidden` of opening it.

    Args:
        board: behind its endpoints.
        vendor_class: class of its only interface.
    """

    def __init__(self, board: LoopbackBoard, serial: str = "F0001", vendor_class: int = 0xFF) -> None:
        self.board = board
        self.serial = serial
        self.vendor_class = vendor_class
        self.refuse = self.forbidden = 0
        self.plugged = True
        self.configured = 1
        self.claimed: list[int] = []

    def enumerate_devices(self) -> Any:
        return iter([self] if self.plugged else [])

    def get_device_descriptor(self, dev: Any) -> Any:
        return SimpleNamespace(
            bLength=18, bDescriptorType=1, bcdUSB=0x0200, bDeviceClass=0, bDeviceSubClass=0, bDeviceProtocol=0,
            bMaxPacketSize0=64, idVendor=USB_VENDOR, idProduct=USB_PRODUCT, bcdDevice=0x0100, iManufacturer=1,
            iProduct=2, iSerialNumber=3, bNumConfigurations=1, address=5, bus=1, port_number=1, port_numbers=(1,),
            speed=3)

    def get_configuration_descriptor(self, dev: Any, config: int) -> Any:
        if config:
            raise IndexError
        return SimpleNamespace(bLength=9, bDescriptorType=2, wTotalLength=32, bNumInterfaces=1, bConfigurationValue=1,
                               iConfiguration=0, bmAttributes=0x80, bMaxPower=50, extra_descriptors=[])

    def get_interface_descriptor(self, dev: Any, intf: int, alt: int, config: int) -> Any:
        if intf or alt:
            raise IndexError
        return SimpleNamespace(bLength=9, bDescriptorType=4, bInterfaceNumber=0, bAlternateSetting=0, bNumEndpoints=2,
                               bInterfaceClass=self.vendor_class, bInterfaceSubClass=0, bInterfaceProtocol=0,
                               iInterface=0, extra_descriptors=[])

    def get_endpoint_descriptor(self, dev: Any, ep: int, intf: int, alt: int, config: int) -> Any:
        return SimpleNamespace(bLength=7, bDescriptorType=5, bEndpointAddress=(0x01, 0x82)[ep], bmAttributes=2,
                               wMaxPacketSize=512, bInterval=0, bRefresh=0, bSynchAddress=0, extra_descriptors=[])

    def open_device(self, dev: Any) -> Any:
        if self.forbidden:
            raise usb.core.USBError("Access denied", None, self.forbidden)
        return self

    def close_device(self, handle: Any) -> None:
        pass

    def get_configuration(self, handle: Any) -> int:
        return self.configured

    def set_configuration(self, handle: Any, value: int) -> None:
        self.configured = value

    def claim_interface(self, handle: Any, intf: int) -> None:
        if self.refuse:
            raise usb.core.USBError("refused", None, self.refuse)
        if self.claimed:
            raise usb.core.USBError("Resource busy", None, errno.EBUSY)
        self.claimed.append(intf)

    def release_interface(self, handle: Any, intf: int) -> None:
        self.claimed.remove(intf)
        self._check()

    def ctrl_transfer(self, handle: Any, kind: int, request: int, value: int, index: int, data: Any,
                      timeout: int) -> int:
        text = {**_TEXT, 3: self.serial}
        number = value & 0xFF
        body = b"\x09\x04" if number == 0 else text[number].encode("utf-16-le")
        answer = bytes([len(body) + 2, 3]) + body
        size = min(len(answer), len(data))
        data[:size] = type(data)("B", answer[:size])
        return size

    def bulk_write(self, handle: Any, ep: int, intf: int, data: Any, timeout: int) -> int:
        self._check()
        assert ep == 0x01
        self.board.to_board.put(bytes(data))
        return len(data)

    def bulk_read(self, handle: Any, ep: int, intf: int, buffer: Any, timeout: int) -> int:
        self._check()
        assert ep == 0x82 and timeout > 0
        found = self.board.to_host.get(timeout / 1000)
        if not found:
            raise usb.core.USBTimeoutError("timed out", None, errno.ETIMEDOUT)
        assert len(found) <= len(buffer)
        buffer[: len(found)] = type(buffer)("B", found)
        return len(found)

    def _check(self) -> None:
        if not self.plugged:
            raise usb.core.USBError("No such device", None, errno.ENODEV)
