"""`pal-edge doctor`: why a board does not answer, and the one thing to do about it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import click

from ..errors import (
    DeviceBusy,
    DeviceError,
    DeviceNotFound,
    DevicePermissionError,
    DeviceTimeout,
    LinkError,
    LinkVersionError,
)
from ..spec.link import Mode
from . import board_option, output, udev


@dataclass(frozen=True)
class Finding:
    """One device or tool: `state` is one word of STATES, `remedy` empty where nothing is to be done."""

    what: str
    state: str
    detail: str
    remedy: str = ""


STATES = ("ready", "absent", "forbidden", "busy", "silent", "wrong firmware", "bootloader", "crashed", "broken")


@click.command()
@board_option.device
@click.option("--install-udev", is_flag=True, help="Let the logged-in user open boards: install rules for udev.")
@click.option("--print-udev", is_flag=True, help="Print these rules, and nothing else.")
@output.json_option
def doctor(device: str | None, install_udev: bool, print_udev: bool, as_json: bool) -> int:
    """Look at every board, or at the one given, and say what is wrong and how to mend it.

    Exit code 1 if something is wrong with a board.
    """
    if print_udev:
        print(udev.RULES, end="")
        return 0
    if install_udev:
        udev.install()
        print(f"wrote {udev.PATH}; plug the boards in again")
        return 0
    findings = [examine(device)] if device else examine_all()
    if as_json:
        output.print_json([asdict(each) for each in findings])
    else:
        output.table(("what", "state", "detail"), [(f.what, f.state, f.detail) for f in findings])
        remedies = [f for f in findings if f.remedy]
        for each in remedies:
            print(f"\n{each.what}: {each.remedy}")
    return 1 if any(each.remedy for each in findings) else 0


def examine(uri: str) -> Finding:
    """Return what is the matter with one device."""
    try:
        with board_option.connect(uri) as board:
            identity = board.identify()
    except DeviceError as error:
        return Finding(uri, *_explain(error))
    summary = f"{identity.board} {identity.serial}, {identity.summary}"
    if identity.mode == Mode.BOOTLOADER:
        return Finding(uri, "bootloader", summary, "no firmware that boots is in its slots, or recovery was asked for: "
                       "flash signed firmware (`pal-edge flash FILE`), or `pal-edge reset`")
    if not identity.engine_abi:
        return Finding(uri, "broken", f"{summary}; its PAL engine was not found",
                       "load the gateware with the engine, or firmware for this board")
    if identity.crashed:
        return Finding(uri, "crashed", summary, "the last run crashed: `pal-edge monitor --once` shows the record, "
                       "with --clear-crash it is forgotten")
    return Finding(uri, "ready", summary)


def examine_all() -> list[Finding]:
    """Return the tools of this machine, then every board that can be seen."""
    findings = [_udev(), _libusb(), _qemu()]
    uris = board_option.candidates(silent=True)
    if not uris:
        findings.append(Finding("boards", "absent", "no serial port, USB device or virtual board is there",
                                "plug a board in, or start a virtual one: `pal-edge board start`"))
    return findings + [examine(uri) for uri in uris]


_EXPLANATIONS: tuple[tuple[type[DeviceError], str, str], ...] = (
    (DeviceNotFound, "absent", "plug the board in, with a cable that carries data; see `pal-edge devices`"),
    (DevicePermissionError, "forbidden", "`pal-edge doctor --install-udev`, then plug the board in again"),
    (DeviceBusy, "busy", "close the other program (a terminal, a debugger, another pal-edge)"),
    (LinkVersionError, "wrong firmware", "flash firmware of this release or update this package, as said above"),
    (DeviceTimeout, "silent", "another device than a PAL board, another baud rate, or firmware that hangs: "
     "press reset, or hold the recovery button while doing so"),
    (LinkError, "silent", "the line breaks: try another cable or port, then press reset"),
)


def _explain(error: DeviceError) -> tuple[str, str, str]:
    for kind, state, remedy in _EXPLANATIONS:
        if isinstance(error, kind):
            return state, str(error), remedy
    return "broken", str(error), "see the detail"


def _udev() -> Finding:
    if udev.installed():
        return Finding("udev rules", "ready", str(udev.PATH))
    return Finding("udev rules", "absent", "not installed; root, and users of virtual boards, do not need them")


def _libusb() -> Finding:
    return _try("libusb", _backend, "USB devices are not seen; on Debian: apt install libusb-1.0-0")


def _backend() -> Any:
    import usb.backend.libusb1

    return usb.backend.libusb1.get_backend()


def _qemu() -> Finding:
    return _try("qemu-system-arm", lambda: shutil.which("qemu-system-arm"),
                "no virtual boards; on Debian: apt install qemu-system-arm")


def _try(what: str, find: Callable[[], Any], without: str) -> Finding:
    return Finding(what, "ready", "installed") if find() else Finding(what, "absent", without)
