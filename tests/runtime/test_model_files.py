"""What a session says of a file that is not a good model, and of one that is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pal_edge
from pal_edge.errors import ContainerError, PalError, VersionError
from pal_edge.numeric import decode
from pal_edge.runtime import InferenceSession
from tests.driver.small_model import model

DATA = model().to_bytes()


def test_path_bytes_and_model_are_the_same(tmp_path: Path) -> None:
    model().save(tmp_path / "small.pal")
    for source in (tmp_path / "small.pal", str(tmp_path / "small.pal"), DATA, model()):
        with InferenceSession(source) as session:
            assert session.self_test()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContainerError, match="nothing.pal: cannot be read: No such file"):
        InferenceSession(tmp_path / "nothing.pal")
    with pytest.raises(ContainerError, match="cannot be read: Is a directory"):
        InferenceSession(tmp_path)


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "short.pal"
    for size in range(0, len(DATA), 97):
        path.write_bytes(DATA[:size])
        with pytest.raises(ContainerError, match="short.pal: "):
            InferenceSession(path)


def test_a_newer_version_is_named() -> None:
    with pytest.raises(VersionError, match="format version 2.0 is newer than 1"):
        InferenceSession(DATA[:8] + b"\2" + DATA[9:])


@pytest.mark.parametrize("seed", range(300))
def test_a_damaged_byte_is_an_error_of_this_package(seed: int) -> None:
    rng = np.random.default_rng(seed)
    damaged = bytearray(DATA)
    at = int(rng.integers(len(DATA)))
    damaged[at] ^= 1 << int(rng.integers(8))
    try:
        InferenceSession(bytes(damaged)).close()
    except PalError as error:
        assert "\n" not in str(error)
    else:
        assert DATA[at] == 0, "only a gap between sections is not covered by a checksum"


def test_trace_shows_each_layer_in_logical_order() -> None:
    path = Path(__file__).parents[2] / "examples" / "digits" / "digits.onnx"
    image = np.random.default_rng(1).random((1, 1, 8, 8), np.float32)
    converted = pal_edge.convert(path, {"image": image}, optimize="none")
    with InferenceSession(converted) as session:
        found = session.trace({"image": image})
        (output,) = session.run(None, {"image": image})
        last = converted.trace["layers"][-1]
        np.testing.assert_array_equal(decode(found[last["value"]], last["bias"]).reshape(output.shape), output)
        for entry in converted.trace["layers"]:
            assert list(found[entry["value"]].shape) == entry["shape"]
