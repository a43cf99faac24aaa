"""From a placed program to the container's value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..container import LayerEntry, Model, Tensor
from ..errors import ModelError
from ..spec.container import MAX_COMMANDS, MAX_RANK
from ..spec.registers import Region
from ..spec.targets import Target
from .allocate import Footprint
from .program import Placed, Program

NAME_LENGTH = 32  # characters of a layer's name that the device knows


def emit(program: Program, footprint: Footprint, target: Target, dynamic_batch: bool,
         provenance: dict[str, Any]) -> Model:
    """Return the model without known answer and without quality figures."""
    if len(program.drafts) > MAX_COMMANDS:
        raise ModelError(f"the model needs {len(program.drafts)} commands; the format's limit is {MAX_COMMANDS}")
    if len(program.drafts) == 0:
        raise ModelError("the model computes nothing: no operator is left after folding")
    tensors = [_tensor(name, placed, Region.INPUT, dynamic_batch) for name, placed in program.inputs.items()]
    tensors += [_tensor(name, placed, Region.OUTPUT, dynamic_batch) for name, placed in program.outputs.items()]
    layers = tuple(LayerEntry(_short(r.name), r.op, r.first_command, r.command_count, r.macs) for r in program.layers)
    return Model(
        target=target, tensors=tuple(tensors), commands=tuple(draft.resolved() for draft in program.drafts),
        constants=program.constants.to_bytes(), pieces=tuple(program.constants.pieces), layers=layers,
        arena_size=footprint.arena, sram_size=footprint.sram,
        input_size=_extent(program.inputs), output_size=_extent(program.outputs),
        trace={"layers": [_trace(program, i) for i in range(len(program.layers))],
               "memory": {"sram": footprint.sram, "arena": footprint.arena,
                          "lower_bound": footprint.lower_bound}},
        provenance=provenance)


def _short(name: str) -> str:
    """Return the telling end of a name; the whole of it is in the trace, which a device does not carry."""
    tail = name.rsplit(";", 1)[-1]
    return tail if len(tail) <= NAME_LENGTH else "…" + tail[1 - NAME_LENGTH :]


def _tensor(name: str, placed: Placed, region: Region, dynamic_batch: bool) -> Tensor:
    order, shape = placed.layout.order(), placed.layout.shape
    if order is None:
        raise RuntimeError(f"tensor {name} has a split axis")
    if len(shape) > MAX_RANK:
        raise ModelError(f"tensor {name!r} has {len(shape)} axes; the format's limit is {MAX_RANK}")
    return Tensor(name, region, shape, order, placed.bias, placed.buffer.offset, dynamic_batch,
                  indices=placed.element != 1)


def _extent(placed: Mapping[str, Placed]) -> int:
    return max((p.buffer.offset + p.buffer.size for p in placed.values()), default=0)


def _trace(program: Program, index: int) -> dict[str, Any]:
    """What the host needs to read the layer's output out of memory and to report on it."""
    record = program.layers[index]
    placed = record.placed
    return {
        "name": record.name, "op": record.op, "sources": list(record.sources), "value": record.value,
        "shape": list(placed.layout.shape), "element": placed.element,
        "bias": placed.bias, "region": placed.buffer.region,
        "offset": placed.buffer.offset + placed.offset,
        "axes": [[f.axis, f.size, f.step, stride]
                 for f, stride in zip(placed.layout.factors, placed.strides, strict=True)],
        "first_command": record.first_command, "command_count": record.command_count,
        "macs": record.macs, "weight_bytes": record.weight_bytes,
    }
