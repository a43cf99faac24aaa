"""What all commands print with: tables and text on stdout, one-line errors and progress on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 160  # columns where no terminal says how many it has

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout.")


def console(stderr: bool = False) -> Console:
    width = None if (sys.stderr if stderr else sys.stdout).isatty() else PIPE_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, markup=False)


def one_line(text: str) -> str:
    """Return the text with every run of white space as one blank and nothing unprintable."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def fail(message: str) -> None:
    print(f"error: {one_line(message)}", file=sys.stderr)


def show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """Take the place of warnings.showwarning; other packages' deprecations are not the user's concern."""
    if not issubclass(category, (DeprecationWarning, FutureWarning, ResourceWarning)):
        print(f"warning: {one_line(str(message))}", file=sys.stderr)


def print_json(value: object) -> None:
    """Print strict JSON: infinities and NaN, which it lacks, become null."""

    def plain(item: Any) -> Any:
        if isinstance(item, dict):
            return {str(key): plain(each) for key, each in item.items()}
        if isinstance(item, (list, tuple)):
            return [plain(each) for each in item]
        if hasattr(item, "item"):  # a numpy scalar
            item = item.item()
        return None if isinstance(item, float) and not math.isfinite(item) else item

    print(json.dumps(plain(value), indent=2, allow_nan=False))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Print a table; a column whose name starts with ">" is aligned to the right."""
    shown = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None,
                  pad_edge=False)
    for name in columns:
        shown.add_column(name.lstrip(">"), justify="right" if name.startswith(">") else "left",
                         no_wrap=name.startswith(">"), overflow="fold")
    for row in rows:
        shown.add_row(*(Text(one_line(str(cell))) for cell in row))
    screen = console()
    with screen.capture() as captured:
        screen.print(shown)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def pairs(entries: Iterable[tuple[str, object]]) -> None:
    """Print aligned `name  value` lines."""
    entries = list(entries)
    width = max(len(name) for name, _ in entries)
    for name, value in entries:
        print(f"{name:<{width}}  {one_line(str(value))}")


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:,}"


def decibel(value: float | None) -> str:
    """A SQNR; infinite where nothing differs."""
    if value is None or math.isnan(value):
        return "-"
    return "exact" if value == math.inf else f"{value:.1f}"


def size(count: int) -> str:
    return f"{count:,} B" if count < 1024 else f"{count / 1024:,.1f} KiB"


def duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def shape(dimensions: Sequence[int], dynamic_batch: bool = False) -> str:
    first = ["batch"] if dynamic_batch else []
    return "×".join(first + [str(each) for each in dimensions[len(first):]])


def shorten(names: Sequence[str], limit: int = 32) -> str:
    """Name the first node and how many others there are."""
    if not names:
        return "-"
    first = names[0] if len(names[0]) <= limit else "…" + names[0][1 - limit:]
    return first if len(names) == 1 else f"{first} +{len(names) - 1}"


class ProgressLine:
    """A callable (stage, done, total) that moves a bar on stderr."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bar.add_task(stage, total=total)
        self._bar.update(self._tasks[stage], completed=done, total=total)


@contextmanager
def progress() -> Iterator[ProgressLine]:
    """Show a bar a stage while the block runs; silent where stderr is no terminal."""
    shown = console(stderr=True)
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as bar:
        yield ProgressLine(bar)
