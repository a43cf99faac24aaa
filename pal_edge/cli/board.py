"""`pal-edge board`: virtual boards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..errors import DeviceError
from ..spec.targets import DEFAULT_TARGET, TARGETS
from . import output

_name = click.option("--name", default="qemu", show_default=True, help="Name of the board.")
_dir = click.option("--dir", "folder", type=click.Path(file_okay=False, path_type=Path),
                    help="Folder that keeps its state; default: one for each name.")


@click.group()
def board() -> None:
    """Start and stop virtual boards: QEMU, and a model of the engine and its board."""


@board.command()
@_name
@_dir
@click.option("--target", type=click.Choice(tuple(TARGETS)), default=DEFAULT_TARGET, show_default=True)
@click.option("--firmware", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Folder with bootloader.elf and application.signed.bin; default: built from source.")
@click.option("--fresh", is_flag=True, help="Begin with empty flash and the factory's firmware.")
@output.json_option
def start(name: str, folder: Path | None, target: str, firmware: Path | None, fresh: bool, as_json: bool) -> None:
    """Switch a board on; it runs until `pal-edge board stop`, and keeps its flash between starts."""
    tools = _tools()
    started = tools.start(folder or tools.folder_of(name), target=target, firmware=firmware, fresh=fresh)
    if as_json:
        output.print_json(_facts(started))
        return
    output.pairs([("serial", started.serial), ("usb", started.usb), ("folder", started.folder)])
    which = f" --dir {folder}" if folder else "" if name == "qemu" else f" --name {name}"
    print(f"stop it with: pal-edge board stop{which}")


@board.command()
@_name
@_dir
@click.option("--all", "every", is_flag=True, help="Stop every board of this user.")
def stop(name: str, folder: Path | None, every: bool) -> None:
    """Switch a board off."""
    tools = _tools()
    found = tools.running() if every else [tools.find(folder or tools.folder_of(name))]
    for each in found:
        each.stop()
        print(f"stopped {each.folder}")


@board.command()
@output.json_option
def status(as_json: bool) -> None:
    """List the boards that run."""
    found = [(each, each.ask("status")) for each in _tools().running()]
    if as_json:
        output.print_json([{**_facts(each), **state} for each, state in found])
        return
    output.table(("folder", "serial", "usb", "target", "power", ">flash operations", ">power cuts"),
                 [(each.folder, each.serial, each.usb, each.target, "on" if state["powered"] else "off",
                   output.number(state["flash_operations"]), state["power_cuts"]) for each, state in found])


@board.command()
@_name
@_dir
def log(name: str, folder: Path | None) -> None:
    """Print what the board model and QEMU said since the last start; the firmware's log is `pal-edge monitor`."""
    tools = _tools()
    print(tools.log(folder or tools.folder_of(name)), end="")


def _facts(started: Any) -> dict[str, Any]:
    return {"serial": started.serial, "usb": started.usb, "dir": str(started.folder), "target": started.target,
            "serial_number": started.serial_number, "pid": started.pid}


def _tools() -> Any:
    from ..link.virtual import boards

    tools = boards()
    if tools is None:
        raise DeviceError("virtual boards are not installed here; install the whole pal-edge distribution")
    return tools
