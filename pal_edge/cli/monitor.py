"""`pal-edge monitor`: what the board logs."""

from __future__ import annotations

import sys
import time

import click

from ..errors import DeviceError, DeviceNotFound, DeviceTimeout, LinkError
from ..spec.link import RESET_REASON_TEXT
from . import board_option, output

WAIT_MS = 1000  # the board answers earlier when it has something to say
RETRY_S = 0.3


@click.command()
@board_option.device
@click.option("--once", is_flag=True, help="Print what is there and end.")
@click.option("--clear-crash", is_flag=True, help="Forget the record of the last crash after showing it.")
def monitor(device: str | None, once: bool, clear_crash: bool) -> None:
    """Print the board's log, follow it, and go on after a reset; Ctrl-C ends it."""
    uri = board_option.resolve(device)
    while True:
        try:
            _follow(uri, once, clear_crash)
            return
        except DeviceError as error:
            if once or not isinstance(error, (LinkError, DeviceTimeout, DeviceNotFound)):
                raise
            print(f"--- {output.one_line(str(error))}; waiting for the board", file=sys.stderr)
            _wait_for(uri)


def _follow(uri: str, once: bool, clear_crash: bool) -> None:
    with board_option.connect(uri) as board:
        identity = board.identify()
        print(f"--- {uri}: {identity.summary}, started by {RESET_REASON_TEXT[identity.reset_reason]}", file=sys.stderr)
        if identity.crashed:
            print(f"--- {board.crash(clear_crash)}", file=sys.stderr)
        position = 0
        while True:
            entry = board.log(position, 0 if once else WAIT_MS)
            if entry.position > position and position:
                print(f"--- {entry.position - position} bytes of the log were lost", file=sys.stderr)
            sys.stdout.write(entry.text)
            sys.stdout.flush()
            position = entry.position + entry.size
            if once and not entry.size:
                return


def _wait_for(uri: str) -> None:
    while True:
        time.sleep(RETRY_S)
        try:
            with board_option.connect(uri):
                return
        except DeviceError:
            continue
