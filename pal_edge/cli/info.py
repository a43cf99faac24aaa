"""`pal-edge info`: what a board is and what it runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from ..spec.link import RESET_REASON_TEXT, SLOT_STATE_TEXT
from ..spec.targets import TARGETS
from . import board_option, output


@click.command()
@board_option.device
@output.json_option
def info(device: str | None, as_json: bool) -> None:
    """Show what the board is, what it runs and what is in its slots."""
    with board_option.connect(device) as board:
        uri, identity, slots = board.uri, board.identify(), board.slots()
    if as_json:
        output.print_json({"uri": uri, **_plain(identity), "slots": [_plain(slot) for slot in slots]})
        return
    target = next((t.name for t in TARGETS.values() if t.id == identity.target), f"target {identity.target}")
    engine = (f"{target}, ABI {identity.engine_abi >> 16}.{identity.engine_abi & 0xFFFF}, "
              f"{identity.clock_hz / 1e6:g} MHz" if identity.engine_abi else "not found")
    output.pairs([
        ("board", f"{identity.board}, serial number {identity.serial}"),
        ("device", uri),
        ("firmware", identity.summary),
        ("security counter", identity.security_counter),
        ("engine", engine),
        ("memory", f"{output.size(identity.memory_size)} for sessions, largest free piece "
                   f"{output.size(identity.memory_free)}"),
        ("store", output.size(identity.store_size)),
        ("started by", f"{RESET_REASON_TEXT[identity.reset_reason]}, {identity.uptime_ms / 1000:.1f} s ago"),
    ])
    if identity.crashed:
        print("a crash record waits: pal-edge monitor shows it")
    output.table((">slot", "state", "version", ">size", ">counter", "SHA-256"),
                 [(f"{i} *" if slot.running else i, SLOT_STATE_TEXT[slot.state], slot.version or "-",
                   output.size(slot.size) if slot.size else "-", slot.security_counter,
                   slot.digest.hex()[:16] if slot.size else "-") for i, slot in enumerate(slots)], "\nslots (* runs)")


def _plain(record: Any) -> dict[str, Any]:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in asdict(record).items()}
