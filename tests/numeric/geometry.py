"""Random small commands with the memory they run on, for comparing engines bit for bit."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np

from pal_edge.spec.arithmetic import LIN2LOG_THRESHOLDS
from pal_edge.spec.commands import FLAG_BROADCAST_C, FLAG_TABLE, WINDOW_OPCODES, Command, Opcode
from pal_edge.spec.registers import Region

Memory = dict[Region, bytearray]
TABLE, PARAMS, WEIGHTS = 0, 256, 1024  # offsets in MODEL
CHANNELS = (1, 2, 3, 15, 16, 17, 33)


def random_command(opcode: Opcode, seed: int) -> tuple[Command, Memory]:
    """Return a legal command of this opcode and its regions, filled with random codes.

    Padding, strides, dilations, gaps between rows and pixels, clamps, tables and (for the commands that
    allow it) writing in place all occur, as do weights outside MODEL; accumulators stay within int32.
    """
    rng = np.random.default_rng([opcode, seed])

    def pick(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    memory = {Region.MODEL: bytearray(), Region.INPUT: _codes(rng, 20000), Region.ARENA: _codes(rng, 20000)}
    h, w, c = pick(1, 7), pick(1, 7), int(rng.choice(CHANNELS))
    px = c + pick(0, 3)
    row = w * px + pick(0, 5)
    fields = {"opcode": opcode, "layer": pick(0, 9), "act_min": -127, "act_max": 127, "offset": pick(-60, 60),
              "ifm_region": Region.INPUT, "ifm_offset": pick(0, 99),
              "ifm_h": h, "ifm_w": w, "ifm_c": c, "ifm_row": row, "ifm_px": px}
    if rng.random() < 0.5:
        low, high = sorted((pick(-127, 127), pick(-127, 127)))
        fields |= {"act_min": low, "act_max": high}
    if rng.random() < 0.3:
        fields["flags"] = FLAG_TABLE
    out = {"h": h, "w": w, "c": c}
    if opcode in WINDOW_OPCODES:
        window = {"kh": pick(1, 4), "kw": pick(1, 4), "stride_y": pick(1, 3), "stride_x": pick(1, 3),
                  "dilation_y": pick(1, 2), "dilation_x": pick(1, 2), "pad_top": pick(0, 3),
                  "pad_left": pick(0, 3), "weights": 0 if opcode == Opcode.POOL_MAX else WEIGHTS}
        fields |= window
        # Beyond the last whole window too: what lies below and right of the input is padding.
        out |= {"h": pick(1, 6), "w": pick(1, 6)}
        if opcode == Opcode.CONV:
            out["c"] = int(rng.choice(CHANNELS))
        if opcode in (Opcode.CONV, Opcode.DEPTHWISE):
            fields |= {"params": PARAMS, "offset": 0}
    if opcode == Opcode.CONV:
        fields |= {"kh": min(3, fields["kh"]), "kw": min(3, fields["kw"])}  # the oracle is slow
    if opcode in (Opcode.ADD, Opcode.MUL):
        fields |= {"ifm2_region": Region.ARENA, "ifm2_offset": pick(0, 99),
                   "ifm2_px": px if rng.random() < 0.7 else 0, "ifm2_row": row if rng.random() < 0.7 else 0}
        if rng.random() < 0.3:
            fields["flags"] = fields.get("flags", 0) | FLAG_BROADCAST_C
    if opcode == Opcode.ADD:
        fields |= {"scale": pick(0, 255), "scale2": pick(0, 255), "offset": pick(-240, -150)}
    if opcode == Opcode.MUL:
        fields["offset"] = pick(-180, -60)
    if opcode == Opcode.POOL_AVG:
        fields["offset"] = pick(-270, -180)
    if opcode == Opcode.SOFTMAX:
        fields |= {"offset": pick(-140, 20), "scale": pick(0, 255) if rng.random() < 0.3 else 0}
    if opcode == Opcode.LAYER_NORM:
        fields |= {"offset": pick(-60, 140), "ifm2_region": Region.MODEL, "ifm2_offset": WEIGHTS}
    if opcode == Opcode.ARGMAX:
        fields |= {"offset": 0, "flags": 0, "scale": pick(0, 1)}
        out["c"] = 4
    out_px = out["c"] + pick(0, 2)
    fields |= {"ofm_region": Region.ARENA, "ofm_offset": 8000 + pick(0, 99), "ofm_px": out_px,
               "ofm_row": out["w"] * out_px + pick(0, 4),
               "ofm_h": out["h"], "ofm_w": out["w"], "ofm_c": out["c"]}
    command = Command(**fields)
    if opcode not in (*WINDOW_OPCODES, Opcode.LAYER_NORM, Opcode.ARGMAX) and rng.random() < 0.3:
        command = replace(command, ifm_region=Region.ARENA, ofm_offset=command.ifm_offset, ofm_row=row,
                          ofm_px=px)
        if opcode in (Opcode.ADD, Opcode.MUL):
            command = replace(command, ifm2_region=Region.INPUT)
    memory[Region.MODEL] = _model(rng, command)
    if opcode in (Opcode.CONV, Opcode.DEPTHWISE, Opcode.POOL_AVG) and rng.random() < 0.3:
        memory[Region.SRAM] = _codes(rng, 30) + memory[Region.MODEL][WEIGHTS:]
        del memory[Region.MODEL][WEIGHTS:]
        command = replace(command, ifm2_region=Region.SRAM, weights=30)
    return command, memory


def _codes(rng: np.random.Generator, size: int) -> bytearray:
    codes = rng.integers(0, 256, size)
    codes[rng.random(size) < 0.1] = 0
    return bytearray(codes.astype(np.uint8).tobytes())


def _model(rng: np.random.Generator, command: Command) -> bytearray:
    """Return table, parameters and weights at their offsets; biases reach the steps of lin2log."""
    canonical = _codes(rng, 256).replace(b"\x80", b"\0")
    biases = rng.choice([0, 1, -1, *LIN2LOG_THRESHOLDS, *(-t << 3 for t in LIN2LOG_THRESHOLDS), 1 << 29],
                        command.ofm_c)
    offsets = rng.integers(-340, -80, command.ofm_c)
    params = struct.pack(f"<{command.ofm_c}i{command.ofm_c}h", *biases.tolist(), *offsets.tolist())
    if command.opcode == Opcode.LAYER_NORM:
        epsilon = (0, 1, 1 << 30, (1 << 64) - 1)[rng.integers(4)]
        numbers = [int(v) >> int(rng.integers(0, 31)) for v in rng.integers(-(1 << 31), 1 << 31, 2 * command.ifm_c)]
        return canonical.ljust(WEIGHTS, b"\xAA") + struct.pack(f"<Q{len(numbers)}i", epsilon, *numbers)
    weights = _codes(rng, max(1, command.kh * command.kw) * command.ifm_c * command.ofm_c)
    return canonical + params.ljust(WEIGHTS - PARAMS, b"\xAA") + weights
