"""A board's engine keeps the devices' contract over the link, on a good line and on a bad one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pal_edge.board import Board, flash_model
from pal_edge.errors import DeviceError, DeviceNotFound, LinkError, ModelNotFound
from pal_edge.link import open_transport
from pal_edge.runtime import Device, InferenceSession, open_device, remote
from pal_edge.runtime.remote import BoardDevice, RemoteModel
from pal_edge.spec.link import Command, Mode
from tests.board.fake_sessions import FakeRunner
from tests.link.loopback import LoopbackBoard
from tests.runtime.contract import MODEL, DeviceContract, feed


class Bench:
    """A fake board that runs models, and the device that it is."""

    def __init__(self, **options: float) -> None:
        self.fake = FakeRunner()
        self.line = LoopbackBoard(self.fake, **options)
        self.device = BoardDevice(Board(self.line.transport, "fake:", timeout=1))

    def restart(self) -> None:
        self.fake.forget()
        self.line.restart()

    def close(self) -> None:
        self.device.close()
        self.line.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


class TestBoard(DeviceContract):
    @pytest.fixture
    def device(self, bench: Bench) -> Device:
        self.bench = bench
        return bench.device

    def damage_command(self, session: InferenceSession, index: int) -> None:
        assert isinstance(session.loaded, RemoteModel)
        self.bench.fake.damage(session.loaded.address + index * 64)


@pytest.mark.parametrize("noise", [0.002, 0.01])
def test_a_bad_line_changes_no_bit(noise: float) -> None:
    bench = Bench(noise=noise, seed=4)
    try:
        with InferenceSession(MODEL) as here, InferenceSession(MODEL, bench.device) as there:
            for found, wanted in zip(there.run(None, feed(20)), here.run(None, feed(20)), strict=True):
                np.testing.assert_array_equal(found, wanted)
            assert there.counters == here.counters
            assert there.profile(feed()) == here.profile(feed())
    finally:
        bench.close()


def test_a_call_is_one_round_trip(bench: Bench) -> None:
    with InferenceSession(MODEL, bench.device) as session:
        asked, bench.line.bursts = len(bench.fake.asked), 0
        session.run(None, feed())
        assert bench.fake.asked[asked:] == [Command.SESSION_INPUT] * 2 + [Command.SESSION_RUN] + [
            Command.SESSION_READ] * 2
        assert bench.line.bursts == 1


def test_engine_time_and_wall_time_are_told_apart(bench: Bench) -> None:
    with InferenceSession(MODEL, bench.device) as session:
        session.run(None, feed(3))
        assert session.engine_seconds == session.counters.cycles / 48_000_000
        assert session.wall_seconds > 0 and session.wall_seconds != session.engine_seconds
        with session.loaded.timed() as take:
            take()
            session.run(None, feed(3))
            link, driver, engine = take()
            assert (driver, engine) == (3 * 2000, 3 * 5000) and link > 0
            assert take() == (0, 0, 0)


def test_a_stored_model_is_used_in_place(bench: Bench) -> None:
    data = MODEL.to_bytes()
    with InferenceSession(data, bench.device) as session:
        uploaded = session.run(None, feed())
        assert Command.SESSION_LOAD in bench.fake.asked
    bench.fake.asked.clear()
    flash_model(bench.device.board, "small", data)
    with InferenceSession(data, bench.device) as session:
        for found, wanted in zip(session.run(None, feed()), uploaded, strict=True):
            np.testing.assert_array_equal(found, wanted)
    assert Command.SESSION_LOAD not in bench.fake.asked and Command.FETCH not in bench.fake.asked


def test_a_model_by_its_name_on_the_board_is_fetched_once(bench: Bench, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    flash_model(bench.device.board, "small", MODEL.to_bytes())
    for fetches in (1, 0):
        bench.fake.asked.clear()
        with InferenceSession("small", bench.device) as session:
            assert session.model == MODEL and session.self_test()
        assert bench.fake.asked.count(Command.FETCH) == fetches
        assert Command.SESSION_LOAD not in bench.fake.asked
    (cached,) = (tmp_path / "pal-edge" / "models").iterdir()
    assert cached.name == f"{hashlib.sha256(MODEL.to_bytes()).hexdigest()}.pal"
    cached.write_bytes(b"damaged")
    with InferenceSession("small", bench.device) as session:
        assert session.self_test()
    with pytest.raises(ModelNotFound, match="there is no file 'large'; fake:: the board has no model 'large'; it has"):
        InferenceSession("large", bench.device)


def test_a_cache_that_cannot_be_written_is_done_without(bench: Bench, tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    flash_model(bench.device.board, "small", MODEL.to_bytes())
    with InferenceSession("small", bench.device) as session:
        assert session.self_test()


def test_an_upload_that_does_not_fit_says_what_would(bench: Bench) -> None:
    with pytest.raises(DeviceError, match=r"needs \d{7} bytes of device memory, 10..... are free; close other "
                                          "sessions, or flash the model"):
        InferenceSession(replace(MODEL, arena_size=1 << 20, known_answer=None), bench.device)
    assert bench.fake.sessions == {}


def test_too_many_sessions(bench: Bench) -> None:
    bench.fake.most = 1
    with (InferenceSession(MODEL, bench.device),
          pytest.raises(DeviceError, match="as many sessions as it can; close others")):
        InferenceSession(MODEL, bench.device)


def test_after_a_restart_old_sessions_say_so_once_and_new_ones_run(bench: Bench) -> None:
    session = InferenceSession(MODEL, bench.device)
    wanted = session.run(None, feed())
    bench.restart()
    with pytest.raises(LinkError, match="the board restarted"):
        session.run(None, feed())
    for _ in range(2):
        with pytest.raises(DeviceError, match="the session is lost, as the board restarted .*; open it again"):
            session.run(None, feed())
    session.close()
    with InferenceSession(MODEL, bench.device) as again:
        for found, one in zip(again.run(None, feed()), wanted, strict=True):
            np.testing.assert_array_equal(found, one)


def test_unplugging_in_a_run_and_plugging_in_again(bench: Bench) -> None:
    with InferenceSession(MODEL, bench.device) as session:
        bench.line.unplugged = True
        with pytest.raises(LinkError, match="the line is gone"):
            session.run(None, feed())
        with pytest.raises(LinkError, match="the line is gone"):
            session.run(None, feed())
        bench.line.unplugged = False
        with pytest.raises(DeviceError, match="the session is lost"):
            session.run(None, feed())
    with InferenceSession(MODEL, bench.device) as again:
        assert again.self_test()


@pytest.mark.parametrize(("change", "message"), [
    ({"mode": Mode.BOOTLOADER, "slot": 255}, "the board is in its bootloader; `pal-edge flash` gives it firmware"),
    ({"engine_abi": 0}, "the board found no engine; see `pal-edge doctor`"),
    ({"target": 77}, "the board's engine, target 77, is unknown here; update pal-edge"),
])
def test_a_board_that_cannot_run_models(change: dict[str, int], message: str) -> None:
    fake = FakeRunner()
    fake.identity = replace(fake.identity, **change)
    stopped = []
    with LoopbackBoard(fake) as line, pytest.raises(DeviceError, match=message):
        BoardDevice(Board(line.transport, "fake:"), lambda: stopped.append(1))
    assert stopped == [1]


@pytest.mark.parametrize("runs", [True, False])
def test_the_virtual_board_is_started_and_stopped_on_demand(bench: Bench, monkeypatch, runs: bool) -> None:
    done: list[str] = []

    def on_demand(target: str) -> tuple[SimpleNamespace, bool]:
        done.append(target)
        return SimpleNamespace(usb="usb:1209:0001:V1", stop=lambda: done.append("stop")), not runs

    monkeypatch.setattr(remote, "boards", lambda: SimpleNamespace(on_demand=on_demand))
    monkeypatch.setattr(remote, "open_transport", lambda uri: bench.line.transport())
    with InferenceSession(MODEL, "qemu") as session:  # with the model's engine
        assert session.device.uri == "qemu" and session.self_test()
    assert done == ["pal-e32"] + ["stop"] * (not runs)
    monkeypatch.setattr(remote, "open_transport", lambda uri: open_transport("serial:/dev/ttyNONE"))
    with pytest.raises(DeviceNotFound):
        open_device("qemu")
    assert done[-1] == ("pal-e128" if runs else "stop")


def test_without_the_virtual_board_it_says_so(monkeypatch) -> None:
    monkeypatch.setattr(remote, "boards", lambda: None)
    with pytest.raises(DeviceError, match="device 'qemu' needs the virtual board, which is not installed here"):
        open_device("qemu")
