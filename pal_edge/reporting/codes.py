"""How often every code occurs: of the weights of each layer, and of what it computes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..container import Model
from ..runtime import InferenceSession
from ..spec.commands import Opcode
from ..spec.registers import Region
from .memory import weight_bytes

SAMPLES = 16
RANGE = 127  # signed codes -127..127; bin 127 is zero
Counts = NDArray[np.int64]


def signed_counts(codes: NDArray[np.uint8]) -> Counts:
    """Return how often each signed code occurs, [2 * RANGE + 1]; both zeros are one."""
    plain = np.bincount(codes.reshape(-1), minlength=256)
    return np.concatenate([plain[:128:-1], [plain[0] + plain[128]], plain[1:128]])


def of_weights(model: Model) -> list[Counts | None]:
    """Return the counts of each layer; None where it has no weights. What tiles share is counted once."""
    constants = np.frombuffer(model.constants, np.uint8)
    spans: list[set[tuple[int, int]]] = [set() for _ in model.layers]
    for command in model.commands:
        if command.opcode in (Opcode.CONV, Opcode.DEPTHWISE) and command.ifm2_region == Region.MODEL:
            spans[command.layer].add((command.weights, weight_bytes(command)))
    return [sum((signed_counts(constants[start : start + size]) for start, size in sorted(each)),
                np.zeros(2 * RANGE + 1, np.int64)) if each else None for each in spans]


def of_activations(model: Model, data: Mapping[str, Any] | str) -> list[Counts | None]:
    """Return the counts of each layer's output over the first SAMPLES of the calibration data.

    None where it holds indices, no codes.
    """
    entries = model.trace["layers"]
    totals: list[Counts | None] = [None if entry["element"] != 1 else np.zeros(2 * RANGE + 1, np.int64)
                                   for entry in entries]
    with InferenceSession(model) as session:
        for feed in _feeds(model, data):
            codes = session.trace(feed)
            for entry, total in zip(entries, totals, strict=True):
                if total is not None:
                    total += signed_counts(codes[entry["value"]])
    return totals


def _feeds(model: Model, data: Mapping[str, Any] | str) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Yield samples in the inputs' own shapes; random ones for "random", as calibration does."""
    if isinstance(data, str):
        generator = np.random.default_rng(0)
        for _ in range(SAMPLES // 2):
            yield {t.name: generator.standard_normal(t.shape).astype(np.float32) for t in model.inputs}
        return
    arrays = {t.name: np.asarray(data[t.name], np.float32) for t in model.inputs}
    counts = [array.size // math.prod(t.shape) for t, array in zip(model.inputs, arrays.values(), strict=True)]
    for i in range(min(SAMPLES, *counts)):
        yield {t.name: arrays[t.name].reshape(-1, *t.shape)[i] for t in model.inputs}
