"""The numpy engine gives the oracle's bytes for every opcode, and writes nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pal_edge.errors import EngineError
from pal_edge.numeric.engine import execute
from pal_edge.spec.commands import Command, Opcode
from pal_edge.spec.registers import Region
from pal_edge.spec.status import EngineError as Code
from tests.numeric.geometry import Memory, random_command
from tests.oracle import engine as oracle

SEEDS = {Opcode.CONV: 24, Opcode.DEPTHWISE: 24}


def run(commands: list[Command], memory: Memory) -> Memory:
    """Execute on the numpy engine; return the memory afterwards."""
    arrays = {region: np.frombuffer(bytearray(data), np.uint8).copy() for region, data in memory.items()}
    execute(commands, arrays)
    return {region: bytearray(array.tobytes()) for region, array in arrays.items()}


def expected(commands: list[Command], memory: Memory) -> Memory:
    copies = {region: bytearray(data) for region, data in memory.items()}
    oracle.execute(commands, copies)
    return copies


@pytest.mark.parametrize(("opcode", "seed"), [(op, s) for op in Opcode for s in range(SEEDS.get(op, 40))])
def test_every_opcode_gives_the_bytes_of_the_oracle(opcode: Opcode, seed: int) -> None:
    command, memory = random_command(opcode, seed)
    assert run([command], memory) == expected([command], memory)


def test_results_vary_enough_to_tell_engines_apart() -> None:
    for opcode in Opcode:
        codes = set()
        for seed in range(20):
            command, memory = random_command(opcode, seed)
            before, after = memory[Region.ARENA], expected([command], memory)[Region.ARENA]
            codes |= {new for old, new in zip(before, after, strict=True) if old != new}
        assert len(codes) > (20 if opcode == Opcode.ARGMAX else 40), opcode  # indices of up to 33 channels


def test_each_command_sees_the_results_of_those_before_it() -> None:
    first, memory = random_command(Opcode.CONV, 1)
    commands = [first]
    for seed in range(3):
        follower = random_command(Opcode.MAP, seed)[0]
        commands.append(replace(follower, ifm_region=Region.ARENA, ifm_offset=commands[-1].ofm_offset,
                                ofm_region=Region.ARENA, ofm_offset=9000 + 3000 * seed))
    assert run(commands, memory) == expected(commands, memory)


def test_outputs_larger_than_a_chunk_are_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pal_edge.numeric.engine._CHUNK", 50)
    for opcode in (Opcode.CONV, Opcode.DEPTHWISE, Opcode.POOL_AVG, Opcode.POOL_MAX):
        command, memory = random_command(opcode, 2)
        assert run([command], memory) == expected([command], memory)


def test_accumulators_wrap_like_int32() -> None:
    command, memory = random_command(Opcode.DEPTHWISE, 0)
    extreme = (-(2**31)).to_bytes(4, "little", signed=True) * command.ofm_c
    memory[Region.MODEL][command.params : command.params + len(extreme)] = extreme
    assert run([command], memory) == expected([command], memory)


@pytest.mark.parametrize("change", [
    {"ifm_offset": 20000}, {"ifm_row": 1 << 31, "ifm_h": 2}, {"ofm_offset": (1 << 32) - 1}, {"ofm_region": 4},
    {"ifm_region": 9}, {"weights": 1 << 31}, {"params": 1 << 20}, {"flags": 1, "table": 1 << 20}])
def test_an_access_outside_its_region_is_refused(change: dict[str, int]) -> None:
    command, memory = random_command(Opcode.CONV, 3)
    with pytest.raises(EngineError, match=r"command 1: bytes .* outside region") as caught:
        run([command, replace(command, **change)], memory)
    assert (caught.value.code, caught.value.command) == (Code.ADDRESS, 1)


def test_an_unknown_opcode_is_refused() -> None:
    with pytest.raises(EngineError, match="command 0: opcode 9 is unknown") as caught:
        run([Command(opcode=9)], {})
    assert caught.value.code == Code.OPCODE
