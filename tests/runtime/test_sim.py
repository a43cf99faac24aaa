"""The simulated device keeps the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pal_edge.errors import DeviceError
from pal_edge.runtime import Device, InferenceSession, open_device
from pal_edge.runtime.device import SIM_BASE, SimDevice
from pal_edge.spec.commands import SIZE
from tests.driver.small_model import model
from tests.runtime.contract import DeviceContract


class TestSim(DeviceContract):
    @pytest.fixture
    def device(self) -> Iterator[Device]:
        with open_device("sim", target="pal-e32", memory=1 << 20) as device:
            yield device

    def damage_command(self, session: InferenceSession, index: int) -> None:
        assert isinstance(session.device, SimDevice)
        session.device._memory[session.loaded.native.commands - SIM_BASE + index * SIZE] = 99


def test_an_unknown_uri_names_the_known() -> None:
    with pytest.raises(DeviceError, match="device 'sim:1' is unknown; known: sim"):
        open_device("sim:1")
    with pytest.raises(DeviceError, match="device '' is unknown"):
        InferenceSession(model(), "")


def test_an_unknown_target_names_the_known() -> None:
    with pytest.raises(DeviceError, match="target 'pal-e1' is unknown; known: .*pal-e128"):
        open_device("sim", target="pal-e1")


def test_a_session_opens_the_simulator_that_its_model_needs() -> None:
    with InferenceSession(model()) as session:
        assert session.device.target.name == "pal-e32" and session.device.clock_hz == 48_000_000
        device = session.device
    with pytest.raises(DeviceError, match="closed"):
        InferenceSession(model(), device)
