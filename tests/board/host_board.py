"""The application as a process of this machine: real firmware behind two pseudo-terminals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from pal_edge.spec.commands import SIZE
from tests.firmware.host_board import build

BOARD_ID = 0x54534F48
LOAD_ADDRESS = 0x100000
_MEMORY_BASE = 0x40000000  # of the engine's bus
_IMGTOOL = str(Path(sys.executable).with_name("imgtool"))


class HostBoard:
    """A running board. `serial` and `usb` are links to its ports that stay the same when it is started again.

    Args:
        folder: for its flash and the links.
        options: further ones of the program.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self.serial, self.usb = f"serial:{folder / 'serial'}", f"serial:{folder / 'usb'}"
        self._process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        command = [str(build()), str(self._folder / "flash.bin"), "--target", "pal-e32", *self._options]
        with open(self._folder / "complaints", "a") as complaints:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True)
        assert self._process.stdout
        facts = json.loads(self._process.stdout.readline())
        for name in ("serial", "usb"):
            fresh = self._folder / f"{name}.new"
            fresh.symlink_to(facts[name])
            fresh.replace(self._folder / name)

    def kill(self) -> None:
        """Cut its power."""
        assert self._process and self._process.stdout
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        for name in ("serial", "usb"):  # their terminals may soon be another program's
            (self._folder / name).unlink(missing_ok=True)

    def crash(self) -> None:
        self._signal(signal.SIGUSR1)

    def hang(self) -> None:
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process
        self._process.send_signal(number)

    def damage(self, address: int, index: int) -> None:
        """Make a command of the list at this bus address one that no engine knows."""
        assert self._process
        symbols = subprocess.run(["nm", str(build())], check=True, capture_output=True, text=True).stdout
        symbol = re.search(r"^([0-9a-f]+) b memory$", symbols, re.M)
        maps = Path(f"/proc/{self._process.pid}/maps").read_text()
        start = re.search(rf"^([0-9a-f]+)-\S+ \S+ 00000000 .*{re.escape(str(build()))}$", maps, re.M)
        assert symbol and start
        handle = os.open(f"/proc/{self._process.pid}/mem", os.O_WRONLY)
        try:
            os.pwrite(handle, b"\x63", int(start[1], 16) + int(symbol[1], 16) + address - _MEMORY_BASE + index * SIZE)
        finally:
            os.close(handle)

    def close(self) -> None:
        """Also checks that no sanitizer had anything to say."""
        self.wake()
        self.kill()
        assert (self._folder / "complaints").read_text() == ""


class Signer:
    """A key, and images signed with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._run("keygen", "-k", "key.pem", "-t", "ed25519")
        self._run("getpub", "-k", "key.pem", "-e", "raw", "-o", "key.raw")
        self.public = (folder / "key.raw").read_bytes()[-32:].hex()  # behind its DER header

    def sign(self, body: bytes, version: str = "1.0.0", counter: int = 1, board: int = BOARD_ID) -> bytes:
        (self._folder / "body.bin").write_bytes(body)
        self._run("sign", "-k", "key.pem", "--header-size", "0x80", "--pad-header", "--align", "8", "-v", version,
                  "--security-counter", str(counter), "--slot-size", "0x40000", "--load-addr", hex(LOAD_ADDRESS),
                  "--custom-tlv", "0x00a0", f"0x{board.to_bytes(4, 'little').hex()}", "body.bin", "signed.bin")
        return (self._folder / "signed.bin").read_bytes()

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([_IMGTOOL, *arguments], cwd=self._folder, check=True, capture_output=True, text=True)
