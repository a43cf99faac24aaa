"""Whole models: the driver on the simulator gives the bytes of the numpy engine."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import pal_edge
from pal_edge.container import Model, known_answer_input
from pal_edge.runtime import InferenceSession
from tests.driver.small_model import FOLDER, files, model, run_numpy

ROOT = Path(__file__).parents[2]
MLPERF = Path(os.environ.get("PAL_MLPERF_TINY", ROOT.parent / "shared" / "mlperf_tiny"))


def check(converted: Model, seeds: range) -> None:
    with InferenceSession(converted) as session:
        for seed in seeds:
            data = known_answer_input(seed, converted.input_size)
            assert session.run_region(data) == run_numpy(converted, data)
        assert session.self_test()


def test_the_files_of_the_c_tests_are_up_to_date() -> None:
    for name, content in files().items():
        assert (FOLDER / name).read_bytes() == content, "write it with `python -m tests.driver.small_model`"


@pytest.mark.parametrize("coded", [False, True])
def test_every_opcode_in_one_model(coded: bool) -> None:
    check(model(coded=coded), range(1, 60))


def test_the_coded_model_is_coded() -> None:
    sizes = {section.name: (section.size, section.decoded_size) for section in model(coded=True).sections()}
    stored, decoded = sizes["CONSTANTS"]
    assert stored < decoded


def test_the_example() -> None:
    path = ROOT / "examples" / "digits" / "digits.onnx"
    image = np.random.default_rng(1).random((4, 1, 8, 8), np.float32)
    check(pal_edge.convert(path, {"image": image}, optimize="none"), range(1, 20))


@pytest.mark.parametrize("name", ["ad01", "ic01", "kws01", "vww01"])
def test_mlperf_tiny(name: str) -> None:
    path = MLPERF / f"{name}.onnx"
    if not path.exists():
        pytest.skip(f"{path} is not there; set PAL_MLPERF_TINY")
    with pytest.warns(UserWarning, match="calibrating on random data"):
        converted = pal_edge.convert(path, "random", optimize="none")
    check(converted, range(1, 3))
