"""Read driver/spec: the hand-written facts, with the derived tables computed here."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "driver" / "spec"
SIZES = {"u8": 1, "i8": 1, "u16": 2, "i16": 2, "u32": 4, "i32": 4}


@dataclass(frozen=True)
class Field:
    """One field of a record: little-endian, at a byte offset, naturally aligned."""

    name: str
    type: str
    offset: int
    count: int
    text: str


def load(name: str) -> dict[str, Any]:
    with open(SPEC / f"{name}.toml", "rb") as file:
        return tomllib.load(file)


def targets() -> list[dict[str, Any]]:
    found = [load(f"targets/{path.stem}") for path in SPEC.glob("targets/*.toml")]
    for target in found:
        if target["pixels"] * target["channels"] != target["macs"]:
            raise ValueError(f"{target['name']}: pixels * channels must equal macs")
    return sorted(found, key=lambda target: target["id"])


def record(entries: list[dict[str, Any]], start: int = 0) -> tuple[list[Field], int]:
    """Lay the entries out one after the other; a misaligned field is an error, never padded."""
    fields, offset = [], start
    for entry in entries:
        size = SIZES[entry["type"]]
        if offset % size:
            raise ValueError(f"field {entry['name']} is misaligned at offset {offset}")
        count = entry.get("count", 1)
        fields.append(Field(entry["name"], entry["type"], offset, count, entry.get("text", "")))
        offset += size * count
    return fields, offset


def command_records(spec: dict[str, Any]) -> tuple[list[Field], dict[str, list[Field]]]:
    common, end = record(spec["field"])
    bodies = {}
    for name, entries in spec["body"].items():
        bodies[name], size = record(entries, end)
        if size != spec["constants"]["SIZE"]:
            raise ValueError(f"body {name} ends at {size}, not {spec['constants']['SIZE']}")
    return common, bodies


def _ceil_root(power: Fraction, scale_bits: int, root: int) -> int:
    """Return ceil(2**power * 2**scale_bits), exactly; power has denominator `root`."""
    wanted = power.numerator * (root // power.denominator) + scale_bits * root
    value = int(2.0 ** (wanted / root))
    while value**root < 1 << wanted:
        value += 1
    while (value - 1) ** root >= 1 << wanted:
        value -= 1
    return value


def arithmetic() -> dict[str, Any]:
    """Return the constants and tables of arithmetic.toml by C-style name."""
    spec = load("arithmetic")
    steps = 1 << spec["format"]["fraction_bits"]
    mantissa = spec["product"]["mantissa"]
    if mantissa != [round(128 * 2 ** (r / steps)) for r in range(steps)]:
        raise ValueError("arithmetic.toml: product.mantissa is not round(128 * 2^(r/16))")
    soft, norm, decode_bits = spec["softmax"], spec["layer_norm"], spec["decode"]["mantissa_bits"]

    def thresholds(bits: int) -> list[int]:
        return [_ceil_root(Fraction(2 * k - 1, 2 * steps), bits - 1, 2 * steps)
                for k in range(1, steps + 1)]

    entries = 1 << soft["index_bits"]
    return {
        "FRACTION_BITS": spec["format"]["fraction_bits"],
        "MAGNITUDE_MAX": spec["format"]["magnitude_max"],
        "SIGN_MASK": spec["format"]["sign_mask"],
        "PRODUCT_SHIFT": spec["product"]["shift"],
        "UNIT_OCTAVES": spec["product"]["unit_octaves"],
        "LIN2LOG_BITS": spec["lin2log"]["mantissa_bits"],
        "FLOAT_BITS": spec["lin2log"]["float_mantissa_bits"],
        "SOFTMAX_Z_BITS": soft["z_bits"],
        "SOFTMAX_Z_LIMIT_BITS": soft["z_limit_bits"],
        "SOFTMAX_EXP_BITS": soft["exp_bits"],
        "SOFTMAX_INDEX_BITS": soft["index_bits"],
        "SOFTMAX_SCALE_BITS": soft["scale_bits"],
        "SOFTMAX_OUTPUT_BIAS": soft["output_bias"],
        "DECODE_BITS": decode_bits,
        "NORM_VALUE_BITS": norm["value_bits"],
        "NORM_ROOT_BITS": norm["root_bits"],
        "NORM_BITS": norm["norm_bits"],
        "PRODUCT_MANTISSA": mantissa,
        "LIN2LOG_THRESHOLDS": thresholds(spec["lin2log"]["mantissa_bits"]),
        "ENCODE_THRESHOLDS": thresholds(spec["lin2log"]["float_mantissa_bits"]),
        "DECODE_MANTISSA": [round(2 ** (decode_bits + r / steps)) for r in range(steps)],
        "NORM_MANTISSA": [round(2 ** (norm["value_bits"] + r / steps)) for r in range(steps)],
        "SOFTMAX_SCALE": [round(2 ** soft["scale_bits"] / math.log(2) * 2 ** (r / steps))
                          for r in range(steps)],
        "SOFTMAX_EXP2": [round(2 ** soft["exp_bits"] * 2 ** (-(i + 0.5) / entries))
                         for i in range(entries)],
        "SOFTMAX_LOG2": [round(2 ** soft["z_bits"] * math.log2(1 + (i + 0.5) / entries))
                         for i in range(entries)],
    }
