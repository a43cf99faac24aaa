"""`pal-edge reset`: start the board again."""

from __future__ import annotations

import click

from ..spec.link import Mode
from . import board_option


@click.command()
@board_option.device
@click.option("--bootloader", is_flag=True, help="Stay in the bootloader: recovery mode.")
def reset(device: str | None, bootloader: bool) -> None:
    """Reset the board and wait until it answers again."""
    with board_option.connect(device) as board:
        print(board.restart(Mode.BOOTLOADER if bootloader else Mode.APPLICATION).summary)
