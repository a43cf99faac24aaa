"""What each command does when all is well."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import pal_edge


def test_convert_reports_every_layer_and_the_totals(pal, workspace):
    done = pal("convert net.onnx --calib data.npz -o other.pal")
    assert done.code == 0 and done.err == ""
    for word in ("first", "dense", "softmax", "4×4×4", "SQNR", "cycles", "SRAM", "wrote other.pal"):
        assert word in done.out
    assert (workspace / "other.pal").read_bytes() == (workspace / "net.pal").read_bytes()


def test_convert_reports_the_same_as_json(pal):
    facts = json.loads(pal("convert net.onnx --calib data.npy --json").out)
    assert facts["target"] == "pal-e128"
    assert facts["macs"] == 4 * 9 * 16 + 64 * 4 == sum(layer["macs"] for layer in facts["layers"])
    measured = [layer["sqnr_db"] for layer in facts["layers"] if layer["sources"]]
    assert min(measured) > 20


def test_convert_for_another_target(pal):
    assert pal("convert net.onnx --calib data.npz --target pal-e32 -o small.pal").code == 0
    assert json.loads(pal("inspect small.pal --json").out)["target"] == "pal-e32"


def test_convert_with_random_data_warns_in_one_line(pal):
    done = pal("convert net.onnx --calib random")
    assert done.code == 0
    assert done.err.startswith("warning: ") and done.err.count("\n") == 1


def test_inspect_shows_tensors_sections_layers_and_origin(pal):
    out = pal("inspect net.pal").out
    for word in ("pal-e128", "batch×1×6×6", "COMMANDS", "PROVENANCE", "first", "net.onnx", "self test"):
        assert word in out
    assert "act_max" not in out


def test_inspect_lists_commands_on_request(pal):
    out = pal("inspect net.pal --commands").out
    assert "CONV" in out and "SOFTMAX" in out and "act_max=127" in out
    facts = json.loads(pal("inspect net.pal --commands --json").out)
    assert [c["opcode"] for c in facts["commands"]].count("CONV") == 2
    assert facts["inputs"][0]["shape"] == [1, 1, 6, 6]


def test_run_writes_what_the_session_computes(pal, workspace):
    done = pal("run net.pal --input data.npy --output y.npz")
    assert (done.code, done.err) == (0, "")
    data = np.load(workspace / "data.npy")
    with pal_edge.InferenceSession(workspace / "net.pal") as session:
        (expected,) = session.run(None, {"x": data})
    with np.load(workspace / "y.npz") as written:
        assert written.files == ["y"]
        np.testing.assert_array_equal(written["y"], expected)


def test_run_prints_the_outputs_when_no_file_is_named(pal):
    assert "y  float32 12×4" in pal("run net.pal --input data.npz").out


def test_run_gives_outputs_as_json(pal):
    facts = json.loads(pal("run net.pal --input data.npz --json").out)
    assert np.asarray(facts["outputs"]["y"]["values"]).shape == (12, 4) and facts["cycles_per_inference"] > 0


def test_run_takes_and_gives_codes(pal, workspace):
    with pal_edge.InferenceSession(workspace / "net.pal") as session:
        bias = session.model.inputs[0].bias
    np.save(workspace / "codes.npy", pal_edge.numeric.encode(np.load(workspace / "data.npy"), bias))
    assert pal("run net.pal --input codes.npy --codes --output a.npy").code == 0
    assert pal("run net.pal --input data.npy --output b.npy").code == 0
    codes, values = np.load(workspace / "a.npy"), np.load(workspace / "b.npy")
    assert codes.dtype == np.uint8
    np.testing.assert_array_equal(pal_edge.numeric.decode(codes, -127), values)


def test_verify_accepts_a_good_conversion(pal):
    done = pal("verify net.pal --onnx net.onnx --data data.npz --samples 5")
    assert done.code == 0
    assert "self test: passed" in done.out and "on 5 samples" in done.out and "bad" not in done.out


def test_verify_names_the_first_bad_layer(pal):
    done = pal("verify net.pal --onnx net.onnx --data data.npz --min-sqnr 300 --json")
    facts = json.loads(done.out)
    assert done.code == 1 and not facts["passed"]
    assert facts["first_bad"] == facts["layers"][0]["name"]
    assert "first bad layer: " + facts["first_bad"] in pal(
        "verify net.pal --onnx net.onnx --data data.npz --min-sqnr 300").out


def test_verify_counts_values_out_of_range(pal, workspace):
    data = np.load(workspace / "data.npy")
    np.save(workspace / "loud.npy", data * 1000)
    np.save(workspace / "quiet.npy", data / 1000)

    def first_layer(name: str) -> dict[str, int]:
        return json.loads(pal(f"verify net.pal --onnx net.onnx --data {name} --json").out)["layers"][0]

    usual, loud, quiet = first_layer("data.npy"), first_layer("loud.npy"), first_layer("quiet.npy")
    assert usual["saturated"] == 0 < loud["saturated"] <= loud["count"] == 12 * 4 * 16
    assert loud["underflowed"] <= quiet["underflowed"]


def test_devices_names_the_simulator(pal):
    assert "sim" in {each["uri"] for each in json.loads(pal("devices --json").out)}
    assert "sim" in pal("devices").out


@pytest.mark.parametrize("line", ["", "--help", "convert --help", "inspect --help", "run --help",
                                  "verify --help"])
def test_help_says_what_a_command_is_for(pal, line):
    done = pal(line)
    assert "Usage: pal-edge" in done.out + done.err and not done.err.startswith("error")


def test_version_in_a_process_of_its_own():
    done = subprocess.run([sys.executable, "-m", "pal_edge", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"pal-edge {pal_edge.__version__}\n")


def test_a_closed_pipe_ends_quietly(workspace):
    process = subprocess.Popen([sys.executable, "-m", "pal_edge", "inspect", str(workspace / "net.pal")],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141
