"""InferenceSession: a model on a device, with ONNX Runtime's habits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ..container import Model
from ..errors import DeviceError, EngineError, InputError
from ..spec.registers import Region
from ..spec.status import ENGINE_ERROR_TEXT, Status
from .device import Device, SimDevice, open_device
from .native import check, ffi, lib
from .ports import NodeArg, Port, check_names
from .tracing import read_logical

TIMEOUT_US = 60_000_000
Codes = NDArray[np.uint8]
Floats = NDArray[np.float32]


class HasBytes(Protocol):
    """Anything that can give a model file's bytes."""

    def to_bytes(self) -> bytes: ...


class Counters(NamedTuple):
    """What the engine counted in the last call, over all samples of the batch."""

    cycles: int = 0
    mac_cycles: int = 0
    stall_read: int = 0
    stall_write: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    inferences: int = 0

    def plus(self, other: Counters) -> Counters:
        return Counters(*(a + b for a, b in zip(self, other, strict=True)))

    @property
    def cycles_per_inference(self) -> float:
        return self.cycles / self.inferences if self.inferences else 0.0


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
        model: path, bytes of a .pal file, or what `pal_edge.convert` returned.
        device: URI or an opened Device; a device opened here is closed with the session.

    Raises ContainerError, VersionError, TargetError, DeviceError.
    """

    def __init__(self, model: str | os.PathLike[str] | bytes | HasBytes, device: str | Device = "sim") -> None:
        self.model, data = _load(model)
        self._data = ffi.from_buffer(data)
        self._native_model = ffi.new("struct pal_model *")
        check(lib.pal_model_open(self._native_model, self._data, len(data)), "model")
        self._memory = int(lib.pal_session_memory(self._native_model))
        self._owned = isinstance(device, str)
        self.device = self._open(device) if isinstance(device, str) else device
        self._address = self.device.allocate(self._memory)
        self._session = ffi.new("struct pal_session *")
        place = {"address": self._address, "size": self._memory}
        try:
            with self.device.lock:
                status = lib.pal_session_init(self._session, self.device.native, self._native_model, place)
            check(status, f"model for {self.model.target.name} on a {self.device.target.name}")
        except BaseException:
            self._drop()
            raise
        self._session.timeout_us = TIMEOUT_US
        self._closed = False
        self._inputs = [Port(tensor) for tensor in self.model.inputs]
        self._outputs = [Port(tensor) for tensor in self.model.outputs]
        self.counters = Counters()

    def _open(self, uri: str) -> Device:
        if uri == "sim":  # as the model needs it
            return SimDevice(self.model.target.name, self._memory + lib.PAL_SESSION_ALIGN)
        return open_device(uri)

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
        return self._run([[port.encode(array[i]) for port, array in zip(self._inputs, batches, strict=True)]
                          for i in range(len(batches[0]))], chosen, Port.decode)

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
        return self._run([[port.stored(array[i]) for port, array in zip(self._inputs, batches, strict=True)]
                          for i in range(len(batches[0]))], chosen, Port.logical)

    def run_region(self, data: bytes) -> bytes:
        """Run on the raw INPUT region and return the raw OUTPUT region."""
        with self.device.lock:
            self._set(0, data)
            self._execute(1)
            return self._get(Region.OUTPUT, 0, self.model.output_size).tobytes()

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
            self._put(sample)
            for entry in layers:
                self._check(lib.pal_session_run_range(self._session, entry["first_command"], entry["command_count"]))
                if entry["element"] == 1:  # indices are no codes
                    found[entry["value"]] = read_logical(entry, self._get)
        return found

    def profile(self, feed: Mapping[str, Any]) -> list[LayerCost]:
        """Run one sample and return what every layer cost."""
        (sample,) = self._one(feed)
        record = ffi.new("struct pal_profile_record *")
        costs = []
        with self.device.lock:
            self._put(sample)
            self._execute(1)
            for layer in self.model.layers:
                spans = []
                for index in range(layer.first_command, layer.first_command + layer.command_count):
                    self._check(lib.pal_session_profile(self._session, index, record))
                    spans.append((int(record.start), int(record.end)))
                costs.append(LayerCost(layer.name, layer.op, spans[0][0], spans[-1][1],
                                       sum(end - start for start, end in spans)))
        return costs

    def self_test(self) -> bool:
        """Run the model's known-answer test; False if the output differs."""
        with self.device.lock:
            self._check_open()
            if self.model.known_answer is None:
                raise InputError("the model has no known-answer test; convert it again")
            status = lib.pal_session_self_test(self._session)
            if status == Status.ERR_KAT:
                return False
            self._check(status)
            return True

    def close(self) -> None:
        """Release the device's memory, and the device if this session opened it."""
        with self.device.lock:  # not while another thread runs on that memory
            if self._closed:
                return
            self._closed = True
        self._drop()

    def _drop(self) -> None:
        self.device.release(self._address, self._memory)
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

    def _one(self, feed: Mapping[str, Any]) -> Iterator[list[Any]]:
        batches = self._batches(feed, np.float32)
        if len(batches[0]) != 1:
            raise InputError(f"one sample is wanted here, not a batch of {len(batches[0])}")
        yield [port.encode(array[0]) for port, array in zip(self._inputs, batches, strict=True)]

    def _run(self, samples: list[list[Any]], chosen: list[Port], finish: Callable[[Port, Codes], Any]) -> list[Any]:
        results: list[list[Any]] = [[] for _ in chosen]
        total = Counters()
        with self.device.lock:
            for sample in samples:
                self._put(sample)
                self._execute(1)
                total = total.plus(self.counters)
                for port, found in zip(chosen, results, strict=True):
                    found.append(finish(port, self._get(port.tensor.region, port.tensor.offset, port.size)))
            self.counters = total
        return [found[0] if len(found) == 1 else np.concatenate(found) for found in results]

    def _put(self, sample: list[Any]) -> None:
        for port, codes in zip(self._inputs, sample, strict=True):
            self._set(port.tensor.offset, codes)

    def _set(self, offset: int, data: Any) -> None:
        self._check_open()
        view = ffi.from_buffer(data)
        self._check(lib.pal_session_set_input(self._session, offset, view, len(view)))

    def _get(self, region: int, offset: int, size: int) -> Codes:
        codes = np.empty(size, np.uint8)
        self._check(lib.pal_session_read(self._session, region, offset, ffi.from_buffer(codes), size))
        return codes

    def _execute(self, inferences: int) -> None:
        self._launch()
        c = self._session.counters
        self.counters = Counters(c.cycles, c.mac_cycles, c.stall_read, c.stall_write, c.bytes_read,
                                 c.bytes_written, inferences)

    def _launch(self) -> None:
        self._check(lib.pal_session_run(self._session))

    def _check_open(self) -> None:
        if self._closed:
            raise DeviceError("the session is closed")
        self.device.check_open()

    def _check(self, status: int) -> None:
        if status != Status.ERR_ENGINE:
            check(status, self.device.uri)
            return
        fault = self._session.fault
        layer = next((e.name for e in self.model.layers
                      if e.first_command <= fault.command < e.first_command + e.command_count), "?")
        raise EngineError(f"{self.device.uri}: the engine stopped at command {fault.command} of layer {layer!r}: "
                          f"{ENGINE_ERROR_TEXT.get(fault.code, f'error {fault.code}')}",
                          fault.code, fault.command, layer)


def _load(model: str | os.PathLike[str] | bytes | HasBytes) -> tuple[Model, bytes]:
    if isinstance(model, Model):
        return model, model.to_bytes()
    if isinstance(model, str | os.PathLike):
        loaded = Model.load(model)
        return loaded, loaded.to_bytes()
    data = model if isinstance(model, bytes) else model.to_bytes()
    return Model.from_bytes(data), data
