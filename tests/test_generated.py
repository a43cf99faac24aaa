"""What is generated from driver/spec and committed is what the generators make now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_generated_files_are_fresh() -> None:
    done = subprocess.run([sys.executable, "-m", "host_tools.generators", "--check"],
                          cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"run `make generate`:\n{done.stdout}{done.stderr}"


def test_check_names_a_file_that_was_edited(tmp_path: Path) -> None:
    for folder in ("driver/spec", "driver/include", "host_tools", "pal_edge/spec"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".toml", ".h", ".py"}:
                copy = tmp_path / path.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
    edited = tmp_path / "pal_edge" / "spec" / "registers.py"
    edited.write_text(edited.read_text() + "EXTRA = 1\n")
    done = subprocess.run([sys.executable, "-m", "host_tools.generators", "--check"],
                          cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "stale pal_edge/spec/registers.py\n")
