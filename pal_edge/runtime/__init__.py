"""Devices and sessions."""

from .device import Device, DeviceInfo, devices, open_device
from .loaded import Counters
from .ports import NodeArg
from .session import InferenceSession, LayerCost

__all__ = ["Counters", "Device", "DeviceInfo", "InferenceSession", "LayerCost", "NodeArg", "devices", "open_device"]
