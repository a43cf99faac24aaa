"""`pal-edge devices`: what a model can run on."""

from __future__ import annotations

from dataclasses import asdict

import click

from . import output


@click.command()
@output.json_option
def devices(as_json: bool) -> None:
    """List the devices that are there, each by its URI: the simulator, and boards with what they run."""
    from .. import devices as find

    found = find()
    if as_json:
        output.print_json([asdict(each) for each in found])
        return
    output.table(("uri", "description", "serial number", "slots", "runs"),
                 [(each.uri, each.description, each.serial or "-", " ".join(each.slots) or "-",
                   each.firmware or each.problem or "-") for each in found])
