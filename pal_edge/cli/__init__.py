"""The `pal-edge` command.

Exit codes: 0 done · 1 a check found something wrong · 2 it cannot be done as asked, one line says why ·
70 a defect of this package · 130 interrupted · 141 nobody reads the output any more.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Sequence

import click

from ..errors import PalError
from ..version import __version__
from . import output
from .bench import bench
from .board import board
from .convert import convert
from .devices import devices
from .doctor import doctor
from .flash import flash
from .info import info
from .inspect import inspect
from .keys import keys
from .models import models
from .monitor import monitor
from .ops import ops
from .reset import reset
from .run import run
from .verify import verify

__all__ = ["command", "main"]

USER_ERROR, DEFECT, INTERRUPTED, BROKEN_PIPE = 2, 70, 130, 141
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(name="pal-edge", context_settings=_SETTINGS)
@click.version_option(__version__, message="pal-edge %(version)s")
@click.option("--debug", is_flag=True, help="Show where an error was raised; may stand anywhere.")
def command(debug: bool) -> None:
    """Convert ONNX networks for the PAL engine, run them, and check the results."""


for _each in (bench, board, convert, devices, doctor, flash, info, inspect, keys, models, monitor, ops, reset, run,
              verify):
    command.add_command(_each)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; every failure is one line on stderr."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = output.show_warning
        try:
            # Not command.main: it would answer interrupts and closed pipes in its own way.
            with command.make_context("pal-edge", [each for each in given if each != "--debug"]) as context:
                result = command.invoke(context)
            sys.stdout.flush()
            return result if isinstance(result, int) else 0
        except BaseException as error:
            if debug and not isinstance(error, click.exceptions.Exit):
                traceback.print_exc()
            return _explain(error)


def _explain(error: BaseException) -> int:
    """Print one line that says what went wrong, and return the exit code."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.Abort() | KeyboardInterrupt():
            output.fail("interrupted")
            return INTERRUPTED
        case click.exceptions.NoArgsIsHelpError():
            print(error.format_message(), file=sys.stderr)
        case click.UsageError():
            hint = f" (see `{error.ctx.command_path} --help`)" if error.ctx else ""
            output.fail(error.format_message().rstrip(".") + hint)
        case click.ClickException():
            output.fail(error.format_message())
        case PalError():
            output.fail(str(error))
        case BrokenPipeError():
            # The reader of our output has gone, as `head` does; keep the interpreter from flushing into it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return BROKEN_PIPE
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            output.fail(f"{where}{error.strerror or error}")
        case MemoryError():
            output.fail("out of memory; try fewer samples")
        case _:
            output.fail(f"{type(error).__name__}: {error}; this is a defect of pal-edge: "
                        "please report it with the output of the same command and --debug")
            return DEFECT
    return USER_ERROR
