"""Arrays from and to .npy and .npz files."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

Arrays = dict[str, NDArray[Any]]

SOURCE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
SINK = click.Path(dir_okay=False, path_type=Path)


def read_arrays(path: Path, input_names: Callable[[], Sequence[str]]) -> Arrays:
    """Return the arrays of an .npz by name; that of an .npy is for the model's only input.

    Raises InputError where the file is no such file, or an .npy and the model has several inputs.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.lib.npyio.NpzFile):
            with loaded:
                return {name: loaded[name] for name in loaded.files}
    except (ValueError, EOFError, zipfile.BadZipFile, KeyError, SyntaxError) as error:
        raise InputError(f"{path}: no .npy or .npz file of numeric arrays ({error}); "
                         "write one with numpy.save or numpy.savez") from error
    names = input_names()
    if len(names) != 1:
        raise InputError(f"{path}: the model has {len(names)} inputs ({', '.join(names)}); "
                         "give an .npz with an array for each")
    return {names[0]: loaded}


def check_sink(path: Path, source: Path, suffixes: Sequence[str] = ()) -> None:
    """Refuse an output file early, before the long work that makes it; `source` must not be overwritten.

    Raises InputError.
    """
    if suffixes and path.suffix not in suffixes:
        raise InputError(f"{path}: the name must end in {' or '.join(suffixes)}")
    if path.resolve() == source.resolve():
        raise InputError(f"{path}: the output would replace the input; name another file with -o")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: its folder does not exist")
    if not os.access(path.absolute().parent, os.W_OK):
        raise InputError(f"{path}: its folder is not writable")


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write an .npz, or with one array an .npy, in one step.

    Raises InputError where several arrays meet an .npy.
    """
    if path.suffix == ".npy" and len(arrays) != 1:
        raise InputError(f"{path}: the model has {len(arrays)} outputs; write an .npz")
    with replacing(path) as file:
        if path.suffix == ".npy":
            np.save(file, next(iter(arrays.values())))
        else:
            np.savez(file, **arrays)  # type: ignore[arg-type]


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Write beside `path` and take its place at the end; a failure leaves what was there before."""
    handle, temporary = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
