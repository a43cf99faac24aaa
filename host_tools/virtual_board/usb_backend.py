"""A pyusb backend that sees the virtual boards: programs for USB work with them as they are."""

from __future__ import annotations

import errno
import os
import struct
import threading
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import usb.backend
import usb.core
import usb.util

from pal_edge.spec.virtual_board import USB_BUFFER

from . import usb_wire
from .sockets import connect

_DEVICE, _CONFIGURATION, _INTERFACE, _ENDPOINT = 1, 2, 4, 5
_DEFAULT_MS = 1000
_GET_DESCRIPTOR, _SET_CONFIGURATION, _GET_CONFIGURATION = 6, 9, 8
_FOR_EVER_MS = 1 << 30

_DEVICE_FIELDS = ("bLength", "bDescriptorType", "bcdUSB", "bDeviceClass", "bDeviceSubClass", "bDeviceProtocol",
                  "bMaxPacketSize0", "idVendor", "idProduct", "bcdDevice", "iManufacturer", "iProduct",
                  "iSerialNumber", "bNumConfigurations")
_CONFIGURATION_FIELDS = ("bLength", "bDescriptorType", "wTotalLength", "bNumInterfaces", "bConfigurationValue",
                         "iConfiguration", "bmAttributes", "bMaxPower")
_INTERFACE_FIELDS = ("bLength", "bDescriptorType", "bInterfaceNumber", "bAlternateSetting", "bNumEndpoints",
                     "bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol", "iInterface")
_ENDPOINT_FIELDS = ("bLength", "bDescriptorType", "bEndpointAddress", "bmAttributes", "wMaxPacketSize", "bInterval")
_LAYOUTS = {_DEVICE: ("<BBHBBBBHHHBBBB", _DEVICE_FIELDS), _CONFIGURATION: ("<BBHBBBBB", _CONFIGURATION_FIELDS),
            _INTERFACE: ("<BBBBBBBBB", _INTERFACE_FIELDS), _ENDPOINT: ("<BBBBHB", _ENDPOINT_FIELDS)}


class _Handle:
    """An open device: one connection to its board. Threads may share it, one reading while another writes."""

    def __init__(self, path: Path) -> None:
        try:
            self._socket = connect(path)
        except OSError as error:
            raise _error(errno.ENODEV) from error
        self._changed = threading.Condition()
        self._number = 0
        self._listening = False  # a thread waits at the socket, for all of them
        self._answers: dict[int, tuple[int, bytes]] = {}
        self._gone = False

    def ask(self, kind: int, timeout_ms: int = _DEFAULT_MS, **fields: Any) -> bytes:
        """Return what comes back. Raises USBError."""
        with self._changed:
            number = self._number = self._number + 1 & 0xFFFFFFFF
            request = usb_wire.Request(number, kind, timeout_ms=timeout_ms or _FOR_EVER_MS, **fields)
            try:
                self._socket.sendall(request.pack())
            except OSError:
                self._gone = True
            while number not in self._answers and not self._gone:
                if self._listening:
                    self._changed.wait()
                else:
                    self._listen()
            error, data = self._answers.pop(number, (errno.ENODEV, b""))
        if error:
            raise _error(error)
        return data

    def _listen(self) -> None:
        """Take one answer, whoever waits for it. Others may send meanwhile."""
        self._listening = True
        self._changed.release()
        answer = None
        try:
            number, error, length = usb_wire.response_head(self._receive(usb_wire.RESPONSE_SIZE))
            answer = error, self._receive(length)
        except OSError:
            pass
        finally:
            self._changed.acquire()
            self._listening = False
            if answer:
                self._answers[number] = answer
            else:
                self._gone = True
            self._changed.notify_all()

    def _receive(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size:
            piece = self._socket.recv(size - len(found))
            if not piece:
                raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
            found += piece
        return bytes(found)

    def close(self) -> None:
        self._socket.close()


class _Device:
    """A board that may be opened; its descriptors are read once, from the firmware."""

    def __init__(self, path: Path, address: int) -> None:
        self.path, self.address = path, address
        handle = _Handle(path)
        try:
            self.device = _descriptor(handle, _DEVICE, 0)
            head = _descriptor(handle, _CONFIGURATION, 0, 9)
            self.configuration = _descriptor(handle, _CONFIGURATION, 0, int.from_bytes(head[2:4], "little"))
        finally:
            handle.close()

    def parts(self, kind: int) -> Iterator[tuple[bytes, int]]:
        """Yield the descriptors of one kind, and how far into the configuration they are."""
        at = 0
        while at < len(self.configuration):
            length = max(self.configuration[at], 2)
            if self.configuration[at + 1] == kind:
                yield self.configuration[at : at + length], at
            at += length


def _descriptor(handle: _Handle, kind: int, index: int, size: int = 18) -> bytes:
    setup = struct.pack("<BBHHH", 0x80, _GET_DESCRIPTOR, kind << 8 | index, 0, size)
    return handle.ask(usb_wire.CONTROL, setup=setup)


class Backend(usb.backend.IBackend):  # type: ignore[misc]
    """Args:
        sockets: returns the `usb.sock` of every running board.
    """

    def __init__(self, sockets: Callable[[], list[Path]]) -> None:
        self._sockets = sockets

    def enumerate_devices(self) -> Iterator[_Device]:
        for address, path in enumerate(self._sockets(), 1):
            try:
                yield _Device(path, address)
            except usb.core.USBError:  # without power, or not attached yet
                continue

    def get_device_descriptor(self, dev: _Device) -> SimpleNamespace:
        return _namespace(dev.device, bus=0, address=dev.address, port_number=dev.address, port_numbers=(dev.address,),
                          speed=usb.util.SPEED_HIGH)

    def get_configuration_descriptor(self, dev: _Device, config: int) -> SimpleNamespace:
        if config:
            raise IndexError(f"no configuration {config}")
        return _namespace(dev.configuration[:9], extra_descriptors=array("B"))

    def get_interface_descriptor(self, dev: _Device, intf: int, alt: int, config: int) -> SimpleNamespace:
        found = [part for part, _ in dev.parts(_INTERFACE) if part[2] == intf]
        return _namespace(found[alt], extra_descriptors=array("B"))  # IndexError ends pyusb's search

    def get_endpoint_descriptor(self, dev: _Device, ep: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        starts = [at for part, at in dev.parts(_INTERFACE) if part[2] == intf]
        found = [part for part, at in dev.parts(_ENDPOINT) if at > starts[alt]]
        return _namespace(found[ep], bRefresh=0, bSynchAddress=0, extra_descriptors=array("B"))

    def open_device(self, dev: _Device) -> _Handle:
        return _Handle(dev.path)

    def close_device(self, dev_handle: _Handle) -> None:
        dev_handle.close()

    def set_configuration(self, dev_handle: _Handle, config_value: int) -> None:
        dev_handle.ask(usb_wire.CONTROL, setup=struct.pack("<BBHHH", 0, _SET_CONFIGURATION, config_value, 0, 0))

    def get_configuration(self, dev_handle: _Handle) -> int:
        return dev_handle.ask(usb_wire.CONTROL, setup=struct.pack("<BBHHH", 0x80, _GET_CONFIGURATION, 0, 0, 1))[0]

    def set_interface_altsetting(self, dev_handle: _Handle, intf: int, altsetting: int) -> None:
        if altsetting:
            raise _error(errno.ENOENT)

    def claim_interface(self, dev_handle: _Handle, intf: int) -> None:
        dev_handle.ask(usb_wire.CLAIM)

    def release_interface(self, dev_handle: _Handle, intf: int) -> None:
        dev_handle.ask(usb_wire.RELEASE)

    def bulk_write(self, dev_handle: _Handle, ep: int, intf: int, data: array[int], timeout: int) -> int:
        whole, sent = bytes(data), 0
        while True:
            part = whole[sent : sent + USB_BUFFER]
            try:
                dev_handle.ask(usb_wire.OUT, timeout, data=part)
            except usb.core.USBTimeoutError:
                if not sent:
                    raise
                return sent
            sent += len(part)
            if sent == len(whole):
                return sent

    def bulk_read(self, dev_handle: _Handle, ep: int, intf: int, buff: array[int], timeout: int) -> int:
        data = dev_handle.ask(usb_wire.IN, timeout, size=len(buff) * buff.itemsize)
        memoryview(buff).cast("B")[: len(data)] = data
        return len(data)

    def ctrl_transfer(self, dev_handle: _Handle, bmRequestType: int, bRequest: int, wValue: int, wIndex: int,
                      data: array[int], timeout: int) -> int:
        setup = struct.pack("<BBHHH", bmRequestType, bRequest, wValue, wIndex, len(data))
        if not bmRequestType & 0x80:
            dev_handle.ask(usb_wire.CONTROL, timeout, setup=setup, data=bytes(data))
            return len(data)
        found = dev_handle.ask(usb_wire.CONTROL, timeout, setup=setup)
        memoryview(data).cast("B")[: len(found)] = found
        return len(found)

    def clear_halt(self, dev_handle: _Handle, ep: int) -> None:
        dev_handle.ask(usb_wire.CONTROL, setup=struct.pack("<BBHHH", 2, 1, 0, ep, 0))

    def reset_device(self, dev_handle: _Handle) -> None:
        configuration = self.get_configuration(dev_handle)
        dev_handle.ask(usb_wire.RESET)
        if configuration:  # an operating system restores it
            self.set_configuration(dev_handle, configuration)

    def is_kernel_driver_active(self, dev_handle: _Handle, intf: int) -> bool:
        return False


def _namespace(raw: bytes, **more: Any) -> SimpleNamespace:
    layout, names = _LAYOUTS[raw[1]]
    return SimpleNamespace(**dict(zip(names, struct.unpack_from(layout, raw), strict=True)), **more)


def _error(number: int) -> usb.core.USBError:
    kind = usb.core.USBTimeoutError if number == errno.ETIMEDOUT else usb.core.USBError
    return kind(os.strerror(number), None, number)
