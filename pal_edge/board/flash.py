"""Write firmware and models to a board: only what it lacks, compressed, and on from where a link broke."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ..container import Model
from ..errors import (
    DeviceBusy,
    DeviceError,
    DeviceNotFound,
    DeviceTimeout,
    LinkError,
    LinkVersionError,
    StoreFullError,
    TargetError,
)
from ..link import Response
from ..spec.link import (
    DIGEST_BYTES,
    SECTOR,
    BeginRecord,
    Command,
    DigestsRecord,
    TransferArea,
    TransferKind,
    TransferRecord,
)
from ..spec.status import Status
from ..spec.targets import TARGETS
from .client import Board, name_bytes
from .delta import Copy, Digests, block_digests, find_copies, parse_digests
from .image import Image
from .segments import cut, encode_sector

TASKS = ("ad01", "ic01", "kws01", "vww01")  # of MLPerf Tiny
BLOCKS = (512, 1024, 2048, SECTOR)  # bytes that are looked for together in what the board has
_WORTH = 20  # digests of those must be so much smaller than what they may save
RETRIES = 6  # links that may break with no sector written between them
_PAUSE = 0.25  # seconds before the link is opened anew, doubled with every failure
_DIGESTS = 512  # blocks asked for in one request
_LONG = 60.0  # seconds: checks of a whole slot or store

# progress(bytes done, bytes in all, bytes sent): counted in bytes of the file, and in bytes of requests.
Progress = Callable[[int, int, int], None]


@dataclass(frozen=True)
class FlashResult:
    """What a transfer did, or with `dry_run` would do; in bytes but where stated.

    Attributes:
        already: the board had exactly this, in use; nothing was done.
        slot: that was written; 255 for a model.
        sectors: of the file; `skipped` of them were right already.
        sent: requests for the rest, `copied` of whose content came from the board's own flash.
        received: digests of what the board has.
        reconnects: links that broke on the way.
    """

    size: int
    already: bool
    slot: int = 255
    sectors: int = 0
    skipped: int = 0
    sent: int = 0
    copied: int = 0
    received: int = 0
    reconnects: int = 0
    seconds: float = 0.0


def flash_image(board: Board, data: bytes | Image, *, progress: Progress | None = None,
                dry_run: bool = False) -> FlashResult:
    """Write a signed firmware image into the slot that is not running; it boots on trial at the next restart.

    Args:
        data: the file, in MCUboot's format.
        dry_run: change nothing, only tell what would be sent.

    Raises ImageError for one that the board refuses, FlashError, DeviceTimeout, LinkError, DeviceError.
    """
    image = data if isinstance(data, Image) else Image.parse(data)
    image.check_board(board.identify())
    begin = BeginRecord(kind=TransferKind.IMAGE, size=len(image.data), board_id=image.board_id,
                        security_counter=image.security_counter, digest=hashlib.sha256(image.data).digest())
    return _Transfer(board, begin, image.data, progress).run(dry_run)


def flash_model(board: Board, name: str, data: bytes, *, label: str = "", progress: Progress | None = None,
                dry_run: bool = False) -> FlashResult:
    """Write a model into the store, in place of one of the same name.

    Args:
        data: a .pal file.
        label: one of TASKS, whose benchmark protocol the model answers.
        dry_run: change nothing, only tell what would be sent.

    Raises ContainerError, TargetError, StoreFullError, FlashError, DeviceTimeout, LinkError, DeviceError.
    """
    if label and label not in TASKS:
        raise DeviceError(f"{label!r} is no MLPerf Tiny task; known: {', '.join(TASKS)}")
    model, identity = Model.from_bytes(data), board.identify()
    if identity.engine_abi and model.target.id != identity.target:
        name_of = next((t.name for t in TARGETS.values() if t.id == identity.target), f"target {identity.target}")
        raise TargetError(f"model for {model.target.name} on a {name_of}: the model was compiled for another target")
    begin = BeginRecord(kind=TransferKind.MODEL, size=len(data), name=name_bytes(name), label=label.encode(),
                        digest=hashlib.sha256(data).digest())
    return _Transfer(board, begin, data, progress).run(dry_run)


class _Transfer:
    """One file on its way; `run` tries until it is there."""

    def __init__(self, board: Board, begin: BeginRecord, data: bytes, progress: Progress | None) -> None:
        self._board = board
        self._begin = begin
        self._data = data.ljust(-(-len(data) // SECTOR) * SECTOR, b"\xff")
        self._digests = block_digests(self._data, SECTOR)
        self._progress = progress
        self._source: tuple[int, int] | None = None  # slot and size of what `_copies` come from
        self._copies: dict[int, list[Copy]] = {}
        self._written = 0  # sectors, confirmed by the board
        self._thorough = False  # after a digest that did not match: take nothing for granted
        self.result = FlashResult(len(data), already=False, sectors=len(self._digests))

    def run(self, dry_run: bool) -> FlashResult:
        start, failures, written = time.monotonic(), 0, 0
        self._board.link()
        links = self._board.generation
        while True:
            try:
                self._attempt(dry_run)
                return replace(self.result, seconds=time.monotonic() - start,
                               reconnects=self._board.generation - links)
            except (LinkError, DeviceTimeout, DeviceNotFound) as error:
                failures = failures + 1 if self._written == written else 1
                if isinstance(error, LinkVersionError):
                    raise
                if failures == RETRIES:
                    raise type(error)(f"{error}; what was written is kept: flash again to go on") from error
                written = self._written
                time.sleep(_PAUSE * 2**failures)

    def _attempt(self, dry_run: bool) -> None:
        transfer = self._open()
        self.result = replace(self.result, slot=transfer.slot, already=bool(transfer.already) and not self._written)
        if transfer.already:
            self._report(len(self._digests))
            return
        try:
            self._write(transfer, dry_run)
        except DeviceError as error:
            if not isinstance(error, (LinkError, DeviceTimeout, DeviceNotFound)):
                self._board.ask(Command.ABORT)
            raise
        if dry_run:
            self._board.request(Command.ABORT)
            return
        response = self._board.ask(Command.END, timeout=_LONG)
        if response.status == Status.ERR_DIGEST and not self._thorough:
            self._thorough = True  # two blocks of the same digest, perhaps: now without any
            self._attempt(dry_run)
            return
        self._check(response)

    def _open(self) -> TransferRecord:
        response = self._board.ask(Command.BEGIN, self._begin.pack(), timeout=_LONG)
        if response.status == Status.ERR_FULL:
            room = self._board.store()
            raise StoreFullError(f"{self._board.uri}: the model has {self.result.size} bytes, the largest that fits "
                                 f"has {room.largest} ({room.free} of {room.size} are free); "
                                 "remove one with `pal-edge models rm`")
        if response.status == Status.ERR_STATE:
            raise DeviceBusy(f"{self._board.uri}: a session uses the model of that name; close it, or choose another")
        self._board.check(response)
        transfer = TransferRecord.unpack(response.body)
        if transfer.target_size < len(self._data) and not transfer.already:
            raise DeviceError(f"{self._board.uri}: the board offers {transfer.target_size} bytes for "
                              f"{len(self._data)}; update its firmware")
        return transfer

    def _write(self, transfer: TransferRecord, dry_run: bool) -> None:
        wrong = list(range(len(self._digests)))
        copies: dict[int, list[Copy]] = {}
        if not self._thorough:
            there = self._ask_digests(TransferArea.TARGET, SECTOR, len(self._digests))
            wrong = [i for i in wrong if there[i] != self._digests[i]]
            copies = self._find_copies(transfer, len(wrong) * SECTOR)
        done = len(self._digests) - len(wrong)
        if not self.result.sent:
            self.result = replace(self.result, skipped=done)
        self._report(done)
        if dry_run:
            for _ in self._requests(wrong, copies):
                pass
            return
        for response in self._board.pipeline(self._requests(wrong, copies)):
            self._check(response)
            self._written += 1
            done += 1
            self._report(done)

    def _find_copies(self, transfer: TransferRecord, needed: int) -> dict[int, list[Copy]]:
        """Return what the source has of the file, by sector; looked for once, or again in another source."""
        source = transfer.slot, transfer.source_size
        if self._source != source:
            self._source, self._copies = source, {}
            for block in BLOCKS:
                count = transfer.source_size // block
                if 0 < count * DIGEST_BYTES * _WORTH <= needed:
                    digests = self._ask_digests(TransferArea.SOURCE, block, count)
                    self._copies = cut(find_copies(self._data, digests, block), len(self._data))
                    break
        return self._copies

    def _requests(self, wrong: list[int], copies: dict[int, list[Copy]]) -> Iterator[tuple[Command, bytes]]:
        """Yield the WRITE requests, encoded when the line has room for them."""
        for number in wrong:
            offset = number * SECTOR
            sector = encode_sector(offset, self._data[offset : offset + SECTOR], copies.get(number, ()))
            self.result = replace(self.result, sent=self.result.sent + len(sector.body),
                                  copied=self.result.copied + sector.copied)
            yield Command.WRITE, sector.body

    def _ask_digests(self, area: TransferArea, block: int, count: int) -> Digests:
        """Return the digests of the first blocks of an area."""
        requests = ((Command.DIGESTS, DigestsRecord(area, 0, block, first * block, min(_DIGESTS, count - first)).pack())
                    for first in range(0, count, _DIGESTS))
        found = b""
        for response in self._board.pipeline(requests):
            self._check(response)
            found += response.body
        if len(found) != count * DIGEST_BYTES:
            raise LinkError(f"{self._board.uri}: {len(found)} bytes of digests for {count} blocks; "
                            "update pal-edge or the board's firmware")
        self.result = replace(self.result, received=self.result.received + len(found))
        return parse_digests(found)

    def _check(self, response: Response) -> None:
        if response.status == Status.ERR_STATE:
            raise DeviceBusy(f"{self._board.uri}: another host began a transfer to this board; let it finish, "
                             "then flash again")
        self._board.check(response)

    def _report(self, sectors: int) -> None:
        if self._progress:
            self._progress(min(sectors * SECTOR, self.result.size), self.result.size, self.result.sent)
