"""The firmware's build: sizes, the image it signs, what it says when something is missing."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pal_edge.board.image import Image
from pal_edge.spec.virtual_board import ID

ROOT = Path(__file__).parents[2]
LIMITS = {"bootloader": 32 * 1024, "application": 96 * 1024}  # bytes of code


def make(*arguments: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = ["make", "-s", "-C", str(root / "firmware"), f"PYTHON={sys.executable}", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def imgtool(*arguments: str) -> bytes:
    return subprocess.run([sys.executable, "-m", "imgtool.main", *arguments], check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def build() -> Path:
    done = make()
    assert done.returncode == 0, done.stderr
    return ROOT / "firmware" / "build" / "virt"


def test_sizes_are_printed_and_kept(build: Path) -> None:
    rows = [line.split() for line in make("sizes").stdout.splitlines()]
    assert [row[0] for row in rows] == list(LIMITS)
    for name, code, ram in rows:
        assert 0 < int(code) <= LIMITS[name] and int(ram) > 0


def test_too_much_code_fails(build: Path) -> None:
    done = make("BOOTLOADER_LIMIT=4096")
    assert done.returncode and "error: the bootloader has " in done.stderr and " over its 4096" in done.stderr


def test_the_image_names_its_board_and_version(build: Path) -> None:
    image = Image.parse((build / "application.signed.bin").read_bytes())
    assert image.board_id == ID
    assert image.version == (ROOT / "firmware" / "VERSION").read_text().strip()
    assert image.security_counter == 1


@pytest.fixture(scope="module")
def elsewhere(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, built from nothing."""
    root = tmp_path_factory.mktemp("root")
    for name in ("firmware", "driver", "host_tools"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("build", "__pycache__"))
    for shared in ("sources", "keys"):
        shutil.copytree(ROOT / "firmware" / "build" / shared, root / "firmware" / "build" / shared)
    done = make("-j2", root=root)
    assert done.returncode == 0, done.stderr
    return root


def test_the_same_sources_give_the_same_bytes(build: Path, elsewhere: Path) -> None:
    for name in ("bootloader.elf", "application.elf", "application.signed.bin"):
        here, there = (hashlib.sha256((folder / name).read_bytes()).hexdigest()
                       for folder in (build, elsewhere / "firmware" / "build" / "virt"))  # fmt: skip
        assert here == there, name


def test_a_key_of_the_user_is_built_in(elsewhere: Path, tmp_path: Path) -> None:
    """The bootloader trusts the key that was given last, and no other, without `make clean`."""
    key, out = tmp_path / "key.pem", elsewhere / "firmware" / "build" / "virt"
    imgtool("keygen", "-t", "ed25519", "-k", str(key))
    keys = [imgtool("getpub", "-k", str(path), "-e", "raw")[-32:]
            for path in (key, elsewhere / "firmware" / "build" / "keys" / "development.pem")]  # fmt: skip
    assert [public in (out / "bootloader.elf").read_bytes() for public in keys] == [False, True]
    done = make(f"KEY={key}", "VERSION=2.3.4", "SECURITY_COUNTER=7", root=elsewhere)
    assert done.returncode == 0, done.stderr
    assert [public in (out / "bootloader.elf").read_bytes() for public in keys] == [True, False]
    image = Image.parse((out / "application.signed.bin").read_bytes())
    assert (image.version, image.security_counter) == ("2.3.4", 7)


@pytest.mark.parametrize(("argument", "message"), [
    ("BOARD=none", 'no board "none"; there are: '),
    ("KEY=/nowhere/key.pem", 'no key "/nowhere/key.pem"; make one with `pal-edge keys generate'),
    ("CROSS=none-", "no compiler none-gcc"),
])  # fmt: skip
def test_what_is_missing_is_one_line(argument: str, message: str) -> None:
    done = make(argument)
    assert done.returncode
    assert message in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    imgtool("keygen", "-t", "ecdsa-p256", "-k", str(key))
    done = make(f"OUT={tmp_path / 'out'}", f"KEY={key}")
    assert done.returncode and f"{key} is no Ed25519 key; make one with `pal-edge keys generate" in done.stderr
