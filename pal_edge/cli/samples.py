"""Typical inputs from the command line: arrays, a folder of arrays, or images with a stated preprocessing."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..compiler.frontend import import_model
from ..errors import InputError
from . import files
from .images import IMAGES, Preprocessing, read_image

ARRAYS = (".npy", ".npz")
HELP = ("Typical inputs: an .npz with an array [samples, ...] for each input, an .npy for a model with one, "
        "a folder or a 'glob' of them, or one of images (.png, .jpg, .bmp)")


@dataclass(frozen=True)
class Samples:
    """Arrays by input name, and how they were made, for the records."""

    arrays: files.Arrays
    options: dict[str, Any]


def image_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what says how images become inputs; `preprocessing` collects it."""
    for decorate in reversed((
        click.option("--scale", type=float, metavar="X",
                     help="Images: input = (pixel * scale - mean) / std. [default: 1/255]"),
        click.option("--mean", metavar="X[,X,X]", help="Images: for all channels, or for each. [default: 0]"),
        click.option("--std", metavar="X[,X,X]", help="Images: likewise. [default: 1]"),
        click.option("--layout", type=click.Choice(["NCHW", "NHWC"]),
                     help="Images: order of the input's axes. [default: from the model's input]"),
        click.option("--rgb/--bgr", default=None, help="Images: order of the channels. [default: rgb]"),
        click.option("--crop", is_flag=True, default=None,
                     help="Images: cut out the largest centred part of the input's proportions; without it they "
                          "are stretched."),
    )):
        command = decorate(command)
    return command


def preprocessing(scale: float | None, mean: str | None, std: str | None, layout: str | None, rgb: bool | None,
                  crop: bool | None) -> Preprocessing | None:
    """Return what the options of `image_options` say, None where none was given. Raises click.BadParameter."""
    if all(value is None for value in (scale, mean, std, layout, rgb, crop)):
        return None
    deviation = _numbers("--std", std, (1.0,))
    if 0.0 in deviation:
        raise click.BadParameter("--std must not be 0")
    return Preprocessing(1 / 255 if scale is None else scale, _numbers("--mean", mean, (0.0,)), deviation, layout,
                         "bgr" if rgb is False else "rgb", bool(crop))


def _numbers(option: str, text: str | None, default: tuple[float, ...]) -> tuple[float, ...]:
    if text is None:
        return default
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{option} {text!r} is no number and no list such as 0.485,0.456,0.406") from None


def read(source: str, model: Path, how: Preprocessing | None) -> Samples:
    """Return the samples that `source` names, for the inputs of the ONNX file `model`.

    Raises InputError where there are none, where they are mixed or do not fit the model.
    """
    paths = _paths(source)
    if paths[0].suffix.lower() in IMAGES:
        return _from_images(paths, model, how or Preprocessing())
    if how is not None:
        raise InputError(f"{source}: --scale, --mean, --std, --layout, --rgb, --bgr and --crop are for images; "
                         "arrays are taken as they are")
    if paths == [Path(source)]:
        return Samples(files.read_arrays(paths[0], lambda: import_model(model).graph.inputs), {})
    return Samples(_joined(paths, model), {"files": len(paths)})


def _paths(source: str) -> list[Path]:
    """Return the files, of one kind, by name."""
    path = Path(source)
    if path.is_dir():
        found = [each for each in path.iterdir() if each.suffix.lower() in (*ARRAYS, *IMAGES)]
    elif path.exists():
        return [path]
    else:
        found = [Path(each) for each in glob.glob(source, recursive=True) if Path(each).is_file()]
        if not found and not glob.has_magic(source):
            raise InputError(f"{source}: no such file or folder; give data, or random for a first try")
    if not found:
        raise InputError(f"{source}: no .npz, .npy, .png, .jpg or .bmp files there")
    for kind in (ARRAYS, IMAGES):
        others = [each for each in found if each.suffix.lower() not in kind]
        if not others:
            return sorted(found)
    raise InputError(f"{source}: arrays and images are mixed there ({_mixture(found)}); name one kind, "
                     f"such as '{path if path.is_dir() else path.parent}/*.npy'")


def _mixture(found: Sequence[Path]) -> str:
    return ", ".join(sorted({each.suffix.lower() or each.name for each in found}))


def _joined(paths: Sequence[Path], model: Path) -> files.Arrays:
    """Return the samples of all files in one array an input; a file may hold one sample or several."""
    graph = import_model(model).graph
    parts: dict[str, list[Any]] = {name: [] for name in graph.inputs}
    for path in paths:
        arrays = files.read_arrays(path, lambda: graph.inputs)
        if set(arrays) != set(parts):
            raise InputError(f"{path}: has {', '.join(map(repr, sorted(arrays))) or 'nothing'}; "
                             f"the model's inputs are {', '.join(map(repr, graph.inputs))}")
        for name, array in arrays.items():
            parts[name].append(_batch(path, name, array, graph.shapes[name]))
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def _batch(path: Path, name: str, array: Any, shape: tuple[int, ...]) -> Any:
    """Return [samples, ...] where the first axis of a model's input of batch 1 counts the samples."""
    sample = shape[1:] if shape[:1] == (1,) else shape
    if array.shape == sample:
        return array[None]
    if array.shape[1:] == sample:
        return array
    raise InputError(f"{path}: {name!r} has shape {list(array.shape)}; wanted {list(sample)} or "
                     f"[samples, {', '.join(map(str, sample))}]")


def _from_images(paths: Sequence[Path], model: Path, how: Preprocessing) -> Samples:
    graph = import_model(model).graph
    if len(graph.inputs) != 1:
        raise InputError(f"{paths[0]}: images are for models with one input; this one has {len(graph.inputs)} "
                         f"({', '.join(graph.inputs)}): give an .npz with an array for each")
    (name,) = graph.inputs
    how = how.completed(name, graph.shapes[name])

    def each() -> Iterator[Any]:
        for path in paths:
            yield read_image(path, graph.shapes[name], how)

    return Samples({name: np.stack(list(each()))}, {"images": len(paths), **how.record()})
