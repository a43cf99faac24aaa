"""`pal-edge flash`: a model or firmware onto a board."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from ..errors import ContainerError, ImageError, InputError
from ..spec.container import MAGIC
from . import board_option, files, output

if TYPE_CHECKING:
    from ..board import Board
    from ..board.flash import FlashResult

IMAGE_MAGIC = bytes.fromhex("3db8f396")
Report = Callable[[int, int, int], None]


@click.command()
@click.argument("file", type=files.SOURCE)
@board_option.device
@click.option("--slot", "name", metavar="NAME",
              help="Name of the model on the board; default: the file's name without its ending.")
@click.option("--mlperf", type=click.Choice(("ad01", "ic01", "kws01", "vww01")),
              help="The board answers the MLPerf Tiny runner with this model, as this task.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and change nothing.")
@click.option("--no-restart", is_flag=True, help="Leave new firmware for the next reset.")
@output.json_option
def flash(file: Path, device: str | None, name: str | None, mlperf: str | None, dry_run: bool, no_restart: bool,
          as_json: bool) -> None:
    """Write FILE, a model.pal or signed firmware, onto the board.

    Sectors that are right already are skipped, what the board has elsewhere is copied there, the rest is compressed;
    the board checks the digest of the whole. An interrupted transfer goes on where it was. New firmware boots on
    trial: it stays only if its self-test passes.
    """
    from ..board.flash import flash_image, flash_model
    from ..board.image import Image

    data = file.read_bytes()
    firmware = _is_firmware(file, data, name or mlperf)
    try:
        image = Image.parse(data) if firmware else None
        with board_option.connect(device) as board:
            with _bar(file.name) as report:
                if image:
                    result = flash_image(board, image, progress=report, dry_run=dry_run)
                else:
                    result = flash_model(board, name or file.stem, data, label=mlperf or "", progress=report,
                                         dry_run=dry_run)
            started = None
            if image and not (dry_run or no_restart or result.already):
                started = _restart(board, result.slot)
    except (ContainerError, ImageError) as error:
        raise type(error)(f"{file}: {error}") from error
    if as_json:
        output.print_json({"kind": "firmware" if image else "model", "dry_run": dry_run, **asdict(result),
                           "rate": _rate(result), "runs": started})
        return
    print(_outcome(result, dry_run))
    if started:
        print(started)


def _is_firmware(path: Path, data: bytes, for_model: str | None) -> bool:
    if data[: len(IMAGE_MAGIC)] == IMAGE_MAGIC:
        if for_model:
            raise InputError(f"{path} is firmware; --slot and --mlperf are for models")
        return True
    if data[: len(MAGIC)] != MAGIC:
        raise InputError(f"{path}: neither a PAL model nor signed firmware; convert a model with `pal-edge convert`, "
                         "sign firmware with imgtool")
    return False


def _restart(board: Board, slot: int) -> str:
    """Boot the new image and see whether it stayed. Raises ImageError if it was given up."""
    identity = board.restart()
    if identity.slot != slot:
        raise ImageError(f"the new firmware in slot {slot} did not pass its trial; "
                         f"the board went back: {identity.summary}; `pal-edge monitor --once` shows its log")
    return identity.summary


def _rate(result: FlashResult) -> float:
    return result.size / result.seconds if result.seconds else 0.0


def _outcome(result: FlashResult, dry_run: bool) -> str:
    if result.already:
        return "nothing to do: the board has exactly this, in use"
    counts = (f"{result.skipped} of {result.sectors} sectors unchanged, {output.size(result.copied)} copied on the "
              f"board, {output.size(result.sent)} to send")
    if dry_run:
        return f"would write {output.size(result.size)}: {counts}; nothing was changed"
    again = f", the link broke {result.reconnects} times" if result.reconnects else ""
    return (f"wrote {output.size(result.size)} in {output.duration(result.seconds)} "
            f"({output.size(int(_rate(result)))}/s), digest verified: {counts.replace('to send', 'sent')}{again}")


@contextmanager
def _bar(name: str) -> Iterator[Report]:
    """Show bytes, rate and remaining time while the block runs; silent where stderr is no terminal."""
    screen = output.console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(binary_units=True),
               TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task(output.one_line(name), total=None)
        yield lambda done, total, sent: progress.update(task, completed=done, total=total)
