"""Why a layer went wrong: what its error is made of.

The layer is run in float on what the device gave it. The difference of that to the float network is the
error that came with the inputs; the rest is its own. Where the terms of a sum are much larger than
the result, so are their rounding errors, whatever the scales: that is cancellation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from .compiler.calibrate import open_session
from .compiler.graph import Add, Conv, Dense, Graph, MatMul
from .onelayer import OneLayer

Cause = Literal["saturation", "underflow", "cancellation", "inputs", "rounding"]
Floats = NDArray[np.floating]
_ROUNDING = math.log(2) / 16 / math.sqrt(12)  # relative error of a code, root mean square: 1.25 %
_CANCELLED = 4.0  # terms this much larger than their sum lose 12 dB


@dataclass(frozen=True)
class Diagnosis:
    """What the error energy of a layer is made of.

    Shares are of the whole error: of the values beyond the largest code, of those that became zero, and of
    what came with the inputs. `cancellation` is the root of (sum of squared terms / squared result) over all
    values, and `rounding_db` the SQNR that the rounding of the terms alone lets expect; both None where the
    layer adds nothing up.
    """

    cause: Cause
    text: str
    saturated_share: float
    underflowed_share: float
    input_share: float
    cancellation: float | None
    rounding_db: float | None


@dataclass(frozen=True)
class Sample:
    """One sample's values: of the float model, and the device's as float."""

    exact: Mapping[str, Floats]
    device: Mapping[str, Floats]


def diagnose(layer: OneLayer, graph: Graph, bias: int, samples: Iterable[Sample]) -> Diagnosis:
    """Return why the device's value differs.

    Args:
        layer: cut from the float model, between values that the samples have.
        graph: of the whole model.
        bias: of the layer's output codes.
    """
    terms = _Terms(graph, layer)
    values = [layer.value, *terms.inside]
    session = open_session(layer.model, values)
    largest, smallest = 2.0 ** ((127.5 + bias) / 16), 2.0 ** ((bias - 15.5) / 16)
    noise = saturated = underflowed = inherited = signal = squares = 0.0
    for sample in samples:
        exact = np.asarray(sample.exact[layer.value], np.float64)
        error = np.square(sample.device[layer.value] - exact)
        feed = {name: np.asarray(sample.device[name], np.float32) for name in layer.inputs}
        computed = dict(zip(values, session.run(values, feed), strict=True))
        noise += float(error.sum())
        saturated += float(error[np.abs(exact) > largest].sum())
        underflowed += float(error[np.abs(exact) < smallest].sum())
        inherited += float(np.square(computed[layer.value] - exact).sum())
        signal += float(np.square(exact).sum())
        squares += terms.squares({**feed, **computed})
    shares = _Shares(*(part / noise if noise else 0.0 for part in (saturated, underflowed, inherited)))
    ratio = rounding = None
    if terms.adds and signal:
        ratio = math.sqrt(squares / signal)
        rounding = -10 * math.log10(_ROUNDING**2 * (2 * squares / signal + 1))
    cause = _cause(shares, ratio)
    return Diagnosis(cause, _text(cause, shares, ratio, rounding), *shares, cancellation=ratio, rounding_db=rounding)


class _Shares(NamedTuple):
    saturated: float
    underflowed: float
    inherited: float


def _cause(share: _Shares, ratio: float | None) -> Cause:
    if share.saturated >= 0.5:
        return "saturation"
    if share.underflowed >= 0.5:
        return "underflow"
    if ratio is not None and ratio >= _CANCELLED:
        return "cancellation"
    return "inputs" if share.inherited >= 0.5 else "rounding"


def _text(cause: Cause, share: _Shares, ratio: float | None, rounding: float | None) -> str:
    match cause:
        case "saturation":
            return (f"saturation: values beyond the largest code make {share.saturated:.0%} of the error; "
                    "calibrate on data that reach as far")
        case "underflow":
            return (f"underflow: values below the smallest code make {share.underflowed:.0%} of the error; "
                    "calibrate on data as small as these")
        case "cancellation":
            return (f"cancellation: the terms of its sums are {ratio:.1f} times as large as the results, so their "
                    f"rounding alone leaves {rounding:.1f} dB; no scale helps, the weights would have to")
        case "inputs":
            return f"its inputs: {share.inherited:.0%} of the error came with them; look at the layers before it"
        case "rounding":
            more = "" if rounding is None else f"; rounding of its terms alone would leave {rounding:.1f} dB"
            return f"rounding: its own codes, neither out of range nor cancelling{more}"


class _Terms:
    """The squares of what a layer adds up; `adds` is False for one that does not.

    `inside` names those of its inputs that the cut model computes itself, out of the cut's inputs.
    """

    def __init__(self, graph: Graph, cut: OneLayer) -> None:
        self._layer = next((layer for layer in graph.layers if layer.output == cut.value), None)
        self._constants = graph.constants
        computed = {name for node in cut.model.graph.node for name in node.output}
        inputs = [name for name in (self._layer.inputs if self._layer else ()) if name not in graph.constants]
        self.adds = isinstance(self._layer, Conv | Dense | Add | MatMul) and set(inputs) <= {*computed, *cut.inputs}
        self.inside = [name for name in dict.fromkeys(inputs) if self.adds and name in computed]
        self._convolution = None
        if self.adds and isinstance(self._layer, Conv):
            self._convolution = open_session(_squared(self._layer, graph.shapes[self._layer.inputs[0]]), ["y"])

    def squares(self, values: Mapping[str, Floats]) -> float:
        """Return the sum over all results of the sum of their squared terms."""
        if not self.adds or self._layer is None:
            return 0.0
        known = {**self._constants, **values}
        x = [np.square(known[name], dtype=np.float64) for name in self._layer.inputs]
        match self._layer:
            case Dense(weight=weight):
                return float((x[0] @ np.square(weight, dtype=np.float64)).sum())
            case MatMul():
                return float((x[0] @ x[1]).sum())
            case Add():
                return float((x[0] + x[1]).sum())
        if self._convolution is None:
            return 0.0
        (y,) = self._convolution.run(["y"], {"x": x[0].astype(np.float32)})
        return float(y.sum(dtype=np.float64))


def _squared(layer: Conv, shape: tuple[int, ...]) -> onnx.ModelProto:
    """Return the convolution "x" -> "y" with all weights squared and no bias."""
    one_d = len(shape) == 3
    weight = np.square(layer.weight[:, :, 0] if one_d else layer.weight)
    pads = [layer.pads[1], layer.pads[3]] if one_d else list(layer.pads)
    node = helper.make_node("Conv", ["x", "w"], ["y"], group=layer.groups, pads=pads,
                            strides=layer.strides[one_d:], dilations=layer.dilations[one_d:])
    graph = helper.make_graph([node], "squares", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
                              [numpy_helper.from_array(weight, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
