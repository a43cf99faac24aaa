"""Compare a converted model with its ONNX original, layer by layer.

The float value of every layer comes from ONNX Runtime, its codes from the device. Errors add up along
the network, so the first layer below the limit is where to look.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from .compiler.calibrate import Feed, open_session, samples
from .compiler.frontend import Imported, import_model
from .container import Model
from .diagnose import Diagnosis, Sample, diagnose
from .errors import CalibrationError, InputError
from .numeric import decode, encode
from .onelayer import OneLayer, check_folder, cut, reproduce
from .runtime import InferenceSession

MIN_SQNR_DB = 10.0  # the layers of networks that kept their accuracy were all above 13 dB
DIAGNOSED = 8  # samples that tell why
_SATURATED = 127  # magnitude


@dataclass(frozen=True)
class LayerCheck:
    """One layer's output against float, over all samples.

    `saturated` counts float values beyond the largest code, `underflowed` those other than 0 that have
    no code but zero. `sqnr_db` is infinite where nothing differs.
    """

    name: str
    op: str
    value: str
    sources: tuple[str, ...]
    sqnr_db: float
    max_error: float
    count: int
    saturated: int
    underflowed: int


@dataclass(frozen=True)
class Verification:
    """The verdict: `first_bad` is the first layer, in order of execution, below `min_sqnr_db`."""

    self_test: bool
    samples: int
    min_sqnr_db: float
    layers: tuple[LayerCheck, ...]
    diagnosis: Diagnosis | None = None  # of first_bad

    @property
    def first_bad(self) -> LayerCheck | None:
        return next((layer for layer in self.layers if not layer.sqnr_db >= self.min_sqnr_db), None)

    @property
    def passed(self) -> bool:
        return self.self_test and self.first_bad is None


class _Tally:
    """Sums over the samples of one layer."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self.entry = entry
        self.signal = self.noise = self.max_error = 0.0
        self.count = self.saturated = self.underflowed = 0

    def add(self, codes: NDArray[np.uint8], exact: NDArray[np.float32]) -> None:
        bias = self.entry["bias"]
        wide = exact.astype(np.float64)
        error = np.abs(decode(codes, bias) - wide)
        self.signal += float(np.square(wide).sum())
        self.noise += float(np.square(error).sum())
        self.max_error = max(self.max_error, float(error.max(initial=0.0)))
        self.count += exact.size
        magnitude = encode(exact, bias) & _SATURATED
        beyond = np.abs(wide) > 2.0 ** ((_SATURATED + 0.5 + bias) / 16)
        self.saturated += int(np.count_nonzero(beyond))
        self.underflowed += int(np.count_nonzero((magnitude == 0) & (exact != 0)))

    def result(self) -> LayerCheck:
        if self.noise == 0:
            sqnr = math.inf
        else:
            sqnr = 10 * math.log10(self.signal / self.noise) if self.signal else -math.inf
        return LayerCheck(self.entry["name"], self.entry["op"], self.entry["value"],
                          tuple(self.entry["sources"]), sqnr, self.max_error, self.count,
                          self.saturated, self.underflowed)


def verify(model: Model | str | os.PathLike[str], original: str | os.PathLike[str] | onnx.ModelProto,
           data: Mapping[str, Any], *, limit: int | None = None, min_sqnr_db: float = MIN_SQNR_DB,
           device: str = "sim", progress: Callable[[str, int, int], None] | None = None,
           reproducer: str | os.PathLike[str] | None = None) -> Verification:
    """Run both models on `data` and compare every layer's output.

    Args:
        model: what `convert` made of `original`.
        original: the ONNX model.
        data: {input name: float array [samples, ...]}.
        limit: use no more samples than this.
        min_sqnr_db: a layer below this signal-to-error ratio, in dB, is bad.
        device: where to run; it must let its memory be read between commands, as "sim" does.
        progress: called as progress(stage, done, total).
        reproducer: a folder to make, with the first bad layer as a network of its own and its data; not
            made where no layer is bad.

    Raises InputError for data that do not fit, ModelError for an original that does not fit.
    """
    if reproducer is not None:
        check_folder(Path(reproducer))
    loaded = model if isinstance(model, Model) else Model.load(model)
    imported = import_model(original)
    tallies = [_Tally(entry) for entry in loaded.trace.get("layers", []) if entry["sources"] and entry["element"] == 1]
    if not tallies:
        raise InputError("the model was stripped of its trace; convert it again to verify it by layers")
    values = list(dict.fromkeys(tally.entry["value"] for tally in tallies))
    _check_pair(values, imported.model, loaded)
    try:
        feeds = samples(imported.graph, data)[:limit]
    except CalibrationError as error:
        raise InputError(str(error).replace("calibration", "data", 1)) from error
    reference = open_session(imported.model, values)
    with InferenceSession(loaded, device=device) as session:
        self_test = session.self_test()
        for index, feed in enumerate(feeds):
            codes = session.trace(feed)
            exact = dict(zip(values, reference.run(values, feed), strict=True))
            for tally in tallies:
                name = tally.entry["value"]
                tally.add(codes[name], exact[name])
            if progress:
                progress("verify", index + 1, len(feeds))
        result = Verification(self_test, len(feeds), min_sqnr_db, tuple(tally.result() for tally in tallies))
        bad = result.first_bad
        if bad is None:
            return result
        layer = _one_layer(bad.value, tallies, imported)
        biases = {tally.entry["value"]: tally.entry["bias"] for tally in tallies}
        biases |= {tensor.name: tensor.bias for tensor in loaded.inputs}
        why = diagnose(layer, imported.graph, biases[bad.value],
                       (_sample(feed, layer, biases, reference, session) for feed in feeds[:DIAGNOSED]))
    if reproducer is not None:
        about = {"source": imported.name, "name": bad.name, "op": bad.op}
        reproduce(Path(reproducer), layer, imported.model, feeds, about)
    return replace(result, diagnosis=why)


def _one_layer(value: str, tallies: list[_Tally], imported: Imported) -> OneLayer:
    """Return the bad layer, cut out between values that the device can show."""
    shapes = {**imported.graph.shapes, **{tally.entry["value"]: tally.entry["shape"] for tally in tallies}}
    return cut(imported.model, value, {tally.entry["value"] for tally in tallies}, shapes)


def _sample(feed: Feed, layer: OneLayer, biases: Mapping[str, int], reference: Any,
            session: InferenceSession) -> Sample:
    """Return what float and device have for the layer."""
    names = [name for name in (*layer.inputs, layer.value) if name not in feed]
    exact = {**feed, **dict(zip(names, reference.run(names, feed), strict=True))}
    codes = session.trace(feed)
    codes |= {name: encode(array, biases[name]) for name, array in feed.items()}
    return Sample(exact, {name: decode(codes[name], biases[name]) for name in (*layer.inputs, layer.value)})


def _check_pair(values: list[str], original: onnx.ModelProto, model: Model) -> None:
    """Refuse an original that lacks a value of the converted model.

    Raises InputError.
    """
    known = {name for node in original.graph.node for name in node.output}
    lost = [value for value in values if value not in known]
    if lost:
        source = model.provenance.get("source", "another file")
        raise InputError(f"the ONNX model has no value {lost[0]!r}: this .pal was made from {source}")
