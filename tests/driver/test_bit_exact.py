"""The C driver on the simulator gives the bytes of the oracle and of the numpy engine, for every opcode."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pal_edge.container import LayerEntry, Model
from pal_edge.numeric.engine import execute
from pal_edge.runtime import InferenceSession
from pal_edge.runtime.device import SIM_BASE, SimDevice
from pal_edge.spec.commands import Command, Opcode
from pal_edge.spec.registers import Region
from pal_edge.spec.targets import TARGETS
from tests.numeric.geometry import Memory, random_command
from tests.oracle import engine as oracle

SEEDS = {Opcode.CONV: 24, Opcode.DEPTHWISE: 24}


def on_simulator(command: Command, memory: Memory) -> dict[Region, bytes]:
    """Run through container, parser, driver and simulator; return every region afterwards."""
    sizes = {region: len(memory.get(region, b"")) for region in Region}
    model = Model(
        target=TARGETS["pal-e128"], tensors=(), commands=(replace(command, layer=0),),
        constants=bytes(memory[Region.MODEL]), layers=(LayerEntry("layer", "op", 0, 1, 0),),
        arena_size=sizes[Region.ARENA], sram_size=sizes[Region.SRAM], input_size=sizes[Region.INPUT],
        output_size=sizes[Region.OUTPUT])
    with SimDevice(memory=1 << 20) as device, InferenceSession(model, device) as session:
        views = {}
        for region in memory:
            place = session.loaded.native.regions[region]
            start = place.address - SIM_BASE
            views[region] = device._memory[start : start + place.size]
            views[region][:] = np.frombuffer(bytes(memory[region]), np.uint8)
        session.loaded.run()
        return {region: view.tobytes() for region, view in views.items()}


@pytest.mark.parametrize(("opcode", "seed"), [(op, s) for op in Opcode for s in range(SEEDS.get(op, 40))])
def test_every_opcode_gives_the_bytes_of_oracle_and_numpy(opcode: Opcode, seed: int) -> None:
    command, memory = random_command(opcode, seed)
    slow = {region: bytearray(data) for region, data in memory.items()}
    oracle.execute([command], slow)
    arrays = {region: np.frombuffer(bytes(data), np.uint8).copy() for region, data in memory.items()}
    execute([command], arrays)
    found = on_simulator(command, memory)
    for region in memory:
        assert found[region] == bytes(slow[region]) == arrays[region].tobytes(), region.name
