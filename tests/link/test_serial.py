"""Serial lines, on pseudo-terminals: exclusive use, what is not there, unplugging, and a whole connection."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from collections.abc import Iterator

import pytest
import serial

from pal_edge.errors import DeviceBusy, DeviceError, DeviceNotFound, DevicePermissionError, LinkError
from pal_edge.link import Connection, open_transport
from pal_edge.link.serial_line import SerialTransport
from pal_edge.spec.link import Command
from tests.link.pty_board import Pty, PtyBoard


@pytest.fixture
def pty() -> Iterator[Pty]:
    made = Pty()
    yield made
    made.close()


def test_bytes_pass_both_ways(pty: Pty) -> None:
    data = bytes(range(256)) * 8
    with open_transport(pty.uri) as line:
        assert line.name == pty.uri
        assert line.read(0.01) == b""
        os.write(pty.master, data)
        found = b""
        while len(found) < len(data):
            found += line.read(1)
        assert found == data
        assert line.write(data, 1) == len(data)
        assert os.read(pty.master, 4096) == data


def test_a_full_line_takes_no_more_until_it_is_read(pty: Pty) -> None:
    with open_transport(pty.uri) as line:
        while taken := line.write(bytes(4096), 0.05):
            assert taken <= 4096
        os.read(pty.master, 65536)
        assert line.write(b"more", 1) > 0


def test_a_write_returns_when_something_can_be_read(pty: Pty) -> None:
    with open_transport(pty.uri) as line:
        while line.write(bytes(4096), 0.05):
            pass
        os.write(pty.master, b"x")
        assert line.write(b"y", 60) == 0  # not after a minute
        assert line.read(0) == b"x"


def test_a_second_opener_is_told_who_is_in_the_way(pty: Pty) -> None:
    with open_transport(pty.uri):
        with pytest.raises(DeviceBusy, match=f"{pty.path} is in use by another program; close that one"):
            open_transport(pty.uri)
        code = f"import pal_edge.link as l; l.open_transport({pty.uri!r})"
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert "DeviceBusy" in other.stderr
    open_transport(pty.uri).close()


def test_a_killed_host_leaves_the_line_free(pty: Pty) -> None:
    code = f"import pal_edge.link as l, time; t = l.open_transport({pty.uri!r}); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as host:
        assert host.stdout and host.stdout.readline()
        with pytest.raises(DeviceBusy):
            open_transport(pty.uri)
        host.kill()
    open_transport(pty.uri).close()


@pytest.mark.parametrize("uri", ["serial:/dev/ttyNOSUCH", "serial:/dev/null", "serial:/", "serial:{file}"])
def test_what_is_no_serial_port(tmp_path, uri: str) -> None:
    (tmp_path / "file").write_bytes(b"text")
    with pytest.raises(DeviceNotFound, match="pal-edge devices"):
        open_transport(uri.format(file=tmp_path / "file"))


@pytest.mark.parametrize(("number", "kind", "remedy"), [
    (errno.EACCES, DevicePermissionError, "doctor --install-udev"),
    (errno.EBUSY, DeviceBusy, "close that one"),
    (errno.EIO, DeviceNotFound, "plug the board in"),
    (errno.ENOMEM, DeviceError, "does not open"),
])
def test_each_reason_has_its_class_and_remedy(monkeypatch, number: int, kind: type, remedy: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise serial.SerialException(number, f"could not open port: {os.strerror(number)}")

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(kind, match=remedy) as caught:
        SerialTransport("/dev/ttyX")
    assert type(caught.value) is kind and "/dev/ttyX" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("uri", ["serial:", "serial:/dev/ttyX?baud=", "serial:/dev/ttyX?baud=fast",
                                 "serial:/dev/ttyX?baud=0", "serial:/dev/ttyX?speed=9600", "serial:/dev/ttyX?baud=-1"])
def test_a_malformed_uri_is_explained(uri: str) -> None:
    with pytest.raises(DeviceError, match=r"is no serial line; write serial:/dev/ttyX or serial:/dev/ttyX\?baud="):
        open_transport(uri)


def test_the_baud_rate_is_set(pty: Pty) -> None:
    with open_transport(f"{pty.uri}?baud=921600") as line:
        assert line.name == f"{pty.uri}?baud=921600"
        assert isinstance(line, SerialTransport) and line._port.baudrate == 921600


def test_other_schemes_are_no_lines() -> None:
    with pytest.raises(DeviceNotFound, match="'sim' is no line to a board; try serial:/dev/ttyX or usb:VID:PID"):
        open_transport("sim")


def test_unplugging_is_a_broken_link_in_reads_and_writes(pty: Pty) -> None:
    with open_transport(pty.uri) as line:
        pty.unplug()
        for use in (lambda: line.read(1), lambda: line.write(b"x", 1)):
            with pytest.raises(LinkError, match="the line is gone .*; is the board still plugged in"):
                use()


def test_a_connection_over_a_line_that_had_garbage_on_it() -> None:
    board = PtyBoard()
    pty = board.pty
    try:
        os.write(pty.master, random.Random(2).randbytes(2000))
        sent = [random.Random(i).randbytes(3000) for i in range(60)]
        for _ in range(3):  # one host after the other
            with Connection(open_transport(pty.uri)) as link:
                assert [r.body for r in link.pipeline((Command.ECHO, body) for body in sent)] == sent
        with Connection(open_transport(pty.uri)) as link:
            responses = link.pipeline((Command.ECHO, body) for body in sent)
            next(responses)
            pty.unplug()
            with pytest.raises(LinkError):
                list(responses)
    finally:
        board.close()
