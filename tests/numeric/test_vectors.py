"""The vector files are what the oracle makes, and numpy agrees with every record."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pal_edge.numeric import encode, pal8
from pal_edge.numeric.softmax import softmax_log
from pal_edge.spec import arithmetic
from tests.oracle import pal8 as oracle
from tests.oracle import softmax as softmax_oracle
from tests.oracle import vectors


def records(name: str, words: int) -> NDArray[np.int32]:
    return np.fromfile(vectors.FOLDER / name, "<i4").reshape(-1, words)


@pytest.mark.parametrize("name", vectors.FILES)
def test_files_are_what_the_oracle_makes(name: str) -> None:
    assert (vectors.FOLDER / name).read_bytes() == vectors.contents(name)


def test_the_oracle_knows_nothing_of_the_package() -> None:
    for path in Path(oracle.__file__).parent.glob("*.py"):
        imported = re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(), re.MULTILINE)
        assert not {"pal_edge", "host_tools", "numpy"} & set(imported), path


def test_nothing_else_lies_in_the_folder() -> None:
    assert {p.name for p in vectors.FOLDER.iterdir()} == {*vectors.FILES, "README.md"}
    assert sum(p.stat().st_size for p in vectors.FOLDER.iterdir()) < 300_000


def test_generated_tables_are_what_the_oracle_derives() -> None:
    assert oracle.L == [128, 134, 140, 146, 152, 159, 166, 173, 181, 189, 197, 206, 215, 225, 235, 245]
    assert tuple(oracle.L) == arithmetic.PRODUCT_MANTISSA
    assert tuple(oracle.T) == arithmetic.LIN2LOG_THRESHOLDS
    steps = [vectors.float_at(k) & 0x7F_FFFF | 0x80_0000 for k in range(1, 17)]
    assert tuple(steps) == arithmetic.ENCODE_THRESHOLDS
    assert tuple(softmax_oracle.E) == arithmetic.SOFTMAX_SCALE
    assert tuple(softmax_oracle.EXP2) == arithmetic.SOFTMAX_EXP2
    assert tuple(softmax_oracle.LOG2) == arithmetic.SOFTMAX_LOG2


def test_product_of_every_pair_of_bytes() -> None:
    assert np.array_equal(pal8.PRODUCT, records("product.i32", 1).reshape(256, 256))


def test_logarithm_on_both_sides_of_every_step() -> None:
    number, log = records("lin2log.i32", 2).T
    assert np.array_equal(pal8.lin2log(number.view(np.uint32)), log)


def test_requantisation_at_every_clamp() -> None:
    for acc, offset, act_min, act_max, code in records("requantise.i32", 5):
        assert pal8.requantise(acc[None], offset, act_min, act_max) == [code]


def test_encoding_on_both_sides_of_every_step() -> None:
    pattern, bias, code = records("encode.i32", 3).T
    assert np.array_equal(encode(pattern.view(np.float32), bias), code)


def test_softmax() -> None:
    for record in records("softmax.i32", 17):
        log = softmax_log(record[1:9].astype(np.uint8), int(record[0]))
        never = np.zeros(8, np.bool_)
        assert np.array_equal(pal8.finish(log, never, never, 127), record[9:])
