"""ONNX's node, simple and PyTorch cases through convert, driver and simulator: passed, limited or refused."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import ArrayLike

from pal_edge.backend import PalBackendRep
from pal_edge.errors import CalibrationError, ModelError
from tests.conformance.cases import Case, cases

# Codes have a step of 4.4 %, so one coding of a value errs by 1.26 % (38 dB) in the mean over a step. A case
# codes its inputs, weights and results, at times several intermediate values: 20 independent codings of the
# full signal still leave 25 dB.
LEAST_DB = 25.0

# What 8 bits cannot hold: pattern -> why.
LIMITED = {
    "(soft|logsoft)max_large_number": "logits of 10000 differ by less than a step of 440",
    "reduce_log_sum_exp_.*_expanded": "exp of the data spans more than the 7.9 octaves of a code",
    "layer_normalization_2d_axis_negative_2_expanded": "the variance is a difference of two means that cancel",
    "matmul_1d_3d": "the products of its only sums cancel to 7 % of their magnitude",
}


def sqnr_db(ours: ArrayLike, expected: ArrayLike) -> float:
    """Return the ratio over the finite expected values; infinite where they are met exactly."""
    exact = np.asarray(expected).astype(np.float64)
    finite = np.isfinite(exact)
    noise = np.square(np.asarray(ours).astype(np.float64) - exact)[finite].sum()
    if not noise:
        return np.inf
    return float(10 * np.log10(np.square(exact[finite]).sum() / noise))


def outcome(case: Case) -> tuple[str, str]:
    """Return ("passed" | "refused" | "failed", a line that says why)."""
    refusal = ""
    for model, inputs in case.variants():
        try:
            results = PalBackendRep(model, "sim", optimize="none").run(inputs)
        except (ModelError, CalibrationError) as error:
            refusal = refusal or str(error)
            continue
        except Exception as error:  # whatever it is, it is a failure of this case alone
            return "failed", f"{type(error).__name__}: {error}"
        return judged(results, case.outputs)
    good = refusal and "\n" not in refusal and " failed at " not in refusal
    return ("refused" if good else "failed"), refusal


def judged(results: Sequence[ArrayLike], expected: Sequence[ArrayLike]) -> tuple[str, str]:
    for ours, exact in zip(results, expected, strict=True):
        if np.shape(ours) != np.shape(exact):
            return "failed", f"shape {np.shape(ours)} instead of {np.shape(exact)}"
        if (db := sqnr_db(ours, exact)) < LEAST_DB:
            return "failed", f"{db:.1f} dB"
    return "passed", ""


def test_onnx_cases(capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    failures = {}
    used = set()
    for case in cases():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about overflows and NaN in some of the cases' own data
            verdict, line = outcome(case)
        limit = next((pattern for pattern in LIMITED if re.search(pattern, case.name)), None)
        if verdict == "failed" and limit is not None and line.endswith(" dB"):
            used.add(limit)
            verdict = "limited"
        elif verdict == "failed":
            failures[case.name] = line
        counts[verdict] += 1
    with capsys.disabled():
        print(f"\nonnx cases: {counts['passed']} passed, {counts['refused']} refused with a reason, "
              f"{counts['limited']} beyond 8 bits, {counts['failed']} failed")
    assert not failures
    assert used == set(LIMITED), "a limit that nothing meets is no limit"
    assert counts["passed"] > 570
