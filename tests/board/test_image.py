"""Images are read as imgtool writes them, and refused with a reason."""

from __future__ import annotations

import hashlib
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from pal_edge.board import Identity, Image
from pal_edge.errors import ImageError
from tests.board.fake import BOARD_ID, FakeBoard
from tests.board.images import HEADER_SIZE, area, make_image, tlv

IMGTOOL = [str(Path(sys.executable).with_name("imgtool"))]


@pytest.fixture(scope="module")
def signed(tmp_path_factory) -> bytes:
    """An image that imgtool signed."""
    folder = tmp_path_factory.mktemp("signed")
    (folder / "plain.bin").write_bytes(random.Random(0).randbytes(3001))
    subprocess.run([*IMGTOOL, "keygen", "-k", "key.pem", "-t", "ed25519"], cwd=folder, check=True, capture_output=True)
    subprocess.run([*IMGTOOL, "sign", "-k", "key.pem", "--header-size", "0x80", "--pad-header", "--align", "8", "-v",
                    "1.2.3+4", "--security-counter", "7", "--slot-size", "0x40000", "--custom-tlv", "0x00a0",
                    f"0x{BOARD_ID.to_bytes(4, 'little').hex()}", "plain.bin", "signed.bin"],
                   cwd=folder, check=True, capture_output=True)
    return (folder / "signed.bin").read_bytes()


def test_what_imgtool_signed(signed: bytes) -> None:
    image = Image.parse(signed)
    assert (image.version, image.security_counter, image.board_id) == ("1.2.3+4", 7, BOARD_ID)
    assert image.data == signed and len(image.digest) == len(image.key_hash) == 32
    assert image.digest in signed and image.key_hash in signed


def test_erased_flash_behind_an_image_is_not_part_of_it(signed: bytes) -> None:
    assert Image.parse(signed + b"\xff" * 5000).data == signed
    with pytest.raises(ImageError, match="5016 bytes behind the image; sign it without --pad"):
        Image.parse(signed + b"\xff" * 5000 + bytes(16))


def test_the_images_of_these_tests_are_images() -> None:
    image = Image.parse(make_image(b"code", counter=9))
    assert image.security_counter == 9 and image.version == "1.2.3"


def test_every_flipped_bit_is_found(signed: bytes) -> None:
    generator = random.Random(1)
    covered = signed.index(Image.parse(signed).digest)  # behind: signature and key, which the board checks
    for _ in range(300):
        at = generator.randrange(covered + 32)
        damaged = bytearray(signed)
        damaged[at] ^= 1 << generator.randrange(8)
        with pytest.raises(ImageError):
            Image.parse(bytes(damaged))


def test_every_truncation_is_found(signed: bytes) -> None:
    for size in [*range(200), *range(200, len(signed) - 200, 97), *range(len(signed) - 200, len(signed))]:
        with pytest.raises(ImageError):
            Image.parse(signed[:size])
    with pytest.raises(ImageError, match=f"truncated: {len(signed) - 1} of {len(signed)} bytes; copy it again"):
        Image.parse(signed[:-1])


def rebuilt(protected: bytes, plain: bytes | None = None) -> bytes:
    """Return an image with these trailer entries."""
    inner = area(0x6908, protected) if protected else b""
    covered = struct.pack("<IIHHII8sI", 0x96F3B83D, 0, HEADER_SIZE, len(inner), 4, 0, bytes(8), 0).ljust(
        HEADER_SIZE, b"\0") + b"code" + inner
    digest = tlv(0x10, hashlib.sha256(covered).digest())
    return covered + area(0x6907, digest + tlv(1, bytes(32)) + tlv(0x24, bytes(64)) if plain is None else plain)


@pytest.mark.parametrize(("data", "message"), [
    (b"", "not a firmware image .*sign the binary with imgtool"),
    (b"\x7fELF" + bytes(100), "not a firmware image"),
    (rebuilt(b""), "sign it with imgtool --security-counter N"),
    (rebuilt(tlv(0x50, bytes(4))), "sign it with imgtool --custom-tlv 0x00a0 BOARD_ID"),
    (rebuilt(tlv(0x50, bytes(2)) + tlv(0xA0, bytes(4))), "--security-counter"),
    (rebuilt(tlv(0x50, bytes(4)) + b"\0"), "trailer is damaged"),
    (rebuilt(tlv(0x50, bytes(4)) + struct.pack("<HH", 0xA0, 99)), "trailer is damaged"),
    (rebuilt(tlv(0x50, bytes(4)), b""), "no digest"),
    (rebuilt(tlv(0x50, bytes(4)), tlv(0x10, bytes(32))), "no hash of its key"),
    (rebuilt(tlv(0x50, bytes(4)), tlv(0x10, bytes(32)) + tlv(1, bytes(32)) + tlv(0x22, bytes(256))),
     "no Ed25519 signature; sign it with imgtool and an Ed25519 key"),
])
def test_what_is_missing_is_named(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        Image.parse(data)
    assert "\n" not in str(caught.value)


def test_a_board_takes_equal_and_newer_counters() -> None:
    identity = Identity.parse(FakeBoard().identity.pack())
    for counter in (5, 6):
        Image.parse(make_image(b"code", counter=counter)).check_board(identity)
