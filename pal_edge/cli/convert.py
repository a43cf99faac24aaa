"""`pal-edge convert`: an ONNX model and calibration data in, model.pal out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..report import Report
from ..spec.targets import DEFAULT_TARGET, TARGETS
from . import files, output


@click.command()
@click.argument("model", type=files.SOURCE)
@click.option("--calib", required=True, metavar="FILE|random",
              help="Typical inputs: an .npz with an array [samples, ...] for each input, an .npy for a model "
                   "with one, or `random` (poor accuracy).")
@click.option("-o", "--output", "sink", type=files.SINK, help="[default: the model's name, ending in .pal]")
@click.option("--target", type=click.Choice(list(TARGETS)), default=DEFAULT_TARGET, show_default=True)
@click.option("--optimize", type=click.Choice(["default", "none", "search"]), default="default", show_default=True,
              help="How hard to work on accuracy: `none` rounds plainly, `search` also tries other scales (slow).")
@click.option("--shrink", type=click.FloatRange(0, 1, max_open=True), default=0.0, metavar="STRENGTH",
              help="Trade accuracy for a smaller file: 0 is lossless, 0.0005 saves a fifth to a third.")
@output.json_option
def convert(model: Path, calib: str, sink: Path | None, target: str, optimize: Any, shrink: float,
            as_json: bool) -> None:
    """Compile the ONNX file MODEL and report on it.

    The table says what every layer costs and how far, in dB, its signal is above its error; the error is
    measured against float on the calibration data.
    """
    from .. import convert as compile_model  # ONNX Runtime takes a while to import
    from ..compiler.frontend import import_model

    sink = sink or model.with_suffix(".pal")
    files.check_sink(sink, model)
    calibration: str | files.Arrays = calib
    if calib != "random":
        calibration = files.read_arrays(Path(calib), lambda: import_model(model).graph.inputs)
    with output.progress() as progress:
        compiled = compile_model(model, calibration, target=target, optimize=optimize, shrink=shrink,
                                 progress=progress)
    compiled.save(sink)
    if as_json:
        output.print_json({"model": str(sink), **asdict(compiled.report)})
    else:
        show(compiled.report)
        if shrink:
            figures = compiled.trace["quantizer"]
            lossless = figures.get("improved_db", figures["plain_db"])
            print(f"shrink  final SQNR {figures['shrunk_db']} dB; without it {lossless} dB")
        print(f"wrote {sink}")


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
