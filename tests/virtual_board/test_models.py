"""The four MLPerf Tiny models on the virtual board: the simulator's bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pal_edge
from host_tools.benchmarks.tasks import TASKS, Task, absent
from pal_edge.board import connect, flash_model
from tests.virtual_board.conftest import Starter

SAMPLES = 20


@pytest.mark.skipif(absent() is not None, reason=str(absent()))
def test_four_models_bit_for_bit(start: Starter) -> None:
    board = start()
    for task in TASKS:
        inputs, model = compiled(task)
        feed = {task.input: inputs[:SAMPLES]}
        with pal_edge.InferenceSession(model) as here, pal_edge.InferenceSession(model, board.usb) as there:
            np.testing.assert_array_equal(there.run(None, feed)[0], here.run(None, feed)[0])
            assert there.counters == here.counters
            assert there.engine_seconds == there.counters.cycles / 200e6


@pytest.mark.skipif(absent() is not None, reason=str(absent()))
def test_a_flashed_model_is_used_in_place_by_its_name(start: Starter, tmp_path: Path) -> None:
    board = start()
    task = TASKS[0]
    inputs, model = compiled(task)
    feed = {task.input: inputs[:3]}
    with connect(f"serial:{board.serial}") as link:
        flash_model(link, "kws", model.to_bytes())
        free = link.identify().memory_free
    with pal_edge.InferenceSession(model) as here, pal_edge.InferenceSession("kws", board.usb) as there:
        np.testing.assert_array_equal(there.run(None, feed)[0], here.run(None, feed)[0])
    board.stop()
    board = start()  # the store outlives a power cut, the sessions do not
    with connect(board.usb) as link:
        assert [each.name for each in link.models()] == ["kws"] and link.identify().memory_free == free


def compiled(task: Task) -> tuple[np.ndarray, pal_edge.Model]:
    inputs, _ = task.data()
    return inputs, pal_edge.convert(task.model, {task.input: task.typical(inputs)}, optimize="none")
