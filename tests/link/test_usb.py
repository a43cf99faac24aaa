"""USB boards through pyusb, on a backend of these tests."""

from __future__ import annotations

import errno
import random
from collections.abc import Iterator

import pytest
import usb.backend.libusb1

from pal_edge.errors import DeviceBusy, DeviceError, DeviceNotFound, DevicePermissionError, LinkError
from pal_edge.link import Connection, open_transport, usb_bulk
from pal_edge.spec.link import Command
from tests.link.loopback import LoopbackBoard
from tests.link.usb_fake import FakeUsb

URI = "usb:1209:0001"


@pytest.fixture
def plug(monkeypatch) -> Iterator:
    """Return a function that plugs a board in; only the tests' boards are seen."""
    boards: list[LoopbackBoard] = []
    devices: list[FakeUsb] = []

    def add(**options) -> FakeUsb:
        boards.append(LoopbackBoard(chunk=16384))
        devices.append(FakeUsb(boards[-1], **options))
        return devices[-1]

    monkeypatch.setattr(usb_bulk, "usb_backend", lambda: devices[0] if devices else None)
    monkeypatch.setattr(usb.backend.libusb1, "get_backend", lambda: devices[1] if len(devices) > 1 else None)
    yield add
    for board in boards:
        board.close()


def test_a_connection_over_usb(plug) -> None:
    device = plug()
    sent = [random.Random(i).randbytes(4000) for i in range(100)]
    for uri in (URI, f"{URI}:F0001"):
        with Connection(open_transport(uri)) as link:
            assert link.name == uri and device.claimed == [0]
            assert [r.body for r in link.pipeline((Command.ECHO, body) for body in sent)] == sent
        assert device.claimed == []


def test_a_device_that_nobody_configured_is(plug) -> None:
    device = plug()
    device.configured = 0
    with Connection(open_transport(URI)) as link:
        assert link.request(Command.ECHO, b"x") == b"x" and device.configured == 1


def test_a_second_host_is_told(plug) -> None:
    plug()
    with open_transport(URI), pytest.raises(DeviceBusy, match=f"{URI} is in use by another program; close that one"):
        open_transport(URI)
    open_transport(URI).close()


def test_which_of_two(plug) -> None:
    plug()
    second = plug(serial="F0002")
    with pytest.raises(DeviceError, match=f"2 such boards are plugged in; choose one: {URI}:F0001, {URI}:F0002"):
        open_transport(URI)
    with open_transport(f"{URI}:F0002"):
        assert second.claimed == [0]
    with pytest.raises(DeviceNotFound, match=f"{URI}:F0003 is not there; plug the board in"):
        open_transport(f"{URI}:F0003")


def test_not_there(plug) -> None:
    plug().plugged = False
    with pytest.raises(DeviceNotFound, match=f"{URI} is not there"):
        open_transport(URI)


def test_no_libusb(plug) -> None:
    with pytest.raises(DeviceError, match="USB needs libusb, which is not installed"):
        open_transport(URI)


@pytest.mark.parametrize("uri", [URI, f"{URI}:F0001"])
def test_not_permitted(plug, uri: str) -> None:
    plug().forbidden = errno.EACCES
    with pytest.raises(DevicePermissionError, match="doctor --install-udev` permits it"):
        open_transport(uri)


@pytest.mark.parametrize(("number", "kind", "message"), [
    (errno.EACCES, DevicePermissionError, "permits it"), (errno.ENODEV, DeviceNotFound, "went away"),
    (errno.EIO, DeviceError, "does not open"), (errno.EBUSY, DeviceBusy, "in use")])
def test_each_reason_has_its_class(plug, number: int, kind: type, message: str) -> None:
    plug().refuse = number
    with pytest.raises(kind, match=message) as caught:
        open_transport(URI)
    assert type(caught.value) is kind


def test_another_kind_of_device(plug) -> None:
    plug(vendor_class=8)
    with pytest.raises(DeviceNotFound, match="has no vendor interface with a bulk endpoint each way: not a PAL board"):
        open_transport(URI)


@pytest.mark.parametrize("uri", ["usb:", "usb:1209", "usb:1209:0001:", "usb:x:y", "usb:12090:1"])
def test_a_malformed_uri_is_explained(uri: str) -> None:
    with pytest.raises(DeviceError, match="is no USB device; write usb:1209:0001, with :SERIAL behind it"):
        open_transport(uri)


def test_unplugging_is_a_broken_link(plug) -> None:
    device = plug()
    line = open_transport(URI)
    link = Connection(line)
    responses = link.pipeline((Command.ECHO, bytes(4000)) for _ in range(1000))
    next(responses)
    device.plugged = False
    with pytest.raises(LinkError, match="the line is gone .*; is the board still plugged in"):
        list(responses)
    link.close()
