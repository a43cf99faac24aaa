"""What goes wrong ends in one line on stderr, the right exit code, and no output file."""

from __future__ import annotations

import errno
import os

import numpy as np
import onnx
import pytest
from onnx import helper

from pal_edge.cli import files
from pal_edge.spec.container import VERSION_MAJOR

CONVERT = "convert {} --calib {} -o out.pal"


def refuse(pal, workspace, line: str, *words: str) -> None:
    """Expect one line that has all the words, exit code 2, and no new file."""
    before = workspace.names()
    done = pal(line)
    assert done.code == 2, done
    assert done.out == ""
    assert done.err.startswith("error: ") and done.err.count("\n") == 1, done.err
    for word in words:
        assert word in done.err
    assert workspace.names() == before


def edit(workspace, change) -> None:
    """Save net.onnx, changed in place, as bad.onnx."""
    model = onnx.load(workspace / "net.onnx")
    change(model.graph)
    onnx.save(model, workspace / "bad.onnx")


def test_onnx_that_is_something_else(pal, workspace):
    (workspace / "bad.onnx").write_bytes(b"hello, I am no protobuf")
    refuse(pal, workspace, CONVERT.format("bad.onnx", "data.npz"), "bad.onnx")


def test_onnx_that_ends_early(pal, workspace):
    (workspace / "bad.onnx").write_bytes((workspace / "net.onnx").read_bytes()[:300])
    refuse(pal, workspace, CONVERT.format("bad.onnx", "data.npz"), "bad.onnx")


def test_unsupported_operators_are_all_listed(pal, workspace):
    def change(graph):
        graph.node[1].op_type = "Erf"
        graph.node[4].op_type = "Det"

    edit(workspace, change)
    refuse(pal, workspace, CONVERT.format("bad.onnx", "data.npz"), "Det")


def test_dynamic_image_size(pal, workspace):
    def change(graph):
        graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"

    edit(workspace, change)
    refuse(pal, workspace, CONVERT.format("bad.onnx", "data.npz"), "x")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers(pal, workspace, value):
    def change(graph):
        weights = onnx.numpy_helper.to_array(graph.initializer[0]).copy()
        weights.flat[0] = value
        graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weights, "w1"))

    edit(workspace, change)
    refuse(pal, workspace, CONVERT.format("bad.onnx", "data.npz"), "w1")


DATA = {
    "wrong name": ({"image": np.zeros((3, 1, 6, 6), np.float32)}, "x"),
    "wrong shape": ({"x": np.zeros((3, 1, 6, 7), np.float32)}, "7"),
    "wrong type": ({"x": np.full((3, 1, 6, 6), "a")}, "x"),
    "integers": ({"x": np.zeros((3, 1, 6, 6), np.int64)}, "int64"),
    "no samples": ({"x": np.zeros((0, 1, 6, 6), np.float32)}, ""),
    "NaN": ({"x": np.full((3, 1, 6, 6), np.nan, np.float32)}, "NaN"),
    "infinity": ({"x": np.full((3, 1, 6, 6), np.inf, np.float32)}, "inf"),
    "nothing": ({}, "x"),
}


@pytest.mark.parametrize(("arrays", "word"), DATA.values(), ids=DATA)
def test_data_that_do_not_fit(pal, workspace, arrays, word):
    np.savez(workspace / "bad.npz", **arrays)
    refuse(pal, workspace, CONVERT.format("net.onnx", "bad.npz"), word)
    refuse(pal, workspace, "verify net.pal --onnx net.onnx --data bad.npz", word)
    if word != "inf":  # infinities saturate where values are computed, and only spoil statistics
        refuse(pal, workspace, "run net.pal --input bad.npz --output out.npz", word)


@pytest.mark.parametrize("content", [b"", b"no array", b"PK\x03\x04 half a zip", b"\x93NUMPY\x01\x00"],
                         ids=["empty", "text", "zip", "header"])
def test_data_that_are_no_arrays(pal, workspace, content):
    (workspace / "bad.npz").write_bytes(content)
    refuse(pal, workspace, CONVERT.format("net.onnx", "bad.npz"), "bad.npz", "numpy.save")


def test_pickled_arrays_are_not_loaded(pal, workspace):
    np.save(workspace / "bad.npy", np.array([{}], object), allow_pickle=True)
    refuse(pal, workspace, CONVERT.format("net.onnx", "bad.npy"), "bad.npy")


@pytest.mark.parametrize("command", ["inspect {}", "run {} --input data.npz -o out.npz",
                                     "verify {} --onnx net.onnx --data data.npz"])
def test_damaged_models(pal, workspace, command):
    good = (workspace / "net.pal").read_bytes()
    newer = bytearray(good)
    newer[8] = VERSION_MAJOR + 1
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 4
    cases = {"text.pal": b"hello", "empty.pal": b"", "short.pal": good[:-1], "header.pal": good[:20],
             "long.pal": good + b"\0", "flipped.pal": bytes(flipped), "newer.pal": bytes(newer)}
    for name, content in cases.items():
        (workspace / name).write_bytes(content)
    for name in cases:
        refuse(pal, workspace, command.format(name), name)


def test_verify_needs_the_model_that_was_converted(pal, workspace):
    def change(graph):
        graph.node[0].output[0] = graph.node[1].input[0] = "elsewhere"
        graph.node[1].output[0] = graph.node[2].input[0] = "other"

    edit(workspace, change)
    refuse(pal, workspace, "verify net.pal --onnx bad.onnx --data data.npz", "net.onnx")


@pytest.mark.parametrize(("line", "word"), [
    ("convert missing.onnx --calib data.npz", "missing.onnx"),
    ("convert net.onnx --calib missing.npz -o out.pal", "missing.npz"),
    ("convert net.onnx", "--calib"),
    ("convert net.onnx --calib data.npz --target pal-e7", "pal-e128"),
    ("convert net.onnx --calib data.npz -o nowhere/out.pal", "folder"),
    ("convert net.onnx --calib data.npz -o net.onnx", "replace"),
    ("run net.pal --input data.npz -o data.npz", "replace"),
    ("inspect missing.pal", "missing.pal"),
    ("run net.pal --input data.npz -o out.txt", ".npz"),
    ("run net.pal --input data.npz --device warp:9", "warp:9"),
    ("verify net.pal --onnx net.onnx --data data.npz --samples 0", "--samples"),
    ("frobnicate", "frobnicate"),
    ("--nonsense", "--nonsense"),
])
def test_wrong_arguments(pal, workspace, line, word):
    refuse(pal, workspace, line, word)


def test_a_model_with_two_inputs_needs_an_npz(pal, workspace):
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["y"], "sum")], "two",
        [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1, 8]) for n in "ab"],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 8])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
              workspace / "two.onnx")
    refuse(pal, workspace, CONVERT.format("two.onnx", "data.npy"), "a, b", ".npz")


def test_a_full_disk_leaves_nothing_behind(pal, workspace, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out.pal")

    monkeypatch.setattr(os, "replace", full)
    refuse(pal, workspace, CONVERT.format("net.onnx", "data.npz"), "out.pal: No space left on device")
    refuse(pal, workspace, "run net.pal --input data.npz -o out.npz", "No space left on device")


def test_an_existing_output_survives_a_failure(pal, workspace):
    before = (workspace / "net.pal").read_bytes()
    (workspace / "bad.npz").write_bytes(b"")
    refuse(pal, workspace, "convert net.onnx --calib bad.npz -o net.pal", "bad.npz")
    assert (workspace / "net.pal").read_bytes() == before


def test_a_defect_is_one_line_and_a_traceback_only_on_request(pal, monkeypatch):
    def broken(*_: object) -> None:
        raise LookupError("first\nsecond")

    monkeypatch.setattr(files, "check_sink", broken)
    done = pal(CONVERT.format("net.onnx", "data.npz"))
    assert done.code == 70 and done.err.count("\n") == 1
    assert done.err.startswith("error: LookupError: first second; this is a defect")
    assert "Traceback" in pal("--debug " + CONVERT.format("net.onnx", "data.npz")).err
    assert "Traceback" in pal(CONVERT.format("net.onnx", "data.npz") + " --debug").err


def test_an_interrupt_ends_with_130(pal, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "check_sink", interrupted)
    done = pal(CONVERT.format("net.onnx", "data.npz"))
    assert (done.code, done.err) == (130, "error: interrupted\n")
