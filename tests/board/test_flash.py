"""Transfers: what is skipped, copied and sent, what the board holds in the end, and what breaks on the way."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pal_edge.board import Board, FlashResult, flash_image, flash_model
from pal_edge.board import flash as flash_module
from pal_edge.errors import (
    ContainerError,
    DeviceBusy,
    DeviceError,
    FlashError,
    ImageError,
    LinkError,
    StoreFullError,
    TargetError,
)
from pal_edge.spec.link import SECTOR, BeginRecord, Mode
from pal_edge.spec.status import Status
from pal_edge.spec.targets import TARGETS
from tests.board.fake import FakeBoard
from tests.board.images import make_image
from tests.board.test_client import Bench
from tests.driver.small_model import model


@pytest.fixture
def bench(monkeypatch) -> Iterator[Bench]:
    monkeypatch.setattr(flash_module, "_PAUSE", 0.0)
    made = Bench()
    yield made
    made.close()


def code(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def image_in(fake: FakeBoard, slot: int, size: int) -> bytes:
    return bytes(fake.slots[slot][:size])


def test_an_image_arrives_whole(bench: Bench) -> None:
    image = make_image(code(50_000))
    seen: list[tuple[int, int, int]] = []
    result = flash_image(bench.board, image, progress=lambda *at: seen.append(at))
    assert image_in(bench.fake, 1, len(image)) == image
    assert bench.fake.pending == hashlib.sha256(image).digest()
    assert result.sectors == -(-len(image) // SECTOR) and result.skipped == 0 and result.slot == 1
    assert len(image) < result.sent < len(image) * 1.02
    assert seen[0] == (0, len(image), 0) and seen[-1] == (len(image), len(image), result.sent)
    assert [done for done, *_ in seen] == sorted(done for done, *_ in seen)


def test_the_same_again_is_nothing(bench: Bench) -> None:
    image = make_image(code(20_000))
    flash_image(bench.board, image)
    again = flash_image(bench.board, image)
    assert again.already and again.sent == 0
    assert len(bench.fake.written) == -(-len(image) // SECTOR)


def test_what_compresses_is_sent_compressed(bench: Bench) -> None:
    image = make_image(b"the quick brown fox jumps over the lazy dog. " * 1000 + b"\xff" * 9000)
    result = flash_image(bench.board, image)
    assert image_in(bench.fake, 1, len(image)) == image
    assert result.sent < len(image) // 10


def test_sectors_that_are_right_are_not_written(bench: Bench) -> None:
    image = make_image(code(60_000))
    bench.fake.slots[1][: len(image)] = image
    bench.fake.slots[1][3 * SECTOR + 5] ^= 1
    bench.fake.slots[1][9 * SECTOR] ^= 1
    result = flash_image(bench.board, image)
    assert bench.fake.written == [3 * SECTOR, 9 * SECTOR]
    assert result.skipped == result.sectors - 2
    assert image_in(bench.fake, 1, len(image)) == image


@pytest.mark.parametrize("change", ["replaced", "inserted", "removed", "moved"])
def test_an_update_of_one_percent_sends_less_than_five(bench: Bench, change: str) -> None:
    old = code(200_000)
    new = {"replaced": old[:70_000] + code(1000, 1) + old[71_000:150_000] + code(1000, 2) + old[151_000:],
           "inserted": old[:70_001] + code(2000, 1) + old[70_001:],
           "removed": old[:70_001] + old[72_001:],
           "moved": old[100_003:] + old[:100_003]}[change]
    running, update = make_image(old), make_image(new)
    bench.fake.slots[0][: len(running)] = running
    result = flash_image(bench.board, update)
    assert image_in(bench.fake, 1, len(update)) == update
    assert result.sent + result.received < 0.05 * len(update)
    assert result.copied > 0.95 * len(update)


@pytest.mark.parametrize(("old", "new", "most"), [(400_000, 100_000, 0.05), (1_000_000, 20_000, 0.0)])
def test_digests_of_much_are_not_asked_for_little(bench: Bench, old: int, new: int, most: float) -> None:
    former = replace(model(), provenance={"noise": code(old // 2).hex()}).to_bytes()
    flash_model(bench.board, "kws", former)
    bench.fake.area[:] = b"\xff" * len(bench.fake.area)
    update = replace(model(), provenance={"noise": code(new // 2, 1).hex()}).to_bytes()
    result = flash_model(bench.board, "kws", update)
    assert bench.board.fetch("kws") == update
    assert result.received - 6 * result.sectors <= most * result.size


def test_a_dry_run_changes_nothing_and_tells_the_same(bench: Bench) -> None:
    image = make_image(code(30_000))
    before = [bytes(slot) for slot in bench.fake.slots]
    planned = flash_image(bench.board, image, dry_run=True)
    assert [bytes(slot) for slot in bench.fake.slots] == before
    assert bench.fake.written == [] and bench.fake.pending == b"" and bench.fake.transfer is None
    done = flash_image(bench.board, image)
    assert replace(planned, seconds=0) == replace(done, seconds=0)


def test_a_model_arrives_under_its_name_and_label(bench: Bench) -> None:
    data = model().to_bytes()
    result = flash_model(bench.board, "kws", data, label="kws01")
    (stored,) = bench.board.models()
    assert (stored.name, stored.label, stored.digest) == ("kws", "kws01", hashlib.sha256(data).digest())
    assert bench.board.fetch("kws") == data and result.slot == 255
    assert flash_model(bench.board, "kws", data).already


def test_a_model_is_an_update_of_its_former_version(bench: Bench) -> None:
    old = replace(model(), provenance={"noise": code(40_000).hex()}).to_bytes()
    new = replace(model(), provenance={"noise": code(40_000).hex(), "z": 1}).to_bytes()
    flash_model(bench.board, "kws", old)
    result = flash_model(bench.board, "kws", new)
    assert bench.board.fetch("kws") == new
    assert result.size == len(new)


@pytest.mark.parametrize(("broken", "kind", "message"), [
    (lambda image: b"GIF89a", ImageError, "not a firmware image"),
    (lambda image: image[:-1], ImageError, "truncated"),
    (lambda image: image[:100] + b"\1" + image[101:], ImageError, "damaged: its digest does not match"),
    (lambda image: make_image(code(1000), board=7), ImageError, "for board id 0x00000007, this fake is 0x31564c50"),
    (lambda image: make_image(code(1000), counter=4), ImageError, "security counter 4 is older than the board's, 5"),
    (lambda image: make_image(code(300_000)), ImageError, "the image has 300... bytes, a slot of the board 262144"),
])
def test_an_image_that_will_not_do_is_refused_before_anything_is_sent(bench: Bench, broken, kind, message) -> None:
    with pytest.raises(kind, match=message):
        flash_image(bench.board, broken(make_image(code(5000))))
    assert bench.fake.written == [] and bench.fake.transfer is None


def test_a_model_that_will_not_do_is_refused(bench: Bench) -> None:
    with pytest.raises(ContainerError, match="not a PAL model"):
        flash_model(bench.board, "x", b"GIF89a")
    with pytest.raises(TargetError, match="model for pal-e256 on a pal-e32: the model was compiled for another target"):
        flash_model(bench.board, "x", replace(model(), target=TARGETS["pal-e256"]).to_bytes())
    bench.fake.room = 0
    with pytest.raises(StoreFullError, match=r"the model has \d+ bytes, the largest that fits has 0 .*models rm"):
        flash_model(bench.board, "x", model().to_bytes())
    with pytest.raises(DeviceError, match="'kws02' is no MLPerf Tiny task"):
        flash_model(bench.board, "x", model().to_bytes(), label="kws02")


def test_a_model_in_use_is_not_replaced(bench: Bench) -> None:
    bench.fake.used = b"kws"
    with pytest.raises(DeviceBusy, match="a session uses the model of that name; close it, or choose another"):
        flash_model(bench.board, "kws", model().to_bytes())


def test_the_boards_refusal_at_the_end_is_passed_on(bench: Bench) -> None:
    bench.fake._end = lambda body: (Status.ERR_SIGNATURE, b"")
    with pytest.raises(ImageError, match="fake:: the image is not signed by the key that this board trusts"):
        flash_image(bench.board, make_image(code(5000)))


def test_flash_that_fails_ends_the_transfer(bench: Bench) -> None:
    bench.fake._write = lambda body: (Status.ERR_FLASH, b"")
    with pytest.raises(FlashError, match="failed to erase, program or verify"):
        flash_image(bench.board, make_image(code(50_000)))
    assert bench.fake.transfer is None


def test_a_digest_that_lied_is_found_at_the_end_and_all_is_sent(bench: Bench) -> None:
    image = make_image(code(50_000))
    liar = FakeBoard()  # two blocks may have the same digest: this slot seems to hold the image
    liar.slots[1][: len(image)] = image
    liar.transfer = (BeginRecord(), liar.slots[1], bytes(liar.slots[0]))
    bench.fake._digests = liar._digests
    result = flash_image(bench.board, image)
    assert image_in(bench.fake, 1, len(image)) == image
    assert len(bench.fake.written) == result.sectors and result.sent > len(image)


def test_a_link_that_breaks_again_and_again_is_taken_up_where_it_broke(bench: Bench) -> None:
    image = make_image(code(200_000))
    breaks = iter([3, 10, 11, 30])
    at = next(breaks)

    def cut() -> bool:
        nonlocal at
        if len(bench.fake.written) < at:
            return False
        at = next(breaks, 10**9)
        bench.line.restart()
        return True

    bench.fake.power_cut = cut
    result = flash_image(bench.board, image)
    assert image_in(bench.fake, 1, len(image)) == image
    assert result.reconnects == 4 and len(bench.fake.written) == result.sectors


def test_a_link_that_breaks_without_progress_is_given_up(bench: Bench) -> None:
    def cut() -> bool:
        bench.line.restart()
        return True

    bench.fake.power_cut = cut
    with pytest.raises(LinkError, match="the link broke: .*; what was written is kept: flash again to go on"):
        flash_image(bench.board, make_image(code(50_000)))


def test_a_second_host_goes_on_after_the_first_was_killed(bench: Bench) -> None:
    image = make_image(code(200_000))

    class Killed(Exception):
        pass

    def kill(done: int, total: int, sent: int) -> None:
        if done > 100_000:
            raise Killed

    with pytest.raises(Killed):
        flash_image(bench.board, image, progress=kill)
    bench.board.close()
    with Board(bench.line.transport, "fake:") as board:
        result = flash_image(board, image)
    assert image_in(bench.fake, 1, len(image)) == image
    assert result.skipped * SECTOR > 90_000


@pytest.mark.parametrize("noise", [0.001, 0.01])
def test_a_bad_line_delivers_all_the_same(noise: float) -> None:
    bench = Bench(noise=noise, seed=9)
    try:
        image = make_image(code(100_000))
        flash_image(bench.board, image)
        assert image_in(bench.fake, 1, len(image)) == image
    finally:
        bench.close()


def test_the_bootloader_takes_images(bench: Bench) -> None:
    bench.fake.identity = replace(bench.fake.identity, mode=Mode.BOOTLOADER)
    image = make_image(code(5000))
    assert isinstance(flash_image(bench.board, image), FlashResult)
    with pytest.raises(DeviceError, match="in its bootloader, which cannot do this"):
        flash_model(bench.board, "x", model().to_bytes())




def test_another_hosts_transfer_ends_this_one(bench: Bench) -> None:
    def cut() -> bool:
        return len(bench.fake.written) == 3  # whose answer is then ERR_STATE

    bench.fake.power_cut = cut
    with pytest.raises(DeviceBusy, match="another host began a transfer to this board; let it finish"):
        flash_image(bench.board, make_image(code(100_000)))
