"""The fuzzer's corpus of requests: replayed under sanitizers, with a few thousand mutations."""

from __future__ import annotations

import subprocess

from .fuzz_seeds import FOLDER, seeds


def test_the_seeds_are_what_their_generator_makes() -> None:
    assert {path.name: path.read_bytes() for path in FOLDER.iterdir()} == seeds(), "run `make -C firmware/fuzz seeds`"


def test_no_request_does_harm() -> None:
    run = subprocess.run(["make", "-s", "-C", FOLDER.parent, "replay"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "runs" in run.stdout
