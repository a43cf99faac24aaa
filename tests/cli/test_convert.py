"""`pal-edge convert`: its report, its limits, and where samples come from."""

from __future__ import annotations

import json
import re

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from PIL import Image

from pal_edge import Model
from pal_edge.cli import images
from tests.cli.test_errors import refuse

CONVERT = "convert net.onnx --calib data.npz -o out.pal "


def test_the_report_is_a_page_that_needs_nothing_else(pal, workspace):
    assert pal(CONVERT + "--report out.html").code == 0
    page = (workspace / "out.html").read_text()
    assert page.startswith("<!doctype html>") and page.endswith("</html>\n")
    assert not re.search(r"https?:|src=|@import|url\(|<script|<link", page)
    for word in ("first", "dense", "softmax", "SQNR by layer", "cycles by layer", "live bytes by command",
                 "weights of first", "output of softmax", "net.onnx"):
        assert word in page
    assert "weights of softmax" not in page


def test_the_report_gives_the_same_as_data(pal, workspace):
    assert pal(CONVERT + "--report out.json").code == 0
    facts = json.loads((workspace / "out.json").read_text())
    model = Model.load(workspace / "out.pal")
    layers = {layer["sources"][0]: layer for layer in facts["layers"]}
    assert facts["file_bytes"] == len(model.to_bytes()) and facts["provenance"] == model.provenance
    assert sum(layers["first"]["weight_codes"]) == 4 * 9 and sum(layers["dense"]["weight_codes"]) == 64 * 4
    assert layers["softmax"]["weight_codes"] is None
    assert sum(layers["first"]["activation_codes"]) == 12 * 64
    assert not any(layers["first"]["activation_codes"][:127])  # behind a ReLU
    memory = facts["memory_by_command"]
    live = [sram + arena for sram, arena in zip(memory["sram"], memory["arena"], strict=True)]
    assert len(live) == len(memory["layer"]) == len(model.commands)
    assert 0 < max(live) <= facts["memory_lower_bound"]


def test_names_in_the_page_are_text(pal, workspace):
    model = onnx.load(workspace / "net.onnx")
    model.graph.node[0].name = "<b>&\"first"
    onnx.save(model, workspace / "net.onnx")
    assert pal(CONVERT + "--report out.html").code == 0
    page = (workspace / "out.html").read_text()
    assert "&lt;b&gt;&amp;&quot;first" in page and "<b>&" not in page


def test_strict_names_what_would_run_on_the_cpu(pal, workspace):
    before = workspace.names()
    done = pal(CONVERT + "--strict --report out.html")
    assert (done.code, workspace.names()) == (1, before)
    assert done.err == "error: not on the engine: softmax (SOFTMAX); nothing was written\n"
    facts = json.loads(pal(CONVERT + "--strict --json").out)
    assert facts["model"] is None and facts["cpu_operators"] == [{"layer": "softmax", "op": "SOFTMAX"}]


def test_strict_accepts_what_runs_on_the_engine(pal, workspace):
    model = onnx.load(workspace / "net.onnx")
    del model.graph.node[4]
    model.graph.node[3].output[0] = "y"
    onnx.save(model, workspace / "net.onnx")
    assert pal(CONVERT + "--strict").code == 0 and (workspace / "out.pal").exists()


@pytest.mark.parametrize(("name", "text"), [
    ("budget.toml", "max_cycles = 10\nmax_file_bytes = 1_000_000\nmax_cpu_operators = 0\n"),
    ("budget.json", '{"max_cycles": 10, "max_file_bytes": 1000000, "max_cpu_operators": 0}'),
])
def test_a_budget_lists_what_exceeds_it_by_how_much(pal, workspace, name, text):
    (workspace / name).write_text(text)
    before = workspace.names()
    done = pal(CONVERT + f"--budget {name} --report out.json --json")
    assert (done.code, workspace.names()) == (1, before)
    facts = json.loads(done.out)
    assert facts["exceeded"] == [{"limit": "max_cycles", "allowed": 10, "actual": facts["cycles"]},
                                 {"limit": "max_cpu_operators", "allowed": 0, "actual": 1}]
    assert f"max_cycles 10 exceeded by {facts['cycles'] - 10}" in done.err and done.err.count("\n") == 1


def test_a_budget_that_is_met(pal, workspace):
    (workspace / "budget.toml").write_text("max_arena_bytes = 0\nmax_sram_bytes = 4096\nmax_cpu_operators = 1\n")
    assert pal(CONVERT + "--budget budget.toml").code == 0 and (workspace / "out.pal").exists()


@pytest.mark.parametrize(("name", "text", "word"), [
    ("b.toml", "max_ram = 5", "'max_ram' is no limit; known: max_cycles"),
    ("b.toml", "max_cycles = 1.5", "max_cycles is 1.5"),
    ("b.toml", "max_cycles = -1", "max_cycles is -1"),
    ("b.toml", "max_cycles = true", "max_cycles is True"),
    ("b.toml", "max_cycles", "not TOML"),
    ("b.toml", "", "no limit"),
    ("b.json", "{", "not JSON"),
    ("b.json", "[1]", "list"),
])
def test_budgets_that_say_nothing_clear(pal, workspace, name, text, word):
    (workspace / name).write_text(text)
    refuse(pal, workspace, CONVERT + f"--budget {name}", name, word)


@pytest.mark.parametrize(("line", "word"), [
    ("--report nowhere/out.html", "folder"),
    ("--report out.pdf", ".html or .json"),
    ("--budget missing.toml", "missing.toml"),
    ("-o same.html --report same.html", "different names"),
    ("--mean 0.5", "for images"),
    ("--std 0", "--std"),
    ("--mean red", "red"),
])
def test_wrong_arguments(pal, workspace, line, word):
    refuse(pal, workspace, CONVERT + line, word)


# Where samples come from


def converted(pal, workspace, calib: str) -> Model:
    done = pal(f"convert net.onnx --calib {calib} -o out.pal")
    assert (done.code, done.err) == (0, "")
    return Model.load(workspace / "out.pal")


def test_a_folder_or_glob_of_arrays_is_one_set_in_the_order_of_names(pal, workspace):
    data = np.load(workspace / "data.npy")
    (workspace / "many").mkdir()
    np.save(workspace / "many" / "b.npy", data[1:5])
    np.savez(workspace / "many" / "c.npz", x=data[5:])
    np.save(workspace / "many" / "a.npy", data[0])
    whole = Model.load(workspace / "net.pal")
    for calib in ("many", "many/*"):
        model = converted(pal, workspace, calib)
        assert model.constants == whole.constants and model.tensors == whole.tensors
        assert model.provenance["options"]["inputs"] == {"files": 3}


def image_network(workspace, shape: list[int]) -> None:
    """Make net.onnx a network for images of `shape`, NCHW, or NHWC with a Transpose in front."""
    height_first = shape[1] == 3
    nodes = [] if height_first else [helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2])]
    nodes.append(helper.make_node("Conv", ["x" if height_first else "t", "w"], ["y"], kernel_shape=[1, 1]))
    weights = np.random.default_rng(3).normal(size=(2, 3, 1, 1)).astype(np.float32)
    graph = helper.make_graph(
        nodes, "image", [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 2, 8, 10])],
        [numpy_helper.from_array(weights, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
              workspace / "net.onnx")


def pictures(workspace, size: tuple[int, int] = (10, 8), kinds: tuple[str, ...] = ("png", "bmp")) -> np.ndarray:
    """Write photos/0.png, 1.bmp, ... and return their pixels [n, h, w, 3]."""
    pixels = np.random.default_rng(4).integers(0, 256, (len(kinds), size[1], size[0], 3)).astype(np.uint8)
    (workspace / "photos").mkdir()
    for index, kind in enumerate(kinds):
        Image.fromarray(pixels[index]).save(workspace / "photos" / f"{index}.{kind}")
    return pixels


@pytest.mark.parametrize("shape", [[1, 3, 8, 10], [1, 8, 10, 3]], ids=["NCHW", "NHWC"])
def test_images_become_what_the_options_say_and_the_file_says_so(pal, workspace, shape):
    image_network(workspace, shape)
    pixels = pictures(workspace)
    model = converted(pal, workspace, "photos --scale 0.5 --mean 1,2,3 --std 4,5,6 --bgr")
    values = ((pixels[..., ::-1] * 0.5 - [1, 2, 3]) / [4, 5, 6]).astype(np.float32)
    np.save(workspace / "same.npy", values.transpose(0, 3, 1, 2) if shape[1] == 3 else values)
    same = converted(pal, workspace, "same.npy")
    assert (model.constants, model.tensors, model.trace) == (same.constants, same.tensors, same.trace)
    assert model.provenance["options"]["inputs"] == {
        "images": 2, "scale": 0.5, "mean": [1, 2, 3], "std": [4, 5, 6], "layout": "NCHW" if shape[1] == 3 else "NHWC",
        "order": "bgr", "fit": "stretch"}


def test_images_are_divided_by_255_and_fitted_unless_told_otherwise(workspace):
    pixels = np.zeros((8, 30, 3), np.uint8)
    pixels[:, 10:20] = 255  # white in the middle third
    Image.fromarray(pixels).save(workspace / "wide.png")
    shape = (1, 3, 8, 10)
    whole = images.read_image(workspace / "wide.png", shape, images.Preprocessing().completed("x", shape))
    assert whole.shape == (3, 8, 10) and whole.max() == 1 and whole[:, :, 0].max() == 0
    middle = images.read_image(workspace / "wide.png", shape, images.Preprocessing(crop=True).completed("x", shape))
    np.testing.assert_array_equal(middle, np.ones(shape[1:]))


def test_pictures_of_any_kind_are_read_for_grey_inputs(workspace):
    for mode, name in (("RGBA", "a.png"), ("P", "p.png"), ("L", "l.jpg"), ("1", "one.png")):
        Image.new(mode, (6, 6)).save(workspace / name)
        shape = (1, 1, 6, 6)
        how = images.Preprocessing().completed("x", shape)
        assert images.read_image(workspace / name, shape, how).shape == shape[1:]


def test_samples_that_cannot_be_read_or_do_not_belong_together(pal, workspace):
    def expect(calib: str, *words: str) -> None:
        refuse(pal, workspace, f"convert net.onnx --calib {calib} -o out.pal", *words)

    for name in ("empty", "mixed", "names", "shapes"):
        (workspace / name).mkdir()
    (workspace / "empty" / "readme.txt").write_text("nothing here")
    Image.new("L", (6, 6)).save(workspace / "mixed" / "a.png")
    np.save(workspace / "mixed" / "a.npy", np.zeros((1, 1, 6, 6), np.float32))
    np.savez(workspace / "names" / "a.npz", x=np.zeros((1, 1, 6, 6), np.float32))
    np.savez(workspace / "names" / "b.npz", z=np.zeros((1, 1, 6, 6), np.float32))
    np.save(workspace / "shapes" / "a.npy", np.zeros((1, 1, 6, 6), np.float32))
    np.save(workspace / "shapes" / "b.npy", np.zeros((1, 1, 6, 7), np.float32))
    expect("empty", "empty", "no .npz")
    expect("*.npx", "*.npx")
    expect("nowhere", "nowhere", "no such file")
    expect("mixed", ".npy, .png", "mixed/*.npy")
    expect("names", "b.npz", "'z'", "'x'")
    expect("shapes", "b.npy", "[1, 1, 6, 7]", "[1, 6, 6]")


def test_images_that_cannot_be_read(pal, workspace):
    image_network(workspace, [1, 3, 8, 10])
    pictures(workspace)
    good = (workspace / "photos" / "0.png").read_bytes()

    def expect(options: str, *words: str) -> None:
        refuse(pal, workspace, f"convert net.onnx --calib photos -o out.pal {options}", *words)

    for content in (b"", b"no image", good[:len(good) // 2]):
        (workspace / "photos" / "2.png").write_bytes(content)
        expect("", "2.png", "cannot be read as an image")
    Image.new("I;16", (10, 8)).save(workspace / "photos" / "2.png")
    expect("", "2.png", "more than 8 bits")
    expect("--layout NHWC", "'x'", "NHWC")
    expect("--mean 1,2", "--mean has 2 values", "3 channels")


def test_images_need_one_image_input(pal, workspace):
    pictures(workspace)
    model = onnx.load(workspace / "net.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 5
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((4, 5, 3, 3), np.float32), "w1"))
    onnx.save(model, workspace / "net.onnx")
    refuse(pal, workspace, "convert net.onnx --calib photos -o out.pal", "[1, 5, 6, 6]", "no image")
    image_network(workspace, [1, 3, 8, 3])
    refuse(pal, workspace, "convert net.onnx --calib photos -o out.pal", "--layout")


def test_without_pillow_images_say_what_to_install(pal, workspace, monkeypatch):
    image_network(workspace, [1, 3, 8, 10])
    pictures(workspace)
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    refuse(pal, workspace, "convert net.onnx --calib photos -o out.pal", "pip install 'pal-edge[images]'")
