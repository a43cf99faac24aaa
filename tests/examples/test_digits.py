"""The demo keeps its promise: PAL answers as well as float."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_demo_reports_nearly_the_accuracy_of_float():
    done = subprocess.run([sys.executable, "examples/digits/demo.py"], cwd=ROOT, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    in_float, on_pal = map(float, re.search(r"^accuracy +([\d.]+)%.* ([\d.]+)%", done.stdout, re.M).groups())
    assert in_float >= 99.0
    assert on_pal >= in_float - 0.5
