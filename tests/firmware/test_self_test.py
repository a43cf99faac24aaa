"""The models that the application tests its engine with."""

from __future__ import annotations

import numpy as np
import pytest

from host_tools.firmware.self_test import FILE, SEED, model, render
from pal_edge.container import Model, known_answer_input
from pal_edge.runtime import InferenceSession
from pal_edge.spec.targets import TARGETS


def test_the_file_is_what_the_generator_makes() -> None:
    assert FILE.read_text() == render(), "run `python -m host_tools.firmware.self_test`"


@pytest.mark.parametrize("name", TARGETS)
def test_engines_know_the_answer(name: str) -> None:
    made = model(TARGETS[name])
    assert Model.from_bytes(made.to_bytes()) == made
    with InferenceSession(made) as session:
        assert session.self_test()


def test_the_answer_depends_on_the_input() -> None:
    made = model(TARGETS["pal-e128"])
    assert made.known_answer
    answer = np.frombuffer(made.known_answer.output, np.uint8)
    assert len(np.unique(answer)) > 20
    with InferenceSession(made) as session:
        changed = bytearray(known_answer_input(SEED, made.input_size))
        changed[60] ^= 0x40
        assert session.run_region(bytes(changed)) != made.known_answer.output
