"""`pal-edge run`: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from . import files, output

PREVIEW = 8


@click.command()
@click.argument("model", type=files.SOURCE)
@click.option("--input", "source", type=files.SOURCE, required=True,
              help="An .npz with an array [samples, ...] for each input; an .npy for a model with one.")
@click.option("-o", "--output", "sink", type=files.SINK, help="Write the outputs to this .npz or .npy.")
@click.option("--device", default="sim", show_default=True, metavar="URI", help="See `pal-edge devices`.")
@click.option("--codes", is_flag=True, help="Take and give raw PAL8 codes (uint8) in place of float values.")
@output.json_option
def run(model: Path, source: Path, sink: Path | None, device: str, codes: bool, as_json: bool) -> None:
    """Run MODEL on every sample of the input file."""
    from .. import InferenceSession

    if sink:
        files.check_sink(sink, source, (".npz", ".npy"))
    with InferenceSession(model, device=device) as session:
        feeds = files.read_arrays(source, lambda: [each.name for each in session.get_inputs()])
        results: Sequence[NDArray[Any]] = (session.run_codes if codes else session.run)(None, feeds)
        named = dict(zip([each.name for each in session.get_outputs()], results, strict=True))
        cycles, count = session.counters.cycles_per_inference, session.counters.inferences
        engine, wall = session.engine_seconds / count, session.wall_seconds / count
    if sink:
        files.write_arrays(sink, named)
    if as_json:
        output.print_json({
            "outputs": {name: {"shape": array.shape, "type": str(array.dtype), "values": array.tolist()}
                        for name, array in named.items()},
            "cycles_per_inference": cycles, "engine_seconds_per_inference": engine,
            "host_wall_seconds_per_inference": wall})
        return
    for name, array in named.items():
        print(f"{output.one_line(name)}  {array.dtype} {output.shape(array.shape)}")
        if not sink:
            print(np.array2string(array, threshold=PREVIEW * 10, edgeitems=PREVIEW // 2, precision=4,
                                  max_line_width=100, suppress_small=True))
    print(f"{cycles:,.0f} engine cycles an inference = {output.duration(engine)} of its clock; "
          f"{output.duration(wall)} on this host's" + (f"; wrote {sink}" if sink else ""))
