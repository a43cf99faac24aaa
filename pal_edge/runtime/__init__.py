"""Devices and sessions."""

from .device import Device, open_device
from .discover import DeviceInfo, devices
from .loaded import Counters
from .ports import NodeArg
from .session import InferenceSession, LayerCost

__all__ = ["Counters", "Device", "DeviceInfo", "InferenceSession", "LayerCost", "NodeArg", "devices", "open_device"]
