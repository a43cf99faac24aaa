"""The conversion report: what a model costs and how well it matches float, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .container import Model


@dataclass(frozen=True)
class LayerReport:
    """One layer; `sqnr_db` is against float on the calibration data, None where it was not measured."""

    name: str
    op: str
    sources: tuple[str, ...]
    value: str
    shape: tuple[int, ...]
    macs: int
    weight_bytes: int
    cycles: int
    sqnr_db: float | None


@dataclass(frozen=True)
class Report:
    """A model's figures; sizes in bytes, `seconds` = cycles / target clock, for one inference."""

    layers: tuple[LayerReport, ...]
    target: str
    file_bytes: int
    constant_bytes: int
    sram_bytes: int
    arena_bytes: int
    memory_lower_bound: int
    macs: int
    cycles: int
    seconds: float


def report(model: Model) -> Report:
    """Return the report stored in the model's TRACE section."""
    entries = model.trace.get("layers", [])
    layers = tuple(
        LayerReport(e["name"], e["op"], tuple(e["sources"]), e["value"], tuple(e["shape"]), e["macs"],
                    e["weight_bytes"], e.get("cycles", 0), e.get("sqnr_db"))
        for e in entries)
    memory = model.trace.get("memory", {})
    cycles = model.trace.get("cycles", 0)
    return Report(layers, model.target.name, len(model.to_bytes()), len(model.constants), model.sram_size,
                  model.arena_size, memory.get("lower_bound", 0), sum(e.macs for e in model.layers), cycles,
                  cycles / model.target.clock_hz)
