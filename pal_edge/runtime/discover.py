"""Which devices are there, and what runs on them."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ..errors import DeviceError

_TIMEOUT = 0.7  # seconds that a board has for its first answer


@dataclass(frozen=True)
class DeviceInfo:
    """One device that `open_device(uri)` can open, or why it cannot.

    Attributes:
        firmware: what runs on a board, in a few words.
        serial: number of a board.
        slots: state of a board's firmware slots; the one that runs has a "*".
        problem: why the board does not answer.
    """

    uri: str
    description: str
    firmware: str | None = None
    serial: str | None = None
    slots: tuple[str, ...] = ()
    problem: str | None = None


def devices() -> list[DeviceInfo]:
    """Return the simulator, the engines of this chip, and the boards on serial lines and USB.

    Asking does boards no harm; all are asked at once, for less than a second. Other things on a USB serial port, which
    do not answer, have a `problem`.
    """
    candidates = _candidates()
    with ThreadPoolExecutor(max(len(candidates), 1)) as pool:
        found = list(pool.map(_probe, candidates))
    return [DeviceInfo("sim", "bit-exact engine model in this process"), *_engines(), *found]


def _engines() -> list[DeviceInfo]:
    if sys.platform != "linux":
        return []
    from .mmio import engines

    return [DeviceInfo(uri, "engine on this chip") for uri in engines()]


def _candidates() -> list[tuple[str, str]]:
    """Return URI and description of whatever may be a board."""
    from serial.tools import list_ports  # what looks for boards is loaded when it is used

    from ..link.virtual import boards

    found = [(f"serial:{port.device}", port.description or "serial port")
             for port in list_ports.comports() if port.vid is not None]  # ports of USB devices, no others
    virtual = boards()
    if virtual is not None:
        found += [(f"serial:{board.serial}", "virtual board") for board in virtual.running()]
    return found + _usb_candidates()


def _usb_candidates() -> list[tuple[str, str]]:
    from ..link.usb_bulk import serial_number, usb_devices

    try:
        found = list(usb_devices())
    except DeviceError:  # no libusb
        return []
    numbers = [serial_number(each) for each in found]
    return [(f"usb:{each.idVendor:04x}:{each.idProduct:04x}" + (f":{number}" if number else ""), "USB device")
            for each, number in zip(found, numbers, strict=True)]


def _probe(candidate: tuple[str, str]) -> DeviceInfo:
    from ..board import connect

    uri, description = candidate
    try:
        with connect(uri, timeout=_TIMEOUT) as board:
            identity = board.identify()
            slots = tuple(f"{slot.state.name.lower()}{'*' * slot.running}" for slot in board.slots())
    except DeviceError as error:
        return DeviceInfo(uri, description, problem=str(error))
    return DeviceInfo(uri, f"{identity.board} ({description})", identity.summary, identity.serial, slots)
