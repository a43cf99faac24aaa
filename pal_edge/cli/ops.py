"""`pal-edge ops`: what can be converted."""

from __future__ import annotations

from dataclasses import asdict

import click

from . import output


@click.command()
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the page docs/operators.md.")
@output.json_option
def ops(as_markdown: bool, as_json: bool) -> None:
    """List the supported ONNX operators, their restrictions, and where they run."""
    from ..operators import PLACE_TEXT, markdown, operators

    if as_json and as_markdown:
        raise click.UsageError("--json and --markdown exclude each other")
    if as_markdown:
        print(markdown(), end="")
    elif as_json:
        output.print_json([asdict(each) for each in operators()])
    else:
        output.table(("operator", "runs", "supported"),
                     [(", ".join(each.ops), each.runs, each.supported) for each in operators()])
        print()
        output.pairs(PLACE_TEXT.items())
