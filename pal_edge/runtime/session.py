"""InferenceSession: a model on a device, with ONNX Runtime's habits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ..container import Model
from ..errors import DeviceError, InputError
from ..spec.registers import Region
from .device import ALIGN, Device, SimDevice, open_device
from .loaded import Codes, Counters, Inputs, Place, session_memory
from .ports import NodeArg, Port, check_names
from .tracing import read_logical

Floats = NDArray[np.float32]


class HasBytes(Protocol):
    """Anything that can give a model file's bytes."""

    def to_bytes(self) -> bytes: ...


@dataclass(frozen=True)
class LayerCost:
    """Engine cycles of one layer since the start of one inference; they stand still for the CPU."""

    name: str
    op: str
    start: int
    end: int
    cycles: int


class InferenceSession:
    """A loaded model. Calls on one device run one after the other, from any thread.

    Args:
        model: path, bytes of a .pal file, or what `pal_edge.convert` returned; or, where there is no such
            file, the name of a model in the board's store.
        device: URI or an opened Device; a device opened here is closed with the session.

    Attributes:
        counters: what the engine counted in the last call.
        engine_seconds: what its cycles take at the target's clock, without operators on the CPU.
        wall_seconds: how long that call took on this host; on the simulator that is the time to simulate it.

    Raises ContainerError, VersionError, TargetError, ModelNotFound, DeviceError.
    """

    def __init__(self, model: str | os.PathLike[str] | bytes | HasBytes, device: str | Device = "sim") -> None:
        on_device = isinstance(model, str) and device != "sim" and not os.path.exists(model)
        self._owned = isinstance(device, str)
        if not on_device:
            self.model, data = _load(model)
        if device == "sim":  # as the model needs it
            device = SimDevice(self.model.target.name, session_memory(data) + ALIGN)
        if isinstance(device, str):
            device = open_device(device) if on_device else open_device(device, target=self.model.target.name)
        self.device = device
        try:
            if on_device:
                self.model, data = _load(self.device.fetch(str(model)))
            with self.device.lock:
                self.device.check_open()
                self.loaded = self.device.load(self.model, data)
        except BaseException:
            if self._owned:
                self.device.close()
            raise
        self._closed = False
        self._inputs = [Port(tensor) for tensor in self.model.inputs]
        self._outputs = [Port(tensor) for tensor in self.model.outputs]
        self.counters = Counters()
        self.wall_seconds = 0.0

    @property
    def engine_seconds(self) -> float:
        return self.counters.cycles / self.device.clock_hz

    def get_inputs(self) -> list[NodeArg]:
        return [port.arg for port in self._inputs]

    def get_outputs(self) -> list[NodeArg]:
        return [port.arg for port in self._outputs]

    def run(self, output_names: Sequence[str] | None, feed: Mapping[str, Any]) -> list[Floats]:
        """Return the named outputs, all of them for None, as float32 arrays.

        Args:
            feed: {input name: float array}, with a batch along axis 0 where the model's is dynamic.

        Raises InputError for arrays that do not fit, EngineError or DeviceError if the device fails.
        """
        chosen = self._chosen(output_names)
        batches = self._batches(feed, np.float32)
        return self._run(batches, Port.encode, chosen, Port.decode)

    def run_async(self, output_names: Sequence[str] | None, feed: Mapping[str, Any],
                  callback: Callable[[list[Floats] | None, Any, str], None] | None = None,
                  user_data: Any = None) -> Future[list[Floats]]:
        """Start a `run` and return a Future of its result; calls on one device keep their order.

        Args:
            feed: as for `run`; the arrays must not change before the result is there.
            callback: called as callback(results, user_data, error), as in ONNX Runtime: `error` is "" on
                success, and `results` None on failure. Runs in the device's worker thread.
        """
        self._check_open()
        future = self.device.submit(lambda: self.run(output_names, feed))
        if callback is not None:
            def report(done: Future[list[Floats]]) -> None:
                error = done.exception()
                callback(None if error else done.result(), user_data, str(error or ""))
            future.add_done_callback(report)
        return future

    def run_codes(self, output_names: Sequence[str] | None, feed: Mapping[str, Any]) -> list[Codes]:
        """Like `run`, with raw PAL8 codes (uint8, logical shapes) in and out."""
        chosen = self._chosen(output_names)
        batches = self._batches(feed, np.uint8)
        return self._run(batches, Port.stored, chosen, Port.logical)

    def run_region(self, data: bytes) -> bytes:
        """Run on the raw INPUT region and return the raw OUTPUT region."""
        ((output,),) = self._infer([[(0, data)]], [(Region.OUTPUT, 0, self.model.output_size)])
        return output.tobytes()

    def trace(self, feed: Mapping[str, Any]) -> dict[str, Codes]:
        """Return the codes of every layer's output, in logical shape, for one sample.

        Keys are ONNX value names. Raises InputError also where the model was stripped of its trace.
        """
        layers = self.model.trace.get("layers")
        if not layers:
            raise InputError("the model has no TRACE section; convert it again to trace it")
        (sample,) = self._one(feed)
        found: dict[str, Codes] = {}
        with self.device.lock:
            self._check_open()
            for offset, codes in sample:
                self.loaded.write(offset, codes)
            for entry in layers:
                self.loaded.run(entry["first_command"], entry["command_count"])
                if entry["element"] == 1:  # indices are no codes
                    found[entry["value"]] = read_logical(entry, self.loaded.read)
        return found

    def profile(self, feed: Mapping[str, Any]) -> list[LayerCost]:
        """Run one sample and return what every layer cost."""
        (sample,) = self._one(feed)
        costs = []
        with self.device.lock:
            self._infer([sample], [])
            records = self.loaded.profile(0, len(self.model.commands))
        for layer in self.model.layers:
            spans = records[layer.first_command : layer.first_command + layer.command_count]
            costs.append(LayerCost(layer.name, layer.op, spans[0][0], spans[-1][1],
                                   sum(end - start for start, end in spans)))
        return costs

    def self_test(self) -> bool:
        """Run the model's known-answer test; False if the output differs."""
        with self.device.lock:
            self._check_open()
            if self.model.known_answer is None:
                raise InputError("the model has no known-answer test; convert it again")
            return self.loaded.self_test()

    def close(self) -> None:
        """Release the device's memory, and the device if this session opened it."""
        with self.device.lock:  # not while another thread runs on that memory
            if self._closed:
                return
            self._closed = True
            self.loaded.close()
        if self._owned:
            self.device.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    # Below here: one sample at a time

    def _chosen(self, names: Sequence[str] | None) -> list[Port]:
        if names is None:
            return self._outputs
        known = {port.name: port for port in self._outputs}
        for name in names:
            if name not in known:
                raise InputError(f"{name!r} is no output; the model's outputs are {', '.join(map(repr, known))}")
        return [known[name] for name in names]

    def _batches(self, feed: Mapping[str, Any], dtype: type) -> list[NDArray[Any]]:
        """Return [samples, *shape] of every input."""
        check_names(feed, self._inputs)
        arrays = [port.samples(feed[port.name], dtype) for port in self._inputs]
        if len({len(array) for array in arrays}) != 1:
            sizes = {port.name: len(array) for port, array in zip(self._inputs, arrays, strict=True)}
            raise InputError(f"the inputs differ in their batch size: {sizes}")
        if not len(arrays[0]):
            raise InputError("the batch is empty")
        return arrays

    def _one(self, feed: Mapping[str, Any]) -> Iterator[list[tuple[int, Any]]]:
        batches = self._batches(feed, np.float32)
        if len(batches[0]) != 1:
            raise InputError(f"one sample is wanted here, not a batch of {len(batches[0])}")
        yield [(port.tensor.offset, port.encode(array[0])) for port, array in zip(self._inputs, batches, strict=True)]

    def _run(self, batches: list[NDArray[Any]], start: Callable[[Port, NDArray[Any]], Any], chosen: list[Port],
             finish: Callable[[Port, Codes], Any]) -> list[Any]:
        samples = [[(port.tensor.offset, start(port, array[i]))
                    for port, array in zip(self._inputs, batches, strict=True)] for i in range(len(batches[0]))]
        places = [(port.tensor.region, port.tensor.offset, port.size) for port in chosen]
        found = [[finish(port, codes) for port, codes in zip(chosen, outputs, strict=True)]
                 for outputs in self._infer(samples, places)]
        return [column[0] if len(column) == 1 else np.concatenate(column) for column in zip(*found, strict=True)]

    def _infer(self, samples: Sequence[Inputs], places: Sequence[Place]) -> list[list[Codes]]:
        """Return the bytes of `places` after each sample."""
        found, total, start = [], Counters(), perf_counter()
        with self.device.lock:
            self._check_open()
            for outputs in self.loaded.infer(samples, places):
                found.append(outputs)
                total = total.plus(self.loaded.counters)
            self.counters, self.wall_seconds = total, perf_counter() - start
        return found

    def _check_open(self) -> None:
        if self._closed:
            raise DeviceError("the session is closed")
        self.device.check_open()


def _load(model: str | os.PathLike[str] | bytes | HasBytes) -> tuple[Model, bytes]:
    if isinstance(model, Model):
        return model, model.to_bytes()
    if isinstance(model, str | os.PathLike):
        return Model.load(model), Path(model).read_bytes()
    data = model if isinstance(model, bytes) else model.to_bytes()
    return Model.from_bytes(data), data
