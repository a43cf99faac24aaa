"""Fetch the public libraries that the firmware is built with: `python -m host_tools.firmware.sources [DEST]`.

DEST (firmware/build/sources) gets `libsodium/` and `lz4/`. They come in source distributions pinned by their hashes
in firmware/sources.txt, through pip, so that pip's index, proxy and cache settings hold. `libsodium/small/` gets its
two hash functions again with the unrolled rounds in loops, 8 KiB less of code for a bootloader.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PINS = ROOT / "firmware" / "sources.txt"
DEST = ROOT / "firmware" / "build" / "sources"
STAMP = ".pins"
# Of each archive: the folders and files to take, and where they go.
WANTED = {
    "pynacl": {
        "src/libsodium/src/libsodium": "libsodium",
        "src/libsodium/LICENSE": "libsodium/LICENSE",
    },
    "lz4": {"lz4libs": "lz4", "LICENSE": "lz4/LICENSE"},
    "pymonocypher": {"monocypher.c": "monocypher/monocypher.c", "monocypher.h": "monocypher/monocypher.h"},
}
# Sixteen lines in a row that call one macro for the rounds 0 to 15.
UNROLLED = re.compile(r"(?: +(?P<macro>RNDr|MSCH)\((?P<state>[SW, ]+), \d+, i\);\n){16}")
ROLLED = r"        for (int round = 0; round < 16; round++) { \g<macro>(\g<state>, round, i); }\n"


class SourcesError(Exception):
    """The sources could not be fetched; one line."""


def download(folder: Path) -> None:
    """Put the pinned archives into `folder`; pip refuses one whose hash differs."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--no-binary", ",".join(WANTED), "--require-hashes", "-r", str(PINS), "-d", str(folder)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("ERROR:")]
        reason = lines[-1].removeprefix("ERROR:").strip() if lines else f"pip ended with {done.returncode}"
        raise SourcesError(f"the sources of {PINS.relative_to(ROOT)} could not be fetched with pip: {reason}"
                           " (a package index must be reachable once)")  # fmt: skip


def unpack(archive: Path, folder: Path) -> None:
    """Unpack what is wanted of `archive` into `folder`."""
    wanted = next(parts for name, parts in WANTED.items() if archive.name.startswith(name))
    found = set()
    with tarfile.open(archive) as tar:
        for member in tar:
            inside = member.name.partition("/")[2]  # without the archive's own folder
            for source, target in wanted.items():
                if member.isfile() and (inside == source or inside.startswith(source + "/")):
                    member.name = target + inside[len(source) :]
                    tar.extract(member, folder, filter="data")
                    found.add(source)
    if missing := set(wanted) - found:
        raise SourcesError(f"{archive.name} has no {', '.join(sorted(missing))}")


def make_small(sodium: Path) -> None:
    """Write small/sha256.c and small/sha512.c."""
    (sodium / "small").mkdir()
    for bits in (256, 512):
        source = sodium / f"crypto_hash/sha{bits}/cp/hash_sha{bits}_cp.c"
        text, count = UNROLLED.subn(ROLLED, source.read_text())
        if count != 2:
            raise SourcesError(f"{source.name} is not unrolled as expected: {count} of 2 places found")
        (sodium / "small" / f"sha{bits}.c").write_text(text)


def fetch(dest: Path) -> bool:
    """Make `dest` hold the sources that the pins name; return whether anything had to be done."""
    pins = hashlib.sha256(PINS.read_bytes() + Path(__file__).read_bytes()).hexdigest()
    stamp = dest / STAMP
    if stamp.exists() and stamp.read_text() == pins:
        stamp.touch()  # for make
        return False
    dest.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".sources-", dir=dest.parent) as name:
        archives, fresh = Path(name) / "archives", Path(name) / "fresh"
        fresh.mkdir()
        download(archives)
        for archive in sorted(archives.iterdir()):
            unpack(archive, fresh)
        make_small(fresh / "libsodium")
        (fresh / STAMP).write_text(pins)
        if dest.exists():
            os.rename(dest, Path(name) / "old")
        os.rename(fresh, dest)  # whole or not at all
    return True


def main() -> int:
    dest = Path(sys.argv[1]) if len(sys.argv) > 1 else DEST
    if not hasattr(tarfile, "data_filter"):
        print("error: this Python cannot unpack archives safely; use 3.11.4 or newer", file=sys.stderr)
        return 1
    try:
        if fetch(dest):
            print(f"fetched {dest}")
    except (SourcesError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
