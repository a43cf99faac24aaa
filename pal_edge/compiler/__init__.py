"""The compiler: ONNX in, a `container.Model` out. It knows no device.

frontend (import, fold, fuse) -> calibrate -> scales -> lower -> allocate -> emit
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import onnx

from ..container import Model
from ..errors import ModelError
from ..spec.targets import DEFAULT_TARGET, TARGETS
from . import calibrate, scales
from .allocate import Footprint, allocate
from .emit import emit
from .frontend import import_model
from .lower import lower

__all__ = ["Compiled", "compile_model"]


@dataclass(frozen=True)
class Compiled:
    """A compiled model with what its evaluation needs; the float model has a batch of 1."""

    model: Model
    float_model: onnx.ModelProto
    feeds: list[calibrate.Feed]
    footprint: Footprint


def compile_model(source: str | os.PathLike[str] | onnx.ModelProto, calibration: Mapping[str, Any] | str,
                  target: str = DEFAULT_TARGET, progress: calibrate.Progress | None = None,
                  version: str = "") -> Compiled:
    """Compile without evaluating: no known answer, no quality figures.

    Raises ModelError, UnsupportedError or CalibrationError.
    """
    if target not in TARGETS:
        raise ModelError(f"target {target!r} is unknown; known: {', '.join(TARGETS)}")
    imported = import_model(source)
    graph = imported.graph
    feeds = calibrate.samples(graph, calibration)
    ranges = calibrate.observe(graph, imported.model, feeds, progress)
    program = lower(graph, scales.choose(graph, ranges))
    footprint = allocate(program.drafts, TARGETS[target].sram_bytes)
    provenance = {
        "compiler": f"pal-edge {version}", "source": imported.name, "source_sha256": imported.sha256,
        "options": {"calibration": calibration if isinstance(calibration, str) else "data",
                    "samples": len(feeds)},
    }
    model = emit(program, footprint, TARGETS[target], graph.dynamic_batch, provenance)
    return Compiled(model, imported.model, feeds, footprint)
