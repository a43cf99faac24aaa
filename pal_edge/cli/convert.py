"""`pal-edge convert`: an ONNX model and calibration data in, model.pal out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from ..container import Model
from ..report import Report
from ..spec.targets import DEFAULT_TARGET, TARGETS
from . import files, limits, output, samples


@click.command()
@click.argument("model", type=files.SOURCE)
@click.option("--calib", required=True, metavar="FILE|FOLDER|random",
              help=samples.HELP + "; or `random` (poor accuracy).")
@click.option("-o", "--output", "sink", type=files.SINK, help="[default: the model's name, ending in .pal]")
@click.option("--target", type=click.Choice(list(TARGETS)), default=DEFAULT_TARGET, show_default=True)
@click.option("--optimize", type=click.Choice(["default", "none", "search"]), default="default", show_default=True,
              help="How hard to work on accuracy: `none` rounds plainly, `search` also tries other scales (slow).")
@click.option("--shrink", type=click.FloatRange(0, 1, max_open=True), default=0.0, metavar="STRENGTH",
              help="Trade accuracy for a smaller file: 0 is lossless, 0.0005 saves a fifth to a third.")
@click.option("--report", "page", type=files.SINK, metavar="FILE",
              help="Also write the full report: a page (.html) that needs no network, or data (.json).")
@click.option("--strict", is_flag=True, help="Fail if an operator would not run on the engine.")
@click.option("--budget", type=files.SOURCE, metavar="FILE",
              help="Fail if a limit in this .toml or .json file is exceeded: " + ", ".join(limits.NAMES) + ".")
@samples.image_options
@output.json_option
def convert(model: Path, calib: str, sink: Path | None, target: str, optimize: Any, shrink: float,
            page: Path | None, strict: bool, budget: Path | None, as_json: bool, **image: Any) -> int:
    """Compile the ONNX file MODEL and report on it.

    The table says what every layer costs and how far, in dB, its signal is above its error; the error is
    measured against float on the calibration data. The exit code is 1, and nothing is written, if --strict
    or --budget are not met.
    """
    from .. import convert as compile_model  # ONNX Runtime takes a while to import

    sink = sink or model.with_suffix(".pal")
    files.check_sink(sink, model)
    if page:
        files.check_sink(page, model, (".html", ".json"))
        if page.resolve() == sink.resolve():
            raise click.UsageError(f"{page}: the model and its report need different names")
    allowed = limits.read_budget(budget) if budget else {}
    given = samples.read(calib, model, samples.preprocessing(**image)) if calib != "random" else None
    calibration: str | files.Arrays = given.arrays if given else calib
    with output.progress() as progress:
        compiled = compile_model(model, calibration, target=target, optimize=optimize, shrink=shrink,
                                 progress=progress)
    if given and given.options:
        options = {**compiled.provenance["options"], "inputs": given.options}
        compiled = replace(compiled, provenance={**compiled.provenance, "options": options})
    on_cpu, exceeded = limits.cpu_operators(compiled), limits.exceeded(compiled, allowed)
    problems = [str(each) for each in exceeded]
    if strict and on_cpu:
        problems.append("not on the engine: " + ", ".join(f"{each.layer} ({each.op})" for each in on_cpu))
    if not problems:
        text = report_text(page.suffix, compiled, calibration) if page else ""
        compiled.save(sink)
        if page:
            with files.replacing(page) as file:
                file.write(text.encode())
    if as_json:
        output.print_json({"model": None if problems else str(sink), **asdict(compiled.report),
                           "cpu_operators": [asdict(each) for each in on_cpu],
                           "exceeded": [asdict(each) for each in exceeded]})
    else:
        show(compiled.report)
        if shrink:
            figures = compiled.trace["quantizer"]
            lossless = figures.get("improved_db", figures["plain_db"])
            print(f"shrink  final SQNR {figures['shrunk_db']} dB; without it {lossless} dB")
        if not problems:
            print(f"wrote {sink}" + (f" and {page}" if page else ""))
    if problems:
        output.fail("; ".join(problems) + "; nothing was written")
    return 1 if problems else 0


def report_text(suffix: str, model: Model, data: Mapping[str, Any] | str) -> str:
    """Return the full report as .html or .json; `data` is what the model was calibrated on."""
    from ..reporting import full_report
    from ..reporting.page import render

    report = full_report(model, data)
    return json.dumps(report.as_data(), allow_nan=False) if suffix == ".json" else render(report)


def show(report: Report) -> None:
    """Print a row for each layer, then the totals."""
    output.table(
        ("layer", "op", "nodes", "shape", ">MACs", ">weights", ">SQNR dB", ">cycles"),
        [(layer.name, layer.op, output.shorten(layer.sources), output.shape(layer.shape),
          output.number(layer.macs), output.number(layer.weight_bytes), output.decibel(layer.sqnr_db),
          output.number(layer.cycles)) for layer in report.layers])
    clock = TARGETS[report.target].clock_hz
    print()
    output.pairs((
        ("target", report.target),
        ("file", f"{output.size(report.file_bytes)}, constants {output.size(report.constant_bytes)}"),
        ("memory", f"SRAM {output.size(report.sram_bytes)}, arena {output.size(report.arena_bytes)}; "
                   f"no schedule of these layers needs less than {output.size(report.memory_lower_bound)}"),
        ("MACs", output.number(report.macs)),
        ("cycles", f"{report.cycles:,} = {output.duration(report.seconds)} at {clock / 1e6:g} MHz"),
    ))
