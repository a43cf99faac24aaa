"""What a conversion must not exceed: `--strict` and `--budget`."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..container import Model
from ..errors import InputError
from ..spec.commands import CPU_FIRST, Opcode

_FIGURES: dict[str, Callable[[Model], int]] = {
    "max_cycles": lambda model: model.report.cycles,
    "max_file_bytes": lambda model: model.report.file_bytes,
    "max_arena_bytes": lambda model: model.arena_size,
    "max_sram_bytes": lambda model: model.sram_size,
    "max_cpu_operators": lambda model: len(cpu_operators(model)),
}
NAMES = tuple(_FIGURES)


@dataclass(frozen=True)
class Excess:
    """A figure above its limit."""

    limit: str
    allowed: int
    actual: int

    def __str__(self) -> str:
        return f"{self.limit} {self.allowed:,} exceeded by {self.actual - self.allowed:,}: it is {self.actual:,}"


@dataclass(frozen=True)
class CpuOperator:
    """A layer with commands that the engine leaves to the CPU."""

    layer: str
    op: str


def cpu_operators(model: Model) -> list[CpuOperator]:
    """Return the layers that would not run on the engine, in order of execution."""
    layers = dict.fromkeys((c.layer, Opcode(c.opcode).name) for c in model.commands if c.opcode >= CPU_FIRST)
    return [CpuOperator(model.layers[layer].name, op) for layer, op in layers]


def read_budget(path: Path) -> dict[str, int]:
    """Return the limits of a .toml or .json file: a flat table of the names above, of whole numbers.

    Raises InputError.
    """
    try:
        text = path.read_text("utf-8")
        table = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:  # both decoders' errors, and text that is not UTF-8
        raise InputError(f"{path}: is not {'JSON' if path.suffix == '.json' else 'TOML'} ({error})") from error
    if not isinstance(table, dict):
        raise InputError(f"{path}: is a {type(table).__name__}, not a table of limits; known: {', '.join(NAMES)}")
    for name, value in table.items():
        if name not in NAMES:
            raise InputError(f"{path}: {name!r} is no limit; known: {', '.join(NAMES)}")
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise InputError(f"{path}: {name} is {value!r}, not a whole number of 0 or more")
    if not table:
        raise InputError(f"{path}: states no limit; known: {', '.join(NAMES)}")
    return table


def exceeded(model: Model, budget: Mapping[str, Any]) -> list[Excess]:
    """Return what is above its limit."""
    figures = {name: (allowed, _FIGURES[name](model)) for name, allowed in budget.items()}
    return [Excess(name, allowed, actual) for name, (allowed, actual) in figures.items() if actual > allowed]
