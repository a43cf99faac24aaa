"""The command line with a board, from start to stop."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from host_tools.virtual_board import boards, firmware
from pal_edge import InferenceSession
from pal_edge.numeric import decode
from tests.runtime.contract import MODEL


def pal(*arguments: object, code: int = 0) -> str:
    """Run a command; return its stdout, or the one line of its error."""
    done = subprocess.run([sys.executable, "-m", "pal_edge", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if code == 2:
        assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
        return done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def started(qemu: None) -> Iterator[dict[str, str]]:
    facts = json.loads(pal("board", "start", "--target", "pal-e32", "--json"))
    yield facts
    pal("board", "stop", "--all")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    MODEL.save(tmp_path / "small.pal")
    return tmp_path / "small.pal"


def test_start_says_where_the_board_is(started: dict[str, str]) -> None:
    assert set(started) >= {"serial", "usb", "dir"}
    assert os.path.exists(started["serial"]) and Path(started["dir"], "flash.bin").is_file()
    assert "running already" in pal("board", "start", code=2)
    (running,) = json.loads(pal("board", "status", "--json"))
    assert running["dir"] == started["dir"] and running["powered"] is True


def test_devices_info_and_doctor_know_it(started: dict[str, str]) -> None:
    found = {each["uri"]: each for each in json.loads(pal("devices", "--json"))}
    for uri in (f"serial:{started['serial']}", started["usb"]):
        assert found[uri]["serial"] == started["serial_number"] and found[uri]["slots"] == ["confirmed*", "empty"]
    info = json.loads(pal("info", "--json"))  # the only board is found by itself
    assert info["uri"] == started["usb"] and info["board"] == "virt" and info["slots"][0]["running"]
    assert "pal-e32" in pal("info")
    states = {each["what"]: each["state"] for each in json.loads(pal("doctor", "--json"))}
    assert states[started["usb"]] == "ready"


def test_doctor_tells_troubles_apart(started: dict[str, str], tmp_path: Path) -> None:
    def state(uri: str) -> tuple[str, str]:
        (finding,) = json.loads(pal("doctor", "--device", uri, "--json", code=1))
        return finding["state"], finding["remedy"]

    assert state("serial:/dev/ttyNowhere")[0] == "absent"
    line = os.open(started["serial"], os.O_RDWR | os.O_NOCTTY)
    try:
        fcntl.flock(line, fcntl.LOCK_EX)
        assert state(f"serial:{started['serial']}")[0] == "busy"
    finally:
        os.close(line)
    master, slave = os.openpty()
    try:
        assert state(f"serial:{os.ttyname(slave)}")[0] == "silent"
    finally:
        os.close(master)
        os.close(slave)
    assert "bootloader" in pal("reset", "--bootloader")
    assert state(started["usb"])[0] == "bootloader"
    assert "firmware" in pal("reset")
    assert pal("doctor", "--print-udev").count("1209") == 2


def test_models_come_and_go(started: dict[str, str], model: Path, tmp_path: Path) -> None:
    assert "would write" in pal("flash", model, "--dry-run")
    assert pal("models", "list").startswith("no models")
    written = json.loads(pal("flash", model, "--slot", "one", "--mlperf", "kws01", "--json"))
    assert written["kind"] == "model" and written["size"] == model.stat().st_size
    assert "nothing to do" in pal("flash", model, "--slot", "one", "--mlperf", "kws01")
    (listed,) = json.loads(pal("models", "list", "--json"))["models"]
    assert (listed["name"], listed["label"]) == ("one", "kws01")
    pal("models", "fetch", "one", "-o", tmp_path / "back.pal")
    assert (tmp_path / "back.pal").read_bytes() == model.read_bytes()
    assert "no model 'two'" in pal("models", "rm", "two", code=2)
    pal("models", "rm", "one")
    assert "no models" in pal("models", "list")


def test_run_there_is_run_here(started: dict[str, str], model: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "in.npz", **{t.name: decode(rng.integers(0, 256, (2, *t.shape[1:])).astype(np.uint8), t.bias)
                                     for t in MODEL.inputs})
    results = {}
    for device in ("sim", "qemu", started["usb"], f"serial:{started['serial']}"):
        results[device] = json.loads(pal("run", model, "--input", tmp_path / "in.npz", "--device", device, "--json"))
        del results[device]["host_wall_seconds_per_inference"]
    assert all(each == results["sim"] for each in results.values())


def test_flash_says_what_is_wrong_with_a_file(started: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "text.pal").write_text("hello")
    assert "neither a PAL model nor signed firmware" in pal("flash", tmp_path / "text.pal", code=2)
    image = (firmware.SOURCES / "build" / "virt" / "application.signed.bin").read_bytes()
    (tmp_path / "short.bin").write_bytes(image[:3000])
    assert "short.bin: the image is truncated" in pal("flash", tmp_path / "short.bin", code=2)
    assert "--slot and --mlperf are for models" in pal("flash", tmp_path / "short.bin", "--slot", "x", code=2)
    damaged = bytearray(MODEL.to_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "damaged.pal").write_bytes(damaged)
    assert "damaged.pal" in pal("flash", tmp_path / "damaged.pal", code=2)


def test_the_log(started: dict[str, str]) -> None:
    log = pal("monitor", "--once")
    assert "self-test: passed by the engine" in log


def test_on_demand_it_starts_and_stops(qemu: None, model: Path, tmp_path: Path,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another user"))
    with InferenceSession(model, device="qemu") as session:
        assert session.self_test() and len(boards.running()) == 1
    assert boards.running() == []
    assert "no board answers" in pal("info", code=2)
    assert "starts one" in pal("board", "stop", code=2)
