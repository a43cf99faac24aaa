"""Requests over a link: order, damage, restarts, silence, several threads, and what errors say."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pal_edge.errors import DeviceError, DeviceTimeout, LinkError, LinkVersionError
from pal_edge.link import Connection
from pal_edge.link.connection import BODY_MAX
from pal_edge.runtime.native import lib
from pal_edge.spec.link import Command, FrameRecord, FrameType, HelloRecord
from pal_edge.spec.status import Status
from tests.link.loopback import LoopbackBoard, echo


def bodies(count: int, seed: int = 0) -> list[bytes]:
    generator = random.Random(seed)
    return [generator.randbytes(generator.choice((0, 1, 7, 100, 1023, BODY_MAX))) for _ in range(count)]


@pytest.mark.parametrize("noise", [0, 0.001, 0.01])
def test_every_response_comes_once_in_order(noise: float) -> None:
    sent = bodies(200)
    with LoopbackBoard(noise=noise, seed=3) as board, Connection(board.transport()) as link:
        found = [each.body for each in link.pipeline((Command.ECHO, body) for body in sent)]
        assert found == sent
        assert board.handled == len(sent)
        assert (link.counts["frames_damaged"] > 0) == (noise > 0)


@pytest.mark.parametrize(("window", "payload", "chunk"), [(64, 32, 1), (256, 64, 7), (1 << 16, 16384, 1 << 16)])
def test_windows_of_any_size_carry_any_request(window: int, payload: int, chunk: int) -> None:
    sent = bodies(6)
    with (LoopbackBoard(window=window, payload=payload, chunk=chunk) as board,
          Connection(board.transport()) as link):
        assert [each.body for each in link.pipeline((Command.ECHO, body) for body in sent)] == sent


def test_a_refusal_is_the_exception_of_its_status() -> None:
    with LoopbackBoard() as board, Connection(board.transport()) as link:
        with pytest.raises(DeviceError, match="loopback:: the board does not know this request"):
            link.request(Command.SLOTS)
        assert link.ask(Command.SLOTS).status == Status.ERR_COMMAND
        assert link.request(Command.ECHO, b"still") == b"still"


def test_answers_to_what_was_given_up_are_dropped() -> None:
    with LoopbackBoard() as board, Connection(board.transport()) as link:
        started = link.pipeline((Command.ECHO, bytes([i])) for i in range(100))
        assert next(started).body == b"\0"
        between = link.request(Command.ECHO, b"between")  # while others are on their way
        assert between == b"between" and next(started).body == b"\1"
        started.close()
        link._next -= 100  # the numbers come round again
        for i in range(100):
            assert link.request(Command.ECHO, b"after%d" % i) == b"after%d" % i


def test_a_question_between_requests_that_have_yet_to_be_sent() -> None:
    with LoopbackBoard(window=64, payload=32) as board, Connection(board.transport()) as link:
        started = link.pipeline((Command.ECHO, bytes(BODY_MAX)) for _ in range(100))
        assert next(started).body == bytes(BODY_MAX)
        assert link.request(Command.ECHO, b"between") == b"between"


def test_threads_share_a_connection() -> None:
    with LoopbackBoard() as board, Connection(board.transport()) as link, ThreadPoolExecutor(4) as pool:
        sent = [str(i).encode() * 50 for i in range(400)]
        assert list(pool.map(lambda body: link.request(Command.ECHO, body), sent)) == sent


def test_a_restart_breaks_the_session_and_open_begins_another() -> None:
    with LoopbackBoard() as board, Connection(board.transport()) as link:
        assert link.request(Command.ECHO, b"1") == b"1"
        board.restart()
        for _ in range(2):
            with pytest.raises(LinkError, match="the link broke: the board restarted"):
                link.request(Command.ECHO, b"2")
            assert link.broken
        link.open()
        assert link.request(Command.ECHO, b"3") == b"3"


def test_a_second_host_ends_the_first_ones_session() -> None:
    with LoopbackBoard() as board, Connection(board.transport()) as one, Connection(board.transport()) as other:
        assert other.request(Command.ECHO, b"mine") == b"mine"
        assert not other.broken
        with pytest.raises(LinkError):
            one.request(Command.ECHO, b"theirs")


def test_garbage_at_connect_does_no_harm() -> None:
    garbage = random.Random(1).randbytes(3000)
    with LoopbackBoard() as board:
        board.to_board.put(garbage)
        board.to_host.put(garbage)
        with Connection(board.transport()) as link:
            assert link.request(Command.ECHO, b"x") == b"x"


def test_text_outside_frames_reaches_the_callback() -> None:
    seen = bytearray()
    with LoopbackBoard() as board, Connection(board.transport(), seen.extend) as link:
        board.plain = b"boot: slot 0\r\n"
        for i in range(5):
            link.request(Command.ECHO, bytes([i]))
            time.sleep(0.01)
    assert b"boot: slot 0" in seen


def test_silence_at_connect() -> None:
    with LoopbackBoard() as board:
        board.silent = True
        transport = board.transport()
        with pytest.raises(DeviceTimeout, match="loopback:: nothing answers there; is it a PAL board"):
            Connection(transport, open_timeout=0.3)
        assert transport.closed


def test_silence_in_the_middle() -> None:
    with LoopbackBoard() as board, Connection(board.transport(), give_up=0.3) as link:
        assert link.request(Command.ECHO, b"1") == b"1"
        board.silent = True
        with pytest.raises(DeviceTimeout, match="the board fell silent; check its power and its cable"):
            link.request(Command.ECHO, b"2")
        assert link.broken
        board.silent = False
        link.open()
        assert link.request(Command.ECHO, b"3") == b"3"


def test_a_request_that_takes_too_long() -> None:
    release = threading.Event()

    def slow(command: int, body: bytes) -> tuple[int, bytes]:
        if body == b"slow":
            release.wait(10)
        return echo(command, body)

    with LoopbackBoard(slow) as board, Connection(board.transport()) as link:
        with pytest.raises(DeviceTimeout, match=r"did not answer a request within 0\.2 s"):
            link.request(Command.ECHO, b"slow", timeout=0.2)
        release.set()
        assert link.request(Command.ECHO, b"next") == b"next"


def test_unplugging_breaks_what_is_going_on() -> None:
    with LoopbackBoard() as board, Connection(board.transport()) as link:
        responses = link.pipeline((Command.ECHO, bytes(4000)) for _ in range(1000))
        next(responses)
        board.unplugged = True
        with pytest.raises(LinkError, match="the line is gone; is the board still plugged in"):
            list(responses)


@pytest.mark.parametrize(("versions", "remedy"), [((7, 9), "update pal-edge"), ((0, 0), "update the board's firmware")])
def test_a_version_that_does_not_fit_says_whose_to_update(versions: tuple[int, int], remedy: str) -> None:
    class Stranger(LoopbackBoard):
        def _run(self) -> None:
            while not self._stop:
                data = self.to_board.get(0.01)
                if data:
                    session = int.from_bytes(_decode(data)[2:4], "little")
                    self.to_host.put(_encode(FrameRecord(FrameType.REFUSED, 1, session).pack()
                                             + HelloRecord(*versions, 1024, 1024).pack()))

    with Stranger() as board, pytest.raises(LinkVersionError, match=f"versions {versions[0]} to {versions[1]}, this "
                                                                     f"host 1 to 1; {remedy}"):
        Connection(board.transport())


def test_a_response_that_no_request_can_have_is_refused() -> None:
    with (LoopbackBoard(lambda command, body: (0, bytes(BODY_MAX + 1))) as board,
          Connection(board.transport()) as link,
          pytest.raises(LinkError, match="response of 4601 bytes; its firmware and this package do not fit")):
        link.request(Command.IDENTIFY)


def test_a_closed_connection_says_so() -> None:
    with LoopbackBoard() as board:
        link = Connection(board.transport())
        link.close()
        link.close()
        with pytest.raises(DeviceError, match="the connection is closed"):
            link.request(Command.ECHO)


def test_a_request_too_large_is_the_callers_mistake() -> None:
    with LoopbackBoard() as board, Connection(board.transport()) as link:
        with pytest.raises(ValueError, match="4601 bytes exceed a request of 4600"):
            link.request(Command.ECHO, bytes(BODY_MAX + 1))
        assert link.request(Command.ECHO, bytes(BODY_MAX)) == bytes(BODY_MAX)
        assert link._link.state == lib.PAL_LINK_OPEN


def _encode(frame: bytes) -> bytes:
    """COBS between zeros, with the CRC; `frame` is shorter than 254 bytes."""
    import zlib

    out, block = bytearray(b"\0"), bytearray()
    for byte in frame + zlib.crc32(frame).to_bytes(4, "little"):
        if byte:
            block.append(byte)
        else:
            out += bytes([len(block) + 1]) + block
            block.clear()
    return bytes(out) + bytes([len(block) + 1]) + bytes(block) + b"\0"


def _decode(data: bytes) -> bytes:
    coded, out = data.strip(b"\0"), bytearray()
    while coded:
        out += coded[1 : coded[0]] + (b"\0" if coded[0] < 255 else b"")
        coded = coded[coded[0]:]
    return bytes(out)
