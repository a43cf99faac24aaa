"""The demo keeps its promise: PAL answers as well as float."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not shutil.which("qemu-system-arm") or not shutil.which("arm-none-eabi-gcc"),
                    reason="the demo runs a virtual board: qemu-system-arm and gcc-arm-none-eabi are not installed")
def test_the_demo_reports_nearly_the_accuracy_of_float_and_the_same_bits_on_a_board(tmp_path):
    done = subprocess.run([sys.executable, "examples/digits/demo.py"], cwd=ROOT, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(tmp_path / "state"),
                               "XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert done.returncode == 0, done.stderr
    in_float, on_pal = map(float, re.search(r"^accuracy +([\d.]+)%.* ([\d.]+)%", done.stdout, re.M).groups())
    assert in_float >= 99.0
    assert on_pal >= in_float - 0.5
    assert "answers bit for bit the simulator's" in done.stdout
