"""Firmware images for the host's port."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BOARD_ID = 0x54534F48
LOAD_ADDRESS = 0x100000


class Signer:
    """A key, and images signed with it. `public` is the key in hexadecimal digits."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._imgtool("keygen", "-k", "key.pem", "-t", "ed25519")
        self._imgtool("getpub", "-k", "key.pem", "-e", "raw", "-o", "key.der")
        self.public = (folder / "key.der").read_bytes()[-32:].hex()

    def sign(self, version: str, counter: int = 1) -> bytes:
        """Return an image whose code is its version."""
        (self._folder / "body.bin").write_bytes(version.encode() * 100)
        self._imgtool("sign", "-k", "key.pem", "--header-size", "0x80", "--pad-header", "--align", "1", "-v", version,
                      "--security-counter", str(counter), "--slot-size", "0x40000", "--load-addr", hex(LOAD_ADDRESS),
                      "--custom-tlv", "0x00a0", f"0x{BOARD_ID.to_bytes(4, 'little').hex()}", "body.bin", "image.bin")
        return (self._folder / "image.bin").read_bytes()

    def _imgtool(self, *arguments: str) -> None:
        subprocess.run([sys.executable, "-m", "imgtool.main", *arguments], cwd=self._folder, check=True,
                       capture_output=True)
