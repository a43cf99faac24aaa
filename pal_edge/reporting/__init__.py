"""The full conversion report: figures, memory over time, codes in use; as data or as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..container import Model
from ..report import Report
from .codes import Counts, of_activations, of_weights
from .memory import live_bytes

__all__ = ["FullReport", "full_report"]


@dataclass(frozen=True)
class FullReport:
    """What the report says, and what takes the model and its calibration data to find out.

    `sram` and `arena` are the bytes that hold a needed value during each command; the counts are of
    signed codes -127..127, one list a layer, None where it has none.
    """

    figures: Report
    provenance: dict[str, Any]
    command_layers: tuple[int, ...]
    sram: list[int]
    arena: list[int]
    weight_codes: list[Counts | None]
    activation_codes: list[Counts | None]

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data, for JSON."""
        facts = asdict(self.figures)
        for layer, weights, activations in zip(facts["layers"], self.weight_codes, self.activation_codes, strict=True):
            layer["weight_codes"] = None if weights is None else weights.tolist()
            layer["activation_codes"] = None if activations is None else activations.tolist()
        memory = {"sram": self.sram, "arena": self.arena, "layer": list(self.command_layers)}
        return {**facts, "memory_by_command": memory, "provenance": self.provenance}


def full_report(model: Model, data: Mapping[str, Any] | str) -> FullReport:
    """Return the report of a model with its trace; `data` is what it was calibrated on."""
    live = live_bytes(model)
    return FullReport(model.report, model.provenance, tuple(c.layer for c in model.commands), live["sram"],
                      live["arena"], of_weights(model), of_activations(model, data))
