"""Which board a command talks to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import DeviceError, DeviceNotFound

if TYPE_CHECKING:
    from ..board import Board

VARIABLE = "PAL_EDGE_DEVICE"

device = click.option("--device", metavar="URI", envvar=VARIABLE, show_envvar=True,
                      help="Board to talk to, see `pal-edge devices`; not needed where there is one.")


def candidates(silent: bool = False) -> list[str]:
    """Return the URIs of boards, each once, over USB where it has both; with `silent` of all that may be one."""
    from ..runtime import devices

    found = {}
    for each in sorted(devices(), key=lambda info: info.uri.startswith("usb:")):
        if each.uri.startswith(("serial:", "usb:")) and (silent or each.problem is None):
            found[each.serial or each.uri] = each.uri
    return sorted(found.values())


def resolve(uri: str | None) -> str:
    """Return the given URI, or that of the only board. Raises DeviceError if there is none or several."""
    if uri:
        return uri
    found = candidates()
    if not found:
        raise DeviceNotFound("no board answers; plug one in, or start a virtual one with `pal-edge board start`; "
                             "`pal-edge doctor` tells why one does not")
    if len(found) > 1:
        raise DeviceError(f"{len(found)} boards are there; choose with --device: {', '.join(found)}")
    return found[0]


def connect(uri: str | None) -> Board:
    """Open the board. Raises DeviceError."""
    from .. import board

    return board.connect(resolve(uri))

