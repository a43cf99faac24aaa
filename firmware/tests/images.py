"""Images for the tests of the boot library, signed by imgtool with keys made for the occasion: images.py FILE.h"""

from __future__ import annotations

import contextlib
import io
import random
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from imgtool import keys
from imgtool.main import imgtool

BOARD = "0x504c5631"  # bytes of the trailer: u32 0x31564C50
LOAD_ADDRESS = 0x00100000
SIGNED = {"version": "1.0.0", "counter": "1", "board": BOARD, "load": hex(LOAD_ADDRESS), "key": "key", "body": 700}
# name: what differs from SIGNED. None: the option is not given.
IMAGES: dict[str, dict[str, object]] = {
    "OLD": {},
    "NEW": {"version": "1.1.0+7", "counter": "2"},
    "NEWER": {"version": "1.10.0", "counter": "3", "body": 1200, "header": 512},
    "SAME_COUNTER": {"version": "0.9.9", "counter": "1"},
    "NO_COUNTER": {"counter": None},
    "OTHER_KEY": {"key": "other"},
    "UNSIGNED": {"key": None},
    "PURE": {"extra": ["--pure"]},
    "SHA512": {"extra": ["--sha", "512"]},
    "FULL_KEY": {"extra": ["--public-key-format", "full"]},
    "OTHER_BOARD": {"board": "0x504c5632"},
    "NO_BOARD": {"board": None},
    "LONG_BOARD": {"board": BOARD + "00"},
    "OTHER_ADDRESS": {"load": "0x00200000"},
    "NO_ADDRESS": {"load": None},
    "ROM_FIXED": {"load": None, "extra": ["-F", hex(LOAD_ADDRESS)]},
    "ENCRYPTED": {"extra": ["-E", "encryption.pem"], "body": 704},
    "NON_BOOTABLE": {"extra": ["--non-bootable"]},
    "BOOT_RECORD": {"extra": ["--boot-record", "app", "--vid", "example.com"]},  # protected trailers that are not ours
    "LARGE": {"body": 40000},
}


def make_keys(folder: Path) -> bytes:
    """Write key.pem, other.pem and encryption.pem; return the public half of the first."""
    for name in ("key", "other"):
        key = keys.Ed25519.generate()
        key.export_private(str(folder / f"{name}.pem"))
        if name == "key":
            public = key.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    keys.X25519.generate().export_private(str(folder / "encryption.pem"), passwd=None)
    return public


def sign(folder: Path, options: dict[str, object], body: bytes) -> bytes:
    """Return the image that imgtool makes of `body`."""
    (folder / "body.bin").write_bytes(body)
    arguments = ["sign", "-v", str(options["version"]), "-H", str(options.get("header", 32)), "--pad-header",
                 "-S", "0x10000"]  # fmt: skip
    for option, flag in (("counter", "-s"), ("load", "-L")):
        if options[option] is not None:
            arguments += [flag, str(options[option])]
    if options["key"]:
        arguments += ["-k", str(folder / f"{options['key']}.pem")]
    if options["board"]:
        arguments += ["--custom-tlv", "0x00a0", str(options["board"])]
    extra = options.get("extra", [])
    assert isinstance(extra, list)
    arguments += [str(folder / word) if word.endswith(".pem") else word for word in extra]
    arguments += [str(folder / "body.bin"), str(folder / "image.bin")]
    with contextlib.redirect_stdout(io.StringIO()):
        imgtool(arguments, standalone_mode=False)
    return (folder / "image.bin").read_bytes()


def render(name: str, data: bytes) -> str:
    lines = [", ".join(map(str, data[at : at + 24])) for at in range(0, len(data), 24)]
    return f"static const uint8_t {name}[{len(data)}] = {{\n    " + ",\n    ".join(lines) + "\n};\n"


def main() -> None:
    noise = random.Random(5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = [f"#define LOAD_ADDRESS {LOAD_ADDRESS}u\n", render("KEY", make_keys(folder))]
        for name, changes in IMAGES.items():
            options = SIGNED | changes
            size = options["body"]
            assert isinstance(size, int)
            parts.append(render(name, sign(folder, options, noise.randbytes(size))))
    Path(sys.argv[1]).write_text("/* Made by tests/images.py. */\n#include <stdint.h>\n" + "".join(parts))


if __name__ == "__main__":
    main()
