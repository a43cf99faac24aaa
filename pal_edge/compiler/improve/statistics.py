"""What each weighted layer sees: second moments and means of its input columns, on calibration data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from ...numeric import decode, encode
from .. import calibrate
from ..graph import Conv, ConvTranspose, Dense, FloatArray, Graph
from ..scales import Scales
from .columns import Weighted, input_columns

SAMPLES = 16  # calibration samples that are looked at
_TOGETHER = 8  # samples in memory at a time
COLUMNS = 2048  # of one layer, over all samples
MAX_INPUTS = 2048  # K: H has K x K elements for each group


@dataclass(frozen=True)
class Statistics:
    """Of one layer, with G groups and K inputs a group."""

    moments: NDArray[np.float64]  # [G, K, K], mean of x x^T over the codes' values
    mean: NDArray[np.float64]  # [G, K], of the codes' values
    exact_mean: NDArray[np.float64]  # [G, K], of the float values


def eligible(graph: Graph) -> list[Weighted]:
    """Return the layers whose statistics are affordable."""
    return [layer for layer in graph.layers if isinstance(layer, Conv | Dense | ConvTranspose)
            and _inputs(layer) <= MAX_INPUTS]


def collect(graph: Graph, scales: Scales, model: onnx.ModelProto, feeds: list[calibrate.Feed],
            ) -> Iterator[tuple[Weighted, Statistics]]:
    """Yield the statistics of every eligible layer, in order."""
    layers = eligible(graph)
    feeds = feeds[:SAMPLES]
    wanted = dict.fromkeys(layer.inputs[0] for layer in layers)
    computed = [name for name in wanted if name not in graph.inputs]
    session = calibrate.open_session(model, computed) if computed else None
    sums = [_Sums() for _ in layers]
    for start in range(0, len(feeds), _TOGETHER):
        runs = [feed | dict(zip(computed, session.run(computed, feed), strict=True)) if session else feed
                for feed in feeds[start : start + _TOGETHER]]
        together = {name: np.concatenate([np.atleast_2d(run[name]) for run in runs]) for name in wanted}
        limit = -(-COLUMNS * len(runs) // len(feeds))
        coded = {name: decode(encode(x, scales.bias(name)), scales.bias(name)) for name, x in together.items()}
        for layer, total in zip(layers, sums, strict=True):
            name, shape = layer.inputs[0], graph.shapes[layer.output]
            total.add(*(input_columns(layer, values[name], shape, limit) for values in (together, coded)))
    for layer, total in zip(layers, sums, strict=True):
        yield layer, total.mean()


class _Sums:
    """Sums over columns, in float32 as the products come."""

    def __init__(self) -> None:
        self._count = 0
        self._moments: Any = 0
        self._coded: Any = 0
        self._exact: Any = 0

    def add(self, exact: FloatArray, coded: FloatArray) -> None:
        """Count columns [G, n, K], float and as the codes have them."""
        self._count += exact.shape[1]
        self._moments += coded.transpose(0, 2, 1) @ coded
        self._coded += coded.sum(axis=1, dtype=np.float64)
        self._exact += exact.sum(axis=1, dtype=np.float64)

    def mean(self) -> Statistics:
        return Statistics(self._moments.astype(np.float64) / self._count, self._coded / self._count,
                          self._exact / self._count)


def _inputs(layer: Weighted) -> int:
    if isinstance(layer, Dense):
        return len(layer.weight)
    if isinstance(layer, ConvTranspose):
        return len(layer.weight) // layer.groups * int(np.prod(layer.weight.shape[2:]))
    return int(np.prod(layer.weight.shape[1:]))
