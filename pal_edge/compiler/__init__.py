"""The compiler: ONNX in, a `container.Model` out. It knows no device.

frontend (import, fold, fuse) -> calibrate -> scales -> improve -> lower -> tile -> allocate -> emit
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import onnx

from ..container import Model
from ..errors import ModelError
from ..spec.targets import DEFAULT_TARGET, TARGETS, Target
from . import calibrate, scales
from .allocate import allocate
from .emit import emit
from .frontend import import_model
from .graph import Graph
from .improve import improve
from .lower import lower
from .tile import flatten, tile

__all__ = ["Compilation", "prepare"]


@dataclass(frozen=True)
class Compilation:
    """All that a model is made of, before it is lowered; the float model has a batch of 1."""

    graph: Graph
    scales: scales.Scales
    float_model: onnx.ModelProto
    feeds: list[calibrate.Feed]
    target: Target
    provenance: dict[str, Any]

    def model(self) -> Model:
        """Return the model without known answer and without quality figures. Raises UnsupportedError."""
        program = lower(self.graph, self.scales)
        tile(program, self.target.sram_bytes)
        flatten(program)
        footprint = allocate(program.drafts, self.target.sram_bytes)
        return emit(program, footprint, self.target, self.graph.dynamic_batch, self.provenance)

    def improved(self, progress: calibrate.Progress | None = None, shrink: float = 0.0) -> Self:
        """Return the same with weights rounded for least output error and biases corrected.

        With `shrink` the weights trade that error for bits: one bit a weight is worth so much relative error.
        """
        better = improve(self.graph, self.scales, self.float_model, self.feeds, progress, shrink)
        return replace(self, graph=better)


def prepare(source: str | os.PathLike[str] | onnx.ModelProto, calibration: Mapping[str, Any] | str,
            target: str = DEFAULT_TARGET, progress: calibrate.Progress | None = None,
            version: str = "", options: Mapping[str, Any] | None = None) -> Compilation:
    """Import, calibrate and choose scales.

    Args:
        options: recorded in the model's provenance.

    Raises ModelError, UnsupportedError or CalibrationError.
    """
    if target not in TARGETS:
        raise ModelError(f"target {target!r} is unknown; known: {', '.join(TARGETS)}")
    imported = import_model(source)
    graph = imported.graph
    feeds = calibrate.samples(graph, calibration)
    ranges = calibrate.observe(graph, imported.model, feeds, progress)
    provenance = {
        "compiler": f"pal-edge {version}", "source": imported.name, "source_sha256": imported.sha256,
        "options": {"calibration": calibration if isinstance(calibration, str) else "data",
                    "samples": len(feeds), **(options or {})},
    }
    chosen = scales.choose(graph, ranges)
    return Compilation(graph, chosen, imported.model, feeds, TARGETS[target], provenance)
