"""The model files of the driver's C tests: every opcode, engine and CPU in turn, in about 2 KB.

Write driver/tests/data/*.pal with `python -m tests.driver.small_model`: small.pal, and coded.pal whose
constants are coded. Their known answers come from the numpy engine.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np

from pal_edge.container import KnownAnswer, LayerEntry, Model, Tensor, known_answer_input
from pal_edge.numeric.engine import execute
from pal_edge.spec.commands import FLAG_BROADCAST_C, FLAG_TABLE, Command, Opcode
from pal_edge.spec.container import SegmentKind
from pal_edge.spec.registers import Region
from pal_edge.spec.targets import TARGETS

FOLDER = Path(__file__).parents[2] / "driver" / "tests" / "data"
CHANNELS = 17  # a block of 16 and one more
Place = tuple[Region, int, int]  # region, offset, rows and columns
TABLE, CONV_PARAMS, CONV_WEIGHTS, DEPTHWISE_PARAMS = 0, 256, 360, 820  # offsets in MODEL
DEPTHWISE_WEIGHTS, TAPS, END = 924, 1077, 1081
PIECES = ((256, SegmentKind.RAW), (102, SegmentKind.PARAMS), (2, SegmentKind.RAW), (459, SegmentKind.WEIGHTS),
          (1, SegmentKind.RAW), (102, SegmentKind.PARAMS), (2, SegmentKind.RAW), (153, SegmentKind.WEIGHTS),
          (4, SegmentKind.RAW))  # `constants` by kind


def feature_map(name: str, region: Region, offset: int, size: int, channels: int) -> dict[str, int]:
    """Return the fields of a dense square map."""
    fields = {"region": region, "offset": offset, "h": size, "w": size, "c": channels, "px": channels,
              "row": size * channels}
    return {f"{name}_{field}": int(value) for field, value in fields.items()}


def commands() -> list[Command]:
    """Return the commands, one a layer."""
    image = feature_map("ifm", Region.INPUT, 0, 4, 3)
    window = {"kh": 3, "kw": 3, "stride_y": 1, "stride_x": 1, "dilation_y": 1, "dilation_x": 1,
              "pad_top": 1, "pad_left": 1}
    pool = window | {"kh": 2, "kw": 2, "stride_y": 2, "stride_x": 2, "pad_top": 0, "pad_left": 0}

    def step(opcode: Opcode, source: dict[str, int], target: dict[str, int], **fields: int) -> Command:
        return Command(opcode=opcode, act_min=-127, act_max=127, **source, **target, **fields)

    def maps(source: Place, target: Place) -> tuple[dict[str, int], dict[str, int]]:
        return feature_map("ifm", *source, CHANNELS), feature_map("ofm", *target, CHANNELS)

    return [
        step(Opcode.CONV, image, feature_map("ofm", Region.SRAM, 0, 4, CHANNELS), **window,
             params=CONV_PARAMS, weights=CONV_WEIGHTS),
        step(Opcode.DEPTHWISE, *maps((Region.SRAM, 0, 4), (Region.SRAM, 512, 2)),
             **window | {"stride_y": 2, "stride_x": 2}, params=DEPTHWISE_PARAMS, weights=DEPTHWISE_WEIGHTS,
             flags=FLAG_TABLE, table=TABLE),
        step(Opcode.MUL, *maps((Region.SRAM, 0, 4), (Region.ARENA, 0, 4)), flags=FLAG_BROADCAST_C,
             ifm2_region=Region.INPUT, ifm2_offset=48, ifm2_row=4, ifm2_px=1, offset=-40),
        step(Opcode.SOFTMAX, *maps((Region.ARENA, 0, 4), (Region.ARENA, 512, 4)), offset=-80),
        step(Opcode.POOL_MAX, *maps((Region.ARENA, 512, 4), (Region.SRAM, 1024, 2)), **pool, offset=20),
        step(Opcode.ADD, *maps((Region.SRAM, 512, 2), (Region.ARENA, 1024, 2)), ifm2_region=Region.SRAM,
             ifm2_offset=1024, ifm2_row=2 * CHANNELS, ifm2_px=CHANNELS, scale=80, scale2=90, offset=-110),
        step(Opcode.POOL_AVG, *maps((Region.ARENA, 1024, 2), (Region.OUTPUT, CHANNELS, 1)), **pool,
             weights=TAPS, offset=-130),
        step(Opcode.SOFTMAX, *maps((Region.OUTPUT, CHANNELS, 1), (Region.OUTPUT, 0, 1)), offset=-100),
        step(Opcode.MAP, maps((Region.SRAM, 0, 4), (Region.SRAM, 0, 4))[0] | {"ifm_c": 3},
             feature_map("ofm", Region.OUTPUT, 2 * CHANNELS, 4, 3)),
    ]


def constants(values: int) -> bytes:
    """Return table, parameters and weights at their offsets; `values` different weights occur."""
    rng = np.random.default_rng(1)

    def codes(count: int) -> bytes:
        step = 256 // values
        return (rng.integers(0, values, count) * step + step // 2).astype(np.uint8).tobytes()

    def params(offset: int) -> bytes:
        return struct.pack(f"<{CHANNELS}i{CHANNELS}h", *rng.integers(-4000, 4000, CHANNELS).tolist(),
                           *(offset + rng.integers(-20, 20, CHANNELS)).tolist())

    table = bytes(range(128)) + bytes([0, *range(1, 128)])  # absolute value
    parts = {TABLE: table, CONV_PARAMS: params(-150), CONV_WEIGHTS: codes(27 * CHANNELS),
             DEPTHWISE_PARAMS: params(-160), DEPTHWISE_WEIGHTS: codes(9 * CHANNELS), TAPS: bytes([96] * 4)}
    data = bytearray(END)
    for offset, part in parts.items():
        data[offset : offset + len(part)] = part
    return bytes(data)


def model(*, coded: bool = False) -> Model:
    """Return the model with its known answer. Coded, it has fewer different weights, which are coded."""
    steps = [replace(command, layer=i) for i, command in enumerate(commands())]
    bare = Model(
        target=TARGETS["pal-e32"],
        tensors=(Tensor("image", Region.INPUT, (1, 3, 4, 4), (0, 2, 3, 1), -90, 0, True),
                 Tensor("mask", Region.INPUT, (1, 1, 4, 4), (0, 1, 2, 3), -100, 48, True),
                 Tensor("scores", Region.OUTPUT, (1, CHANNELS), (0, 1), -127, 0, True),
                 Tensor("features", Region.OUTPUT, (1, 3, 4, 4), (0, 2, 3, 1), -80, 2 * CHANNELS, True)),
        commands=tuple(steps), constants=constants(8 if coded else 256),
        pieces=PIECES if coded else (),
        layers=tuple(LayerEntry(f"layer{c.layer}", Opcode(c.opcode).name, c.layer, 1, 0) for c in steps),
        arena_size=1100, sram_size=1092, input_size=64, output_size=2 * CHANNELS + 48)
    return replace(bare, known_answer=KnownAnswer(7, run_numpy(bare, known_answer_input(7, bare.input_size))))


def files() -> dict[str, bytes]:
    """Return the files by name."""
    return {"small.pal": model().to_bytes(), "coded.pal": model(coded=True).to_bytes()}


def run_numpy(model: Model, data: bytes) -> bytes:
    """Return the OUTPUT region that the numpy engine computes from the INPUT region `data`."""
    given = {Region.MODEL: model.constants, Region.INPUT: data}
    sizes = {Region.ARENA: model.arena_size, Region.OUTPUT: model.output_size, Region.SRAM: model.sram_size}
    memory = {region: np.frombuffer(part, np.uint8) for region, part in given.items()}
    memory |= {region: np.zeros(size, np.uint8) for region, size in sizes.items()}
    execute(model.commands, memory)
    return memory[Region.OUTPUT].tobytes()


if __name__ == "__main__":
    for name, content in files().items():
        (FOLDER / name).write_bytes(content)
