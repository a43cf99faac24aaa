"""`pal-edge models`: what is in the board's store."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ..spec.targets import TARGETS
from . import board_option, files, output


@click.group()
def models() -> None:
    """List, fetch and remove the models on a board; `pal-edge flash` adds them."""


@models.command("list")
@board_option.device
@output.json_option
def list_models(device: str | None, as_json: bool) -> None:
    """List the models on the board and the room that is left."""
    with board_option.connect(device) as board:
        found, store = board.models(), board.store()
    if as_json:
        output.print_json({"models": [{**asdict(each), "digest": each.digest.hex()} for each in found],
                           "store": asdict(store)})
        return
    names = {target.id: target.name for target in TARGETS.values()}
    if found:
        output.table(("name", ">size", "target", "MLPerf task", "SHA-256"),
                     [(m.name, output.size(m.size), names.get(m.target, f"target {m.target}"), m.label or "-",
                       m.digest.hex()[:16]) for m in found])
    else:
        print("no models")
    print(f"{output.size(store.free)} of {output.size(store.size)} free, "
          f"the largest model that fits {output.size(store.largest)}")


@models.command()
@click.argument("name")
@board_option.device
def rm(name: str, device: str | None) -> None:
    """Remove the model NAME from the board."""
    with board_option.connect(device) as board:
        board.remove(name)
    print(f"removed {output.one_line(name)}")


@models.command()
@click.argument("name")
@click.option("-o", "--output", "sink", type=files.SINK, help="File to write; default: NAME.pal.")
@board_option.device
def fetch(name: str, sink: Path | None, device: str | None) -> None:
    """Copy the model NAME from the board into a file."""
    path = sink or Path(f"{name}.pal")
    files.check_sink(path, Path(name))
    with board_option.connect(device) as board:
        data = board.fetch(name)
    with files.replacing(path) as file:
        file.write(data)
    print(f"wrote {path}, {output.size(len(data))}")
