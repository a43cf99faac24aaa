"""A firmware image in MCUboot's format, as imgtool signs it. The board checks it again, signature included."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import ImageError
from .records import Identity, version_text

_HEADER = struct.Struct("<IIHHII8sI")  # magic, load address, sizes of header, protected area, body; flags, version
_AREA = struct.Struct("<HH")  # magic and size of a trailer area; type and length of an entry
_MAGIC, _PROTECTED, _PLAIN = 0x96F3B83D, 0x6908, 0x6907
_KEY_HASH, _SHA256, _ED25519, _COUNTER, _BOARD = 0x01, 0x10, 0x24, 0x50, 0xA0


@dataclass(frozen=True)
class Image:
    """A whole image; `data` without what pads it."""

    data: bytes = field(repr=False)
    version: str
    security_counter: int
    board_id: int
    digest: bytes  # SHA-256 as imgtool shows it
    key_hash: bytes  # SHA-256 of the public key that it is signed with

    @classmethod
    def parse(cls, data: bytes) -> Image:
        """Read an image. Raises ImageError for what is none, is truncated, damaged or not signed for a board."""
        if len(data) < _HEADER.size or data[:4] != _MAGIC.to_bytes(4, "little"):
            raise ImageError("not a firmware image (wrong magic); sign the binary with imgtool first")
        _, _, header_size, protected_size, body_size, _, version, _ = _HEADER.unpack_from(data)
        covered = header_size + body_size
        protected: dict[int, bytes] = {}
        if protected_size:
            protected = dict(_entries(data, covered, _PROTECTED))
            covered += protected_size
        plain = dict(_entries(data, covered, _PLAIN))
        end = covered + _AREA.unpack_from(data, covered)[1]
        if data[end:].strip(b"\xff"):
            raise ImageError(f"{len(data) - end} bytes behind the image; sign it without --pad and --confirm")
        for kind, size, name in ((_SHA256, 32, "digest"), (_KEY_HASH, 32, "hash of its key"),
                                 (_ED25519, 64, "Ed25519 signature")):
            if len(plain.get(kind, b"")) != size:
                raise ImageError(f"the image has no {name}; sign it with imgtool and an Ed25519 key")
        if hashlib.sha256(data[:covered]).digest() != plain[_SHA256]:
            raise ImageError("the image is damaged: its digest does not match; build or copy it again")
        return cls(data[:end], version_text(version), _word(protected, _COUNTER, "--security-counter N"),
                   _word(protected, _BOARD, "--custom-tlv 0x00a0 BOARD_ID"), plain[_SHA256], plain[_KEY_HASH])

    def check_board(self, identity: Identity) -> None:
        """Raise ImageError if that board would refuse the image."""
        if self.board_id != identity.board_id:
            raise ImageError(f"the image is for board id 0x{self.board_id:08x}, this {identity.board} "
                             f"is 0x{identity.board_id:08x}; build the firmware for it")
        if self.security_counter < identity.security_counter:
            raise ImageError(f"the image's security counter {self.security_counter} is older than the board's, "
                             f"{identity.security_counter}: firmware it replaced for security; use a newer one")
        if len(self.data) > identity.slot_size:
            raise ImageError(f"the image has {len(self.data)} bytes, a slot of the board {identity.slot_size}")


def _entries(data: bytes, start: int, magic: int) -> Iterator[tuple[int, bytes]]:
    """Yield type and value of every entry of a trailer area."""
    if start + _AREA.size > len(data):
        raise ImageError(f"the image is truncated: {len(data)} bytes, its trailer begins at {start}; copy it again")
    found, size = _AREA.unpack_from(data, start)
    end = start + size
    if found != magic:
        raise ImageError("the image's trailer is damaged, or it was not signed; sign it with imgtool")
    if end > len(data):
        raise ImageError(f"the image is truncated: {len(data)} of {end} bytes; copy it again")
    at = start + _AREA.size
    while at < end:
        kind, length = _AREA.unpack_from(data, at) if at + _AREA.size <= end else (0, end)
        at += _AREA.size + length
        if at > end:
            raise ImageError("the image's trailer is damaged; build or copy it again")
        yield kind, data[at - length : at]


def _word(protected: dict[int, bytes], kind: int, option: str) -> int:
    value = protected.get(kind, b"")
    if len(value) != 4:
        raise ImageError(f"the image carries no such protected value; sign it with imgtool {option}")
    return int.from_bytes(value, "little")
