"""The standard `onnx.backend` interface."""

from __future__ import annotations

import unittest
import warnings

import numpy as np
import onnx
import pytest

from pal_edge import backend
from pal_edge.errors import DeviceError, InputError, ModelError, UnsupportedError
from tests.compiler.frontend.models import model, rand

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # onnx warns about its own cases' data
    from onnx.backend.test import BackendTest

SMALL = model("(float[N,4] x) => (float[N,3] y)", "y = Gemm(x, w, b)", w=rand(4, 3), b=rand(3))
STEP = 2 ** (1 / 32) - 1  # relative error of one code


def close(ours: np.ndarray, exact: np.ndarray) -> None:
    np.testing.assert_allclose(ours, exact, atol=0.05 * float(np.abs(exact).max()), rtol=0)


def exact(x: np.ndarray) -> np.ndarray:
    return x @ rand(4, 3) + rand(3)


def test_the_first_inputs_calibrate() -> None:
    rep = backend.prepare(SMALL, "CPU")
    x = rand(5, 4, seed=3)
    for batch in (x, x[:1]):
        (y,) = rep.run([batch])
        close(y, exact(batch))
    (by_name,) = rep.run({"x": x})
    (alone,) = rep.run(x)
    np.testing.assert_array_equal(by_name, alone)


def test_calibration_data_are_taken() -> None:
    rep = backend.prepare(SMALL, "SIM", calibration={"x": rand(20, 4, seed=4)}, optimize="none")
    x = rand(2, 4, seed=5)
    close(rep.run([x])[0], exact(x))
    with pytest.warns(UserWarning, match="random"):
        backend.prepare(SMALL, calibration="random")


def test_run_model_and_run_node() -> None:
    x = rand(2, 4, seed=6)
    close(backend.run_model(SMALL, [x])[0], exact(x))
    node = onnx.helper.make_node("Slice", ["x", "starts", "ends", "axes"], ["y"])
    (y,) = backend.run_node(node, [x, np.array([1]), np.array([3]), np.array([1])])
    np.testing.assert_allclose(y, x[:, 1:3], rtol=STEP)


def test_outputs_have_the_types_of_the_model() -> None:
    proto = model("(float16[2,4] x) => (float16[2,4] y)", "y = Relu(x)")
    (y,) = backend.run_model(proto, [rand(2, 4).astype(np.float16)])
    assert y.dtype == np.float16


def test_devices() -> None:
    assert backend.supports_device("CPU") and backend.supports_device("SIM")
    assert not backend.supports_device("CUDA")
    with pytest.raises(DeviceError, match=r"CUDA.*CPU, SIM"):
        backend.prepare(SMALL, "CUDA:0")


def test_what_cannot_run_is_refused_at_once() -> None:
    proto = model("(float[2,4] x) => (float[2,4] y)", "y = Hardmax(x)")
    assert not backend.is_compatible(proto) and backend.is_compatible(SMALL)
    with pytest.raises(UnsupportedError, match="Hardmax"):
        backend.prepare(proto)
    with pytest.raises(ModelError, match="optimize"):
        backend.prepare(SMALL, calibration={"x": rand(1, 4)}, optimize="much")


def test_inputs_that_do_not_fit() -> None:
    rep = backend.prepare(SMALL)
    with pytest.raises(InputError, match="2 inputs are given; the model's are 'x'"):
        rep.run([rand(1, 4), rand(1, 4)])


def test_onnx_runs_its_cases_on_the_backend() -> None:
    """Those whose results codes hold exactly enough, through ONNX's own runner and comparison."""
    cases = "relu|add|mul|maxpool_2d|transpose_default|concat_2d|gemm_default_vector|averagepool_2d"
    # 2.2 % of each operand and of the result; of operands up to 3 it stays where they cancel.
    kwargs = {"rtol": 0.07, "atol": 0.15}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runner = BackendTest(backend.PalBackend, __name__)
        names = [name.removesuffix("_cpu") for items in runner._test_items.values() for name in items
                 if name.endswith("_cpu")]
        runner = BackendTest(backend.PalBackend, __name__, dict.fromkeys(names, kwargs))
    runner.include(f"^test_({cases}).*_cpu$").exclude("int|argmax|seq")
    result = unittest.TestResult()
    runner.test_suite.run(result)
    assert not result.errors and not result.failures, (result.errors + result.failures)[0][1][-900:]
    assert result.testsRun - len(result.skipped) > 30
