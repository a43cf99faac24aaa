"""What each weighted layer sees: second moments and means of its input columns, on calibration data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from ...numeric import decode, encode
from .. import calibrate
from ..graph import Conv, ConvTranspose, Dense, FloatArray, Graph
from ..scales import Scales
from .columns import Weighted, input_columns

SAMPLES = 8  # calibration samples that are looked at
COLUMNS = 4096  # of one layer, over all samples
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
    values = [feed | dict(zip(computed, session.run(computed, feed), strict=True)) if session else feed
              for feed in feeds]
    for layer in layers:
        name, shape = layer.inputs[0], graph.shapes[layer.output]
        exact = np.concatenate([input_columns(layer, value[name], shape, COLUMNS // len(feeds))
                                for value in values], axis=1)
        yield layer, _statistics(exact, scales.bias(name))


def _statistics(exact: FloatArray, bias: int) -> Statistics:
    coded = decode(encode(exact, bias), bias)
    moments = (coded.transpose(0, 2, 1) @ coded).astype(np.float64) / coded.shape[1]
    return Statistics(moments, coded.mean(axis=1, dtype=np.float64), exact.mean(axis=1, dtype=np.float64))


def _inputs(layer: Weighted) -> int:
    if isinstance(layer, Dense):
        return len(layer.weight)
    if isinstance(layer, ConvTranspose):
        return len(layer.weight) // layer.groups * int(np.prod(layer.weight.shape[2:]))
    return int(np.prod(layer.weight.shape[1:]))
