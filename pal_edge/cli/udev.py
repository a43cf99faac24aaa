"""Access to boards for the user at the keyboard: rules for udev."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from ..errors import DeviceError
from ..spec.link import USB_PRODUCT, USB_VENDOR

PATH = Path("/etc/udev/rules.d/70-pal-edge.rules")  # before 73-seat-late.rules, which grants what uaccess asks for
_MATCH = f'{{idVendor}}=="{USB_VENDOR:04x}", ATTRS{{idProduct}}=="{USB_PRODUCT:04x}"'
RULES = f"""\
# PAL Edge boards: for the user who is logged in, and for the group plugdev.
SUBSYSTEM=="usb", ENV{{DEVTYPE}}=="usb_device", ATTRS{_MATCH}, MODE="0660", GROUP="plugdev", TAG+="uaccess"
SUBSYSTEM=="tty", ATTRS{_MATCH}, MODE="0660", GROUP="dialout", TAG+="uaccess", ENV{{ID_MM_DEVICE_IGNORE}}="1"
# The engine of a Linux board, by the name of its device tree node.
SUBSYSTEM=="uio", ATTR{{name}}=="pal-engine", MODE="0660", GROUP="plugdev"
SUBSYSTEM=="u-dma-buf", KERNEL=="udmabuf-pal*", MODE="0660", GROUP="plugdev"
"""


def installed(path: Path = PATH) -> bool:
    return path.is_file() and path.read_text() == RULES


def install(path: Path = PATH) -> None:
    """Write the rules and tell udev. Raises DeviceError where this user may not."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        temporary.write_text(RULES)
        os.chmod(temporary, 0o644)
        temporary.replace(path)
    except PermissionError as error:
        raise DeviceError(f"{path}: only root may write it; "
                          "try `sudo \"$(command -v pal-edge)\" doctor --install-udev`") from error
    if shutil.which("udevadm"):
        for arguments in (("control", "--reload"), ("trigger", "--subsystem-match=usb", "--subsystem-match=tty")):
            subprocess.run(["udevadm", *arguments], check=False, capture_output=True)
