# Generated from driver/spec by `make generate`: targets. Do not edit.
"""The engines this version knows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """What the compiler knows of one engine; sizes in bytes, latency in cycles."""

    name: str
    id: int
    macs: int
    pixels: int
    channels: int
    sram_bytes: int
    bus_bytes: int
    bus_latency: int
    clock_hz: int


TARGETS: dict[str, Target] = {
    "pal-e32": Target(name="pal-e32", id=1, macs=32, pixels=2, channels=16, sram_bytes=65536, bus_bytes=4, bus_latency=20, clock_hz=48000000),
    "pal-e128": Target(name="pal-e128", id=2, macs=128, pixels=8, channels=16, sram_bytes=262144, bus_bytes=8, bus_latency=24, clock_hz=200000000),
    "pal-e256": Target(name="pal-e256", id=3, macs=256, pixels=16, channels=16, sram_bytes=524288, bus_bytes=16, bus_latency=32, clock_hz=400000000),
}
DEFAULT_TARGET = "pal-e128"
