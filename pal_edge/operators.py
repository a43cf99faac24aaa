"""The supported operators, as the importer knows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .compiler.frontend import operators as _registered  # noqa: F401  (its modules register their handlers)
from .compiler.frontend.nodes import HANDLERS, PLACES, Place
from .compiler.frontend.patterns import PATTERNS
from .compiler.frontend.prepare import OPSET_MIN

PLACE_TEXT: dict[Place, str] = {
    "engine": "in commands of its own",
    "table": "on the engine, as a table of 256 entries at the end of the command before it; "
             "in a command of its own where there is none",
    "free": "inside the command before it, or as a change of addresses; in a command of its own where neither can be",
    "CPU": "in the driver's C code",
}


@dataclass(frozen=True)
class Operator:
    """One family of ONNX operators: what is supported of it, and where it runs."""

    ops: tuple[str, ...]
    runs: Place
    supported: str


def operators() -> tuple[Operator, ...]:
    """Return every family, by the name of its first operator."""
    families: dict[Callable[..., None], list[str]] = {}
    for op, handler in HANDLERS.items():
        families.setdefault(handler, []).append(op)
    found = (Operator(tuple(ops), PLACES[ops[0]], _first_line(handler)) for handler, ops in families.items())
    return tuple(sorted(found, key=lambda operator: operator.ops))


def _first_line(handler: Callable[..., None]) -> str:
    return (handler.__doc__ or "").strip().splitlines()[0]


def markdown() -> str:
    """Return the page docs/operators.md."""
    rows = [f"| {', '.join(each.ops)} | {each.runs} | {each.supported} |" for each in operators()]
    return "\n".join([
        "# Operators", "",
        f"What `pal-edge convert` takes, of ONNX opsets from {OPSET_MIN} to the newest that the installed onnx "
        "package knows. `make generate` writes this page from the importer itself (`pal-edge ops --markdown`).", "",
        "Shapes are static, but for the batch. Nodes whose inputs are all constant are computed at conversion, "
        "whatever their operator.", "",
        "| ONNX operator | runs | supported |", "|---|---|---|", *rows, "",
        "Where it runs:", "", *(f"- **{place}**: {text}" for place, text in PLACE_TEXT.items()), "",
        "These functions become one table also where they are written as several nodes, in any spelling: "
        f"{', '.join(PATTERNS)}.", "",
    ])
