"""A virtual board keeps the devices' contract, over USB and over its serial line."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from host_tools.virtual_board.boards import VirtualBoard
from pal_edge.runtime import Device, InferenceSession, open_device
from pal_edge.runtime.remote import RemoteModel
from pal_edge.spec.commands import SIZE
from tests.runtime.contract import MODEL, DeviceContract, feed
from tests.virtual_board.conftest import poke


class TestUsb(DeviceContract):
    large_arena = 4_000_000

    @pytest.fixture
    def device(self, lasting: VirtualBoard) -> Iterator[Device]:
        self.board = lasting
        with open_device(lasting.usb) as device:
            yield device

    def damage_command(self, session: InferenceSession, index: int) -> None:
        assert isinstance(session.loaded, RemoteModel)
        poke(self.board, session.loaded.address + index * SIZE, b"\x63")


def test_over_the_serial_line_too(lasting: VirtualBoard) -> None:
    with InferenceSession(MODEL) as here, InferenceSession(MODEL, f"serial:{lasting.serial}") as there:
        for found, wanted in zip(there.run(None, feed(3)), here.run(None, feed(3)), strict=True):
            np.testing.assert_array_equal(found, wanted)
        assert there.counters == here.counters and there.self_test()
