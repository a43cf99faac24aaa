"""MLPerf Tiny's runner on the virtual board's serial line, while a host uses the other port."""

from __future__ import annotations

import numpy as np

from pal_edge.board import connect, flash_model
from tests.firmware.runner import Runner
from tests.firmware.test_mlperf import expected, model, sample
from tests.virtual_board.conftest import Starter


def test_the_runner_drives_the_board(start: Starter) -> None:
    board = start(target="pal-e32")
    with connect(board.usb) as host, Runner(board.serial) as runner:
        assert runner.name() == "pal-edge-virt"
        for task in ("kws01", "ic01", "ad01"):
            flash_model(host, task, model(task).to_bytes(), label=task)
            assert f"m-model-[{task}]" in runner.command(f"model {task}")
            raw = sample(task)
            runner.load(raw)
            found = runner.infer(20, 2)
            np.testing.assert_allclose(found["results"], expected(task, raw), atol=0.0006, rtol=1e-6)
            assert found["end_time"] > found["start_time"]
            assert host.identify().memory_free < host.identify().memory_size
