"""`pal-edge inspect`: what is in a model.pal."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..container import Model
from ..spec.commands import Command, Opcode
from ..spec.registers import Region
from . import files, output


@click.command()
@click.argument("model", type=files.SOURCE)
@click.option("--commands", is_flag=True, help="Also list every command with all its fields that are not 0.")
@output.json_option
def inspect(model: Path, commands: bool, as_json: bool) -> None:
    """Show what is in MODEL and where it came from."""
    loaded = Model.load(model)
    if as_json:
        output.print_json(describe(loaded, commands))
        return
    _show_summary(loaded)
    _show_tensors(loaded)
    output.table(("section", ">offset", ">bytes", ">decoded", ">CRC-32"),
                 [(s.name, output.number(s.offset), output.number(s.size), output.number(s.decoded_size),
                   f"{s.crc:08x}") for s in loaded.sections()], "\nsections")
    _show_layers(loaded)
    if commands:
        output.table((">", "opcode", "layer", "from", "to", "other fields"),
                     [_command_row(i, c, loaded) for i, c in enumerate(loaded.commands)], "\ncommands")


def describe(model: Model, commands: bool) -> dict[str, Any]:
    """Return the same facts as plain data."""
    facts: dict[str, Any] = {
        "target": model.target.name,
        "file_bytes": len(model.to_bytes()),
        "regions": {"arena": model.arena_size, "sram": model.sram_size, "input": model.input_size,
                    "output": model.output_size},
        "known_answer": model.known_answer and {"seed": model.known_answer.seed,
                                                "output": model.known_answer.output.hex()},
        "provenance": model.provenance,
        "inputs": [_tensor(t) for t in model.inputs],
        "outputs": [_tensor(t) for t in model.outputs],
        "sections": [asdict(s) for s in model.sections()],
        "layers": [asdict(layer) for layer in model.layers],
    }
    if commands:
        facts["commands"] = [{"opcode": Opcode(c.opcode).name, **_fields(c)} for c in model.commands]
    return facts


def _tensor(tensor: Any) -> dict[str, Any]:
    return {**asdict(tensor), "region": tensor.region.name, "size": tensor.size}


def _fields(command: Command) -> dict[str, int]:
    return {name: int(value) for name, value in asdict(command).items() if value and name != "opcode"}


def _show_summary(model: Model) -> None:
    kat = model.known_answer
    rows: list[tuple[str, object]] = [
        ("target", model.target.name),
        ("file", output.size(len(model.to_bytes()))),
        ("memory", f"SRAM {output.size(model.sram_size)}, arena {output.size(model.arena_size)}, "
                   f"input {output.size(model.input_size)}, output {output.size(model.output_size)}"),
        ("self test", f"seed {kat.seed}, {output.size(len(kat.output))}" if kat else "none"),
    ]
    for name, value in model.provenance.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {each}" for key, each in value.items())
        rows.append((name.replace("_", " "), value))
    output.pairs(rows)


def _show_tensors(model: Model) -> None:
    output.table(
        ("tensor", "region", "shape", ">bias", "stored as", ">offset", ">bytes"),
        [(t.name, t.region.name, output.shape(t.shape, t.dynamic_batch), t.bias,
          ",".join(map(str, t.order)), output.number(t.offset), output.number(t.size))
         for t in model.tensors],
        "\ntensors")


def _show_layers(model: Model) -> None:
    output.table((">", "layer", "op", ">MACs", "commands"),
                 [(i, layer.name, layer.op, output.number(layer.macs),
                   f"{layer.first_command}..{layer.first_command + layer.command_count - 1}"
                   if layer.command_count else "-") for i, layer in enumerate(model.layers)], "\nlayers")


def _command_row(index: int, command: Command, model: Model) -> tuple[object, ...]:
    def place(region: int, offset: int, *extent: int) -> str:
        return f"{Region(region).name}+{offset} {output.shape(extent)}"

    c = command
    shown = {"layer", "ifm_region", "ifm_offset", "ifm_h", "ifm_w", "ifm_c",
             "ofm_region", "ofm_offset", "ofm_h", "ofm_w", "ofm_c"}
    others = " ".join(f"{name}={value}" for name, value in _fields(c).items() if name not in shown)
    return (index, Opcode(c.opcode).name, model.layers[c.layer].name,
            place(c.ifm_region, c.ifm_offset, c.ifm_h, c.ifm_w, c.ifm_c),
            place(c.ofm_region, c.ofm_offset, c.ofm_h, c.ofm_w, c.ofm_c), others)
