"""Virtual boards, where the tools that run them are installed. They register themselves as an entry point."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import Any

GROUP = "pal_edge.virtual_board"


@cache
def boards() -> Any | None:
    """Return the module that runs virtual boards, or None where it is not installed."""
    for entry in entry_points(group=GROUP, name="boards"):
        return entry.load()
    return None


def usb_backend() -> Any | None:
    """Return the pyusb backend that sees running virtual boards, or None without any."""
    module = boards()
    return module.usb_backend() if module else None
