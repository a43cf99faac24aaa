"""Boards that are there are listed with what runs on them, and others with what is the matter."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import usb.backend.libusb1
from serial.tools import list_ports

import pal_edge
from pal_edge.link import open_transport, usb_bulk, virtual
from pal_edge.runtime import discover
from tests.board.fake import FakeBoard
from tests.link.loopback import LoopbackBoard
from tests.link.pty_board import Pty, PtyBoard
from tests.link.usb_fake import FakeUsb


@pytest.fixture
def nothing(monkeypatch) -> None:
    """No boards, whatever is plugged into this machine."""
    monkeypatch.setattr(list_ports, "comports", lambda: [])
    monkeypatch.setattr(virtual, "boards", lambda: None)
    monkeypatch.setattr(usb_bulk, "usb_backend", lambda: None)
    monkeypatch.setattr(usb.backend.libusb1, "get_backend", lambda: None)


def test_the_simulator_is_always_there(nothing) -> None:
    assert [each.uri for each in pal_edge.devices()] == ["sim"]


def test_every_board_is_asked_what_it_runs(nothing, monkeypatch) -> None:
    monkeypatch.setattr(discover, "_TIMEOUT", 0.3)
    real, virtual_board, bulk = PtyBoard(FakeBoard()), PtyBoard(FakeBoard()), LoopbackBoard(FakeBoard())
    busy, silent = PtyBoard(FakeBoard()), Pty()
    device = FakeUsb(bulk)
    ports = [SimpleNamespace(device=each.path, description="USB serial", vid=0x1209)
             for each in (real.pty, busy.pty, silent)]
    ports.append(SimpleNamespace(device="/dev/ttyS0", description="n/a", vid=None))
    monkeypatch.setattr(list_ports, "comports", lambda: ports)
    running = [SimpleNamespace(serial=virtual_board.pty.path)]
    monkeypatch.setattr(virtual, "boards", lambda: SimpleNamespace(running=lambda: running))
    monkeypatch.setattr(usb_bulk, "usb_backend", lambda: device)
    try:
        with open_transport(busy.pty.uri):
            found = {each.uri: each for each in pal_edge.devices()}
        assert list(found) == ["sim", real.pty.uri, busy.pty.uri, silent.uri, virtual_board.pty.uri,
                               "usb:1209:0001:F0001"]
        for uri in (real.pty.uri, virtual_board.pty.uri, "usb:1209:0001:F0001"):
            info = found[uri]
            assert info.problem is None and info.serial == "F0001" and info.slots == ("confirmed*", "empty")
            assert info.firmware == "firmware 1.2.3+4 in slot 0 of fake" and info.description.startswith("fake (")
        assert "is in use by another program" in (found[busy.pty.uri].problem or "")
        assert "nothing answers there" in (found[silent.uri].problem or "")
        assert device.claimed == []
    finally:
        for each in (real, virtual_board, busy, silent, bulk):
            each.close()
