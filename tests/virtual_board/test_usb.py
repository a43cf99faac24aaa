"""USB of the virtual board, through pyusb, to a processor that is a thread."""

from __future__ import annotations

import errno
import os
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import usb.core
import usb.util

from host_tools.virtual_board import sockets, usb_wire
from pal_edge.spec.link import USB_PRODUCT, USB_VENDOR
from pal_edge.spec.virtual_board import USB_BUFFER
from tests.virtual_board.stand_in import HOLD, KEEP, PATIENCE, REATTACH, SERIAL_NUMBER, Running, running

OUT, IN = 0x01, 0x81
SHORT, LONG = 50, int(PATIENCE * 1000)  # milliseconds
VENDOR_OUT, VENDOR_IN = 0x40, 0xC0


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as board:
        yield board


@pytest.fixture
def device(board: Running) -> Iterator[usb.core.Device]:
    device = find(board)
    device.set_configuration()
    yield device
    usb.util.dispose_resources(device)


def find(board: Running) -> usb.core.Device:
    """Return the device once it is attached."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = usb.core.find(backend=board.backend(), idVendor=USB_VENDOR, idProduct=USB_PRODUCT)
        if found is not None:
            return found
        time.sleep(0.01)
    raise AssertionError("no device")


def refused(number: int, action: Callable[..., object], *arguments: object) -> None:
    with pytest.raises(usb.core.USBError) as caught:
        action(*arguments)
    assert caught.value.errno == number, caught.value
    assert isinstance(caught.value, usb.core.USBTimeoutError) == (number == errno.ETIMEDOUT)


def hold(device: usb.core.Device, on: bool) -> None:
    device.ctrl_transfer(VENDOR_OUT, HOLD, int(on))


def test_it_is_found_with_the_descriptors_of_its_firmware(board: Running) -> None:
    device = find(board)
    assert (device.manufacturer, device.product, device.serial_number) == ("PAL", "stand-in", SERIAL_NUMBER)
    assert (device.bcdUSB, device.bMaxPacketSize0, device.bNumConfigurations) == (0x200, 64, 1)
    (configuration,) = device
    (interface,) = configuration
    assert configuration.bMaxPower == 250 and interface.bInterfaceClass == 0xFF
    assert [(each.bEndpointAddress, each.bmAttributes, each.wMaxPacketSize) for each in interface] == \
        [(OUT, 2, 64), (IN, 2, 64)]
    usb.util.dispose_resources(device)


def test_it_has_no_configuration_until_one_is_set(board: Running) -> None:
    device = find(board)
    with pytest.raises(usb.core.USBError, match="Configuration not set"):
        device.get_active_configuration()
    device.set_configuration()
    assert device.get_active_configuration().bConfigurationValue == 1
    usb.util.dispose_resources(device)


@pytest.mark.parametrize("size", (0, 1, 63, 64, 65, 512, USB_BUFFER - 1, USB_BUFFER))
def test_a_bulk_transfer_there_and_back(device: usb.core.Device, size: int) -> None:
    data = os.urandom(size)
    assert device.write(OUT, data, LONG) == size
    assert bytes(device.read(IN, USB_BUFFER, LONG)) == data


def test_more_than_a_buffer_goes_in_several_transfers(device: usb.core.Device) -> None:
    data, found = os.urandom(3 * USB_BUFFER + 5), b""
    reader = threading.Thread(target=lambda: device.write(OUT, data, LONG))
    reader.start()
    while len(found) < len(data):
        found += bytes(device.read(IN, 10_000, LONG))  # and what a transfer has more than was asked for comes next
    reader.join()
    assert found == data


def test_reader_and_writer_in_two_threads(device: usb.core.Device) -> None:
    """A read that waits does not keep the other thread from writing what it waits for."""
    pieces, found = [os.urandom(each * 37 % 5000 + 1) for each in range(100)], []
    reader = threading.Thread(target=lambda: found.extend(bytes(device.read(IN, USB_BUFFER, LONG)) for _ in pieces))
    reader.start()
    for each in pieces:
        device.write(OUT, each, LONG)
    reader.join()
    assert found == pieces


def test_a_read_times_out_and_loses_nothing(device: usb.core.Device) -> None:
    refused(errno.ETIMEDOUT, device.read, IN, 64, SHORT)
    device.write(OUT, b"late", LONG)
    assert bytes(device.read(IN, 64, LONG)) == b"late"


def test_a_write_times_out_while_the_firmware_is_busy(device: usb.core.Device) -> None:
    hold(device, True)
    assert device.write(OUT, b"fills the buffer", SHORT) == 16
    refused(errno.ETIMEDOUT, device.write, OUT, b"lost", SHORT)
    refused(errno.ETIMEDOUT, device.write, OUT, bytes(2 * USB_BUFFER), SHORT)
    hold(device, False)
    assert device.write(OUT, b"next", LONG) == 4
    assert [bytes(device.read(IN, 64, LONG)) for _ in range(2)] == [b"fills the buffer", b"next"]


def test_a_long_write_that_times_out_says_how_far_it_came(device: usb.core.Device) -> None:
    hold(device, True)
    assert device.write(OUT, bytes(2 * USB_BUFFER), SHORT) == USB_BUFFER
    hold(device, False)


def test_control_transfers_with_data(device: usb.core.Device) -> None:
    data = os.urandom(1000)
    assert device.ctrl_transfer(VENDOR_OUT, KEEP, 0, 0, data, LONG) == 1000
    assert bytes(device.ctrl_transfer(VENDOR_IN, KEEP, 0, 0, 1000, LONG)) == data
    assert bytes(device.ctrl_transfer(VENDOR_IN, KEEP, 0, 0, 10, LONG)) == data[:10]


def test_what_the_firmware_does_not_know_stalls(device: usb.core.Device) -> None:
    refused(errno.EPIPE, device.ctrl_transfer, VENDOR_IN, 0x77, 0, 0, 8)
    refused(errno.EPIPE, device.ctrl_transfer, VENDOR_OUT, 0x77)
    assert device.serial_number == SERIAL_NUMBER


def test_one_program_at_a_time_has_the_interface(board: Running, device: usb.core.Device) -> None:
    usb.util.claim_interface(device, 0)
    other = find(board)
    assert other.get_active_configuration().bConfigurationValue == 1  # to look is allowed
    for action in (lambda: usb.util.claim_interface(other, 0), other.set_configuration, other.reset):
        refused(errno.EBUSY, action)
    usb.util.release_interface(device, 0)
    usb.util.claim_interface(other, 0)
    refused(errno.EBUSY, usb.util.claim_interface, device, 0)
    usb.util.dispose_resources(other)  # as when its program ends
    usb.util.claim_interface(device, 0)
    device.write(OUT, b"mine", LONG)
    assert bytes(device.read(IN, 64, LONG)) == b"mine"


def test_bulk_transfers_need_the_interface(board: Running, device: usb.core.Device) -> None:
    backend = board.backend()
    (found,) = backend.enumerate_devices()
    handle = backend.open_device(found)
    refused(errno.ENOENT, backend.bulk_write, handle, OUT, 0, b"x", LONG)
    backend.close_device(handle)


def test_bulk_transfers_need_a_configuration(board: Running, device: usb.core.Device) -> None:
    usb.util.claim_interface(device, 0)
    backend, handle = device.backend, device._ctx.handle  # pyusb itself would set one first
    backend.set_configuration(handle, 0)
    refused(errno.ENOENT, backend.bulk_write, handle, OUT, 0, b"x", LONG)
    refused(errno.ENOENT, backend.bulk_read, handle, IN, 0, array("B", bytes(8)), LONG)


def test_a_reset_ends_what_is_under_way_and_keeps_the_configuration(device: usb.core.Device) -> None:
    hold(device, True)
    device.write(OUT, b"lost", LONG)
    device.reset()
    assert device.get_active_configuration().bConfigurationValue == 1
    hold(device, False)
    device.write(OUT, b"after", LONG)
    assert bytes(device.read(IN, 64, LONG)) == b"after"


@pytest.mark.parametrize("how", ("power", "firmware"))
def test_unplugged_and_plugged_in_again(board: Running, device: usb.core.Device, how: str) -> None:
    errors: list[int | None] = []

    def read() -> None:
        try:
            device.read(IN, 64, LONG)
        except usb.core.USBError as error:
            errors.append(error.errno)

    device.write(OUT, b"begin", LONG)
    assert bytes(device.read(IN, 64, LONG)) == b"begin"
    reader = threading.Thread(target=read)
    reader.start()
    if how == "power":
        ask(board, "reset")
    else:
        refused(errno.ENODEV, device.ctrl_transfer, VENDOR_OUT, REATTACH)
    reader.join()
    assert errors == [errno.ENODEV]
    again = find(board)
    for action in (lambda: device.write(OUT, b"x", LONG), lambda: device.read(IN, 64, LONG), device.reset,
                   lambda: device.ctrl_transfer(0x80, 8, 0, 0, 1)):
        refused(errno.ENODEV, action)  # it was opened in another life
    again.set_configuration()
    usb.util.claim_interface(again, 0)  # whoever had claimed it then does not have it now
    again.write(OUT, b"new", LONG)
    assert bytes(again.read(IN, 64, LONG)) == b"new"
    usb.util.dispose_resources(again)


def test_a_board_without_power_is_not_there(board: Running, device: usb.core.Device) -> None:
    ask(board, "power_off")
    assert usb.core.find(backend=board.backend()) is None
    refused(errno.ENODEV, device.write, OUT, b"x", LONG)
    ask(board, "power_on")
    usb.util.dispose_resources(find(board))


def test_the_board_model_ends(tmp_path: Path) -> None:
    with running(tmp_path) as board:
        device = find(board)
        device.set_configuration()
        usb.util.claim_interface(device, 0)
    refused(errno.ENODEV, device.write, OUT, b"x", LONG)
    assert usb.core.find(backend=board.backend()) is None
    usb.util.dispose_resources(device)


@pytest.mark.parametrize("noise", (
    b"GET / HTTP/1.1\r\n\r\n" + bytes(40),
    usb_wire.Request(1, 0).pack(),
    usb_wire.Request(1, usb_wire.OUT, data=bytes(USB_BUFFER + 1)).pack()[:100],
), ids=("text", "kind", "length"))
def test_noise_on_the_socket_ends_that_connection_only(board: Running, device: usb.core.Device, noise: bytes) -> None:
    with sockets.connect(board.folder / "usb.sock") as connection:
        connection.settimeout(PATIENCE)
        connection.sendall(noise)
        assert connection.recv(100) == b""
    assert device.serial_number == SERIAL_NUMBER


def test_a_program_that_dies_in_mid_transfer(board: Running, device: usb.core.Device) -> None:
    """The next one has the interface, and transfers nobody waits for are forgotten."""
    with sockets.connect(board.folder / "usb.sock") as connection:
        for number, kind in enumerate((usb_wire.CLAIM, usb_wire.IN, usb_wire.IN)):
            connection.sendall(usb_wire.Request(number, kind, timeout_ms=LONG, size=64).pack())
        connection.settimeout(PATIENCE)
        assert len(connection.recv(usb_wire.RESPONSE_SIZE)) == usb_wire.RESPONSE_SIZE
        connection.sendall(usb_wire.Request(9, usb_wire.OUT, timeout_ms=LONG, data=bytes(1000)).pack()[:500])
    deadline = time.monotonic() + PATIENCE
    while board.board.usb.owner is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    device.write(OUT, b"mine", LONG)
    assert bytes(device.read(IN, 64, LONG)) == b"mine"


def ask(board: Running, do: str) -> None:
    with sockets.connect(board.folder / "control.sock") as connection:
        connection.settimeout(PATIENCE)
        connection.sendall(b'{"do": "%s"}\n' % do.encode())
        assert b'"ok": true' in connection.recv(65536)
