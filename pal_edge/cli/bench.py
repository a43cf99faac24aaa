"""`pal-edge bench`: how long a call takes here, and on the engine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import files, output

if TYPE_CHECKING:
    from ..bench import Benchmark

_EXPLAINED = """
latency    seconds from the call of InferenceSession.run to its return, one sample, on this machine
python     float arrays to codes and back, and the rest of run
copy       moving codes into the device's memory and out of it
driver     the C driver: submitting lists, reading counters, the operators that it runs on the CPU
engine     from doorbell to done; on `sim` the time that simulating takes, which says nothing of the engine
cycles     what the engine counts from doorbell to done, modelled on `sim`; the same on every run
modelled   cycles at the target's clock: the engine alone
The split is measured in as many further calls as the latency.
"""


@click.command()
@click.argument("model", type=files.SOURCE)
@click.option("--runs", type=click.IntRange(min=1), default=100, show_default=True, metavar="N")
@click.option("--input", "source", type=files.SOURCE, help="An .npz or .npy with one sample. [default: random codes]")
@click.option("--device", default="sim", show_default=True, metavar="URI", help="See `pal-edge devices`.")
@click.option("--explain", is_flag=True, help="Say what each figure is.")
@output.json_option
def bench(model: Path, runs: int, source: Path | None, device: str, explain: bool, as_json: bool) -> None:
    """Measure the latency of MODEL, call by call, and where the time goes."""
    from ..bench import bench as measure
    from ..container import Model

    loaded = Model.load(model)
    data = files.read_arrays(source, lambda: [each.name for each in loaded.inputs]) if source else None
    with output.progress() as progress:
        result = measure(loaded, data, runs=runs, device=device, progress=progress)
    if as_json:
        output.print_json(asdict(result))
        return
    show(result)
    if explain:
        print(_EXPLAINED.rstrip())


def show(result: Benchmark) -> None:
    times = asdict(result.latency)
    split, total = asdict(result.split), result.split.total
    output.pairs((
        ("latency", ", ".join(f"{name} {output.duration(value)}" for name, value in times.items())
         + f" in {result.runs} calls"),
        *((name, f"{output.duration(value)}, {value / total:.0%}") for name, value in split.items()),
        ("cycles", output.number(result.cycles)),
        ("modelled", f"{output.duration(result.modelled_seconds)} on {result.target}"),
        ("throughput", f"{result.gmacs:.2f} GMAC/s in {result.device}"),
    ))
