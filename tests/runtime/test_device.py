"""Devices: opened by URI, shared memory handed out and taken back, closed for good."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import pal_edge
from pal_edge import InferenceSession
from pal_edge.errors import DeviceError, TargetError
from pal_edge.runtime.device import ALIGN, SimDevice
from pal_edge.spec.targets import DEFAULT_TARGET, TARGETS
from tests.driver import small_model

MODEL = small_model.model()


def test_the_simulator_is_listed_and_opens() -> None:
    (info,) = [each for each in pal_edge.devices() if each.uri == "sim"]
    assert info.description and info.problem is None and info.firmware is None
    with pal_edge.open_device(info.uri) as device:
        assert device.uri == info.uri and device.target == TARGETS[DEFAULT_TARGET]


def test_every_target_is_simulated() -> None:
    for name, target in TARGETS.items():
        with pal_edge.open_device("sim", target=name, memory=1 << 16) as device:
            native = device.native
            assert (native.target, native.macs, native.sram_size) == (target.id, target.macs, target.sram_bytes)


def test_unknown_devices_and_targets_are_refused_with_those_known() -> None:
    with pytest.raises(DeviceError, match="device 'warp:1' is unknown; known: sim, .*qemu, serial, usb.*devices`"):
        pal_edge.open_device("warp:1")
    with pytest.raises(DeviceError, match="device 'Sim' is unknown; known: sim"):
        InferenceSession(MODEL, "Sim")
    with pytest.raises(DeviceError, match="target 'pal-e1' is unknown; known: pal-e32"):
        pal_edge.open_device("sim", target="pal-e1")


def test_a_model_for_another_target_is_refused_and_leaves_nothing() -> None:
    with SimDevice(memory=1 << 16) as device:
        with pytest.raises(TargetError, match="model for pal-e32 on a pal-e128: .*compiled for another target"):
            InferenceSession(MODEL, device)
        assert device.allocate(1 << 16) % ALIGN == 0


def test_memory_is_taken_back_in_any_order() -> None:
    rng = np.random.default_rng(3)
    with SimDevice(memory=1 << 16) as device:
        whole = device.allocate(1 << 16)
        device.release(whole, 1 << 16)
        held: list[tuple[int, int]] = []
        for _ in range(2000):
            if held and rng.random() < 0.5:
                device.release(*held.pop(int(rng.integers(len(held)))))
                continue
            size = int(rng.integers(0, 3000))
            try:
                address = device.allocate(size)
            except DeviceError:
                continue
            assert address % ALIGN == 0 and whole <= address and address + size <= whole + (1 << 16)
            assert all(address + size <= start or start + other <= address for start, other in held)
            held.append((address, size))
        for place in held:
            device.release(*place)
        assert device.allocate(1 << 16) == whole


def test_a_session_that_finds_no_memory_says_how_much_is_missing() -> None:
    with (SimDevice(target="pal-e32", memory=1024) as device,
          pytest.raises(DeviceError, match=r"needs \d+ bytes of device memory, 1024 are free; close other")):
        InferenceSession(MODEL, device)


def test_sessions_on_a_closed_device_say_so() -> None:
    device = SimDevice(target="pal-e32", memory=1 << 16)
    session = InferenceSession(MODEL, device)
    device.close()
    device.close()
    with pytest.raises(DeviceError, match="the device is closed; open it again"):
        session.run_region(bytes(MODEL.input_size))
    with pytest.raises(DeviceError, match="closed"):
        session.self_test()
    with pytest.raises(DeviceError, match="closed"):
        InferenceSession(MODEL, device)
    session.close()


def test_a_shared_device_outlives_its_sessions_and_an_own_one_does_not() -> None:
    with SimDevice(target="pal-e32", memory=1 << 16) as device:
        for _ in range(100):  # more than would fit at once
            with InferenceSession(MODEL, device) as session:
                assert session.self_test()
        device.check_open()
    with InferenceSession(MODEL) as session:
        own = session.device
    with pytest.raises(DeviceError, match="closed"):
        own.check_open()


def test_a_large_arena_costs_no_memory_until_it_is_touched() -> None:
    large = replace(MODEL, arena_size=1 << 30)
    with InferenceSession(large) as session:
        assert session.self_test()
