"""`pal-edge verify`: find the first layer that goes wrong."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import files, output, samples

if TYPE_CHECKING:
    from ..verify import Verification


@click.command()
@click.argument("model", type=files.SOURCE)
@click.option("--onnx", "original", type=files.SOURCE, required=True, help="What MODEL was made from.")
@click.option("--data", required=True, metavar="FILE|FOLDER", help="Samples, as for `convert --calib`.")
@click.option("--samples", "limit", type=click.IntRange(min=1), metavar="N", help="Use the first N samples.")
@click.option("--min-sqnr", type=float, metavar="DB", default=10.0, show_default=True,
              help="A layer whose signal is less than this above its error is bad.")
@click.option("--device", default="sim", show_default=True, metavar="URI", help="See `pal-edge devices`.")
@click.option("--reproduce", type=click.Path(path_type=Path), metavar="DIR",
              help="Write the first bad layer, as a network of its own, and its data into this new folder.")
@samples.image_options
@output.json_option
def verify(model: Path, original: Path, data: str, limit: int | None, min_sqnr: float, device: str,
           reproduce: Path | None, as_json: bool, **image: Any) -> int:
    """Compare MODEL with its original, layer by layer.

    ONNX Runtime computes the float value of every layer. Saturated values are beyond the largest code,
    underflowed ones have no code but zero. Of the first bad layer it says why. The exit code is 1 if a
    layer is bad or the self test fails.
    """
    from ..verify import verify as compare

    arrays = samples.read(data, original, samples.preprocessing(**image)).arrays
    with output.progress() as progress:
        result = compare(model, original, arrays, limit=limit, min_sqnr_db=min_sqnr, device=device,
                         progress=progress, reproducer=reproduce)
    if as_json:
        output.print_json({"passed": result.passed, **asdict(result),
                           "first_bad": result.first_bad and result.first_bad.name})
    else:
        show(result)
        if reproduce:
            print(f"wrote {reproduce}" if result.first_bad else f"nothing to reproduce: {reproduce} was not made")
    return 0 if result.passed else 1


def show(result: Verification) -> None:
    output.table(
        ("layer", "op", "nodes", ">SQNR dB", ">max error", ">saturated", ">underflow", ">values", ""),
        [(layer.name, layer.op, output.shorten(layer.sources), output.decibel(layer.sqnr_db),
          f"{layer.max_error:.4g}", output.number(layer.saturated), output.number(layer.underflowed),
          output.number(layer.count), "" if layer.sqnr_db >= result.min_sqnr_db else "bad")
         for layer in result.layers])
    print()
    bad = result.first_bad
    print("self test: " + ("passed" if result.self_test else "FAILED: the device computes something else"))
    if bad:
        print(f"first bad layer: {bad.name} ({bad.op}), {output.decibel(bad.sqnr_db)} dB, "
              f"less than {result.min_sqnr_db:g} dB")
        if result.diagnosis:
            print(f"why: {result.diagnosis.text}")
    else:
        print(f"layers: all at least {result.min_sqnr_db:g} dB on {result.samples} samples")
