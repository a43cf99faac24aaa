"""`pal-edge bench` and `pal-edge ops`."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

import pal_edge
from pal_edge.bench import bench
from pal_edge.operators import markdown
from pal_edge.runtime.loaded import NativeModel
from pal_edge.runtime.stopwatch import stopwatch
from tests.cli.test_errors import refuse


def test_bench_prints_latency_split_and_cycles(pal):
    done = pal("bench net.pal --runs 5")
    assert (done.code, done.err) == (0, "")
    for word in ("latency", "median", "p99", "in 5 calls", "python", "copy", "driver", "engine", "cycles", "modelled",
                 "GMAC/s"):
        assert word in done.out
    assert "doorbell" not in done.out and "doorbell" in pal("bench net.pal --runs 1 --explain").out


def test_bench_gives_consistent_figures(pal, workspace):
    np.save(workspace / "one.npy", np.load(workspace / "data.npy")[:1])
    facts = json.loads(pal("bench net.pal --runs 40 --input one.npy --json").out)
    latency, split = facts["latency"], facts["split"]
    assert sorted(latency.values()) == [latency[name] for name in ("min", "median", "p90", "p99", "max")]
    assert all(value > 0 for value in split.values())
    assert latency["min"] / 4 < sum(split.values()) < latency["max"] * 4
    with pal_edge.InferenceSession(workspace / "net.pal") as session:
        session.run(None, {"x": np.load(workspace / "one.npy")})
        assert facts["cycles"] == session.counters.cycles
    assert facts["modelled_seconds"] == facts["cycles"] / 200e6
    assert facts["gmacs"] == pytest.approx(facts["macs"] / split["engine"] / 1e9)


def test_time_goes_to_the_part_that_took_it(workspace, monkeypatch):
    """A millisecond more in the copies or in Python shows there and nowhere else."""
    slow = 1e-3
    plain = bench(workspace / "net.pal", runs=3).split
    read, chosen = NativeModel.read, pal_edge.InferenceSession._chosen

    def late(method):
        def call(*args):
            time.sleep(slow)
            return method(*args)
        return call

    monkeypatch.setattr(NativeModel, "read", late(read))
    copying = bench(workspace / "net.pal", runs=3).split
    monkeypatch.setattr(NativeModel, "read", read)
    monkeypatch.setattr(pal_edge.InferenceSession, "_chosen", late(chosen))
    thinking = bench(workspace / "net.pal", runs=3).split
    assert copying.copy > slow and copying.engine < slow and copying.driver < slow
    assert thinking.python > slow and thinking.engine < slow and thinking.copy < slow
    assert plain.driver < slow


def test_the_watch_leaves_the_device_as_it_was(workspace):
    data = {"x": np.load(workspace / "data.npy")}
    with pal_edge.InferenceSession(workspace / "net.pal") as session:
        (expected,) = session.run(None, data)
        bus = session.device.native.bus
        with stopwatch(session.device) as watch:
            (watched,) = session.run(None, data)
            first = watch.engine_ns
            session.run(None, data)
            assert watch.engine_ns > first > 0
        assert session.device.native.bus == bus
        np.testing.assert_array_equal(watched, expected)
        np.testing.assert_array_equal(session.run(None, data)[0], expected)
        assert watch.engine_ns > 0


@pytest.mark.parametrize(("line", "word"), [
    ("bench net.pal --runs 0", "--runs"),
    ("bench net.pal --runs many", "--runs"),
    ("bench missing.pal", "missing.pal"),
    ("bench net.onnx", "net.onnx"),
    ("bench net.pal --input data.npy", "one sample"),
    ("bench net.pal --input net.onnx", "net.onnx"),
    ("bench net.pal --device warp:9", "warp:9"),
    ("ops --json --markdown", "exclude"),
])
def test_wrong_arguments(pal, workspace, line, word):
    refuse(pal, workspace, line, word)


def test_the_library_refuses_no_runs(workspace):
    with pytest.raises(pal_edge.InputError, match="at least 1"):
        bench(workspace / "net.pal", runs=0)


def test_ops_lists_what_runs_where(pal):
    out = pal("ops").out
    for word in ("Conv", "Softmax", "CPU", "table", "free", "engine"):
        assert word in out
    families = json.loads(pal("ops --json").out)
    (conv,) = [each for each in families if "Conv" in each["ops"]]
    assert conv["runs"] == "engine" and "groups" in conv["supported"]
    assert pal("ops --markdown").out == markdown()
