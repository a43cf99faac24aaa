"""What a board is asked, typed; reconnecting; refusals."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pal_edge.board import Board, StoredModel
from pal_edge.errors import DeviceBusy, DeviceError, DeviceTimeout, LinkError, ModelNotFound
from pal_edge.spec.link import BeginRecord, Command, CrashRecord, Mode, ResetReason, SlotState
from tests.board.fake import SLOT_SIZE, FakeBoard
from tests.link.loopback import LoopbackBoard


class Bench:
    """A fake board on a loopback line, and the client of it."""

    def __init__(self, **options: float) -> None:
        self.fake = FakeBoard()
        self.line = LoopbackBoard(self.fake, **options)
        self.board = Board(self.line.transport, "fake:", timeout=1)

    def close(self) -> None:
        self.board.close()
        self.line.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def put(fake: FakeBoard, name: str, data: bytes, label: str = "") -> None:
    key = name.encode().ljust(32, b"\0")
    fake.models[key] = (data, BeginRecord(name=key, label=label.encode(), digest=hashlib.sha256(data).digest()))


def test_identity(bench: Bench) -> None:
    identity = bench.board.identify()
    assert (identity.mode, identity.reset_reason, identity.crashed) == (Mode.APPLICATION, ResetReason.POWER, False)
    assert (identity.board, identity.serial, identity.version) == ("fake", "F0001", "1.2.3+4")
    assert identity.slot_size == SLOT_SIZE and identity.clock_hz == 48_000_000
    assert identity.summary == "firmware 1.2.3+4 in slot 0 of fake"
    bench.fake.identity = replace(bench.fake.identity, mode=0, slot=255)
    assert bench.board.identify().summary == "bootloader 1.2.3+4 on fake, waiting for firmware"


def test_slots(bench: Bench) -> None:
    one, other = bench.board.slots()
    assert (one.state, one.running, one.size, one.version) == (SlotState.CONFIRMED, True, 1000, "1.2.3+4")
    assert one.digest == bytes(range(32))
    assert (other.state, other.running, other.version) == (SlotState.EMPTY, False, "")


def test_the_log_goes_on_from_a_position(bench: Bench) -> None:
    first = bench.board.log()
    assert (first.position, first.size, first.text) == (0, 23, "first line\nsecond line\n")
    bench.fake.log += b"third\xff\n"
    more = bench.board.log(first.position + first.size, 10)
    assert (more.position, more.size, more.text) == (23, 7, "third\ufffd\n")


def test_the_crash_record(bench: Bench) -> None:
    assert bench.board.crash() is None
    bench.fake.crash = CrashRecord(3, (1, 2, 3, 4, 5, 6, 0x1234, 8), (9, 0, 0, 0), 2500, bytes([1, 0, 0, 0] + [0] * 4),
                                   b"session run")
    found = bench.board.crash(clear=True)
    assert str(found) == ("crash of firmware 1.0.0 after 2.500 s: exception 3: session run; r0=00000001 r1=00000002 "
                          "r2=00000003 r3=00000004 r12=00000005 lr=00000006 pc=00001234 psr=00000008; fault 00000009 "
                          "00000000 00000000 00000000")
    assert bench.board.crash() is None


def test_models(bench: Bench) -> None:
    data = random.Random(0).randbytes(10_000)
    put(bench.fake, "kws", data, "kws01")
    put(bench.fake, "größe", b"x")
    assert bench.board.models()[0] == StoredModel("kws", 10_000, 1, "kws01", hashlib.sha256(data).digest())
    seen: list[tuple[int, int]] = []
    assert bench.board.fetch("kws", lambda *at: seen.append(at)) == data
    assert seen == [(4096, 10_000), (8192, 10_000), (10_000, 10_000)]
    assert bench.board.store().models == 2
    bench.board.remove("größe")
    assert [each.name for each in bench.board.models()] == ["kws"]
    for use in (bench.board.remove, bench.board.fetch):
        with pytest.raises(ModelNotFound, match="fake:: the board has no model 'größe'; it has 'kws'"):
            use("größe")


def test_a_model_in_use_is_not_removed(bench: Bench) -> None:
    put(bench.fake, "kws", b"x")
    bench.fake.used = b"kws"
    with pytest.raises(DeviceBusy, match="fake:: a session uses model 'kws'; close it first"):
        bench.board.remove("kws")


def test_a_model_that_changed_in_the_store_is_not_handed_out(bench: Bench) -> None:
    put(bench.fake, "kws", bytes(5000))
    key, (data, begin) = bench.fake.models.popitem()
    bench.fake.models[key] = (data[:-1] + b"\1", begin)
    with pytest.raises(DeviceError, match="'kws' is damaged in the board's store; flash it again"):
        bench.board.fetch("kws")


def test_echo_and_what_is_not_known(bench: Bench) -> None:
    assert bench.board.echo(b"abc") == b"abc"
    with pytest.raises(DeviceError, match="does not know this request"):
        bench.board.request(Command.SESSION_TEST)


def test_the_bootloader_says_what_it_cannot(bench: Bench) -> None:
    bench.fake.identity = replace(bench.fake.identity, mode=Mode.BOOTLOADER)
    with pytest.raises(DeviceError, match="the board is in its bootloader, which cannot do this; `pal-edge reset`"):
        bench.board.models()


def test_a_restart_of_the_board_is_not_seen_by_questions(bench: Bench) -> None:
    for generation in (1, 2, 3):
        assert bench.board.identify().serial == "F0001"
        assert bench.board.generation == generation
        bench.line.restart()
        assert bench.board.models() == []


def test_a_request_that_does_something_is_not_repeated_unasked(bench: Bench) -> None:
    put(bench.fake, "kws", b"x")
    link = bench.board.link()
    bench.line.restart()
    with pytest.raises(LinkError):
        bench.board.request(Command.REMOVE, b"kws".ljust(32, b"\0"))
    assert link.broken and len(bench.fake.models) == 1
    bench.board.remove("kws")


def test_restart_waits_for_the_board(bench: Bench) -> None:
    before = bench.board.generation
    identity = bench.board.restart(Mode.BOOTLOADER)
    assert identity.mode == Mode.BOOTLOADER and bench.board.generation > before


def test_a_board_that_does_not_restart_is_waited_for_so_long(bench: Bench) -> None:
    bench.fake._restart = lambda body: (0, b"")
    with pytest.raises(DeviceTimeout, match="did not come back within 0.6 s of its restart"):
        bench.board.restart(timeout=0.6)


def test_an_answer_of_another_age_is_a_link_error(bench: Bench) -> None:
    for answer in (b"short", bytes([9]) + bench.fake.identity.pack()[1:]):
        bench.fake._identify = lambda body, answer=answer: (0, answer)
        with pytest.raises(LinkError, match="answer is not understood; update pal-edge or the board's firmware"):
            bench.board.identify()
    bench.fake._slots = lambda body: (0, bytes(53))
    with pytest.raises(LinkError, match="not understood"):
        bench.board.slots()


def test_a_closed_board_says_so(bench: Bench) -> None:
    bench.board.close()
    with pytest.raises(DeviceError, match="the board is closed; connect to it again"):
        bench.board.identify()


@pytest.mark.parametrize("name", ["", "x" * 33, "ä" * 17, "a\nb", "a\0b"])
def test_names_that_no_model_can_have(bench: Bench, name: str) -> None:
    from pal_edge.board.client import name_bytes

    with pytest.raises(DeviceError, match="cannot name a model: 1 to 32 bytes of printable text can"):
        name_bytes(name)
