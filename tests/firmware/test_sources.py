"""Fetching the public libraries of the firmware: what arrives, and what happens when nothing can be fetched."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from host_tools.firmware import sources

HASH = "libsodium/crypto_hash/sha{0}/cp/hash_sha{0}_cp.c"
ROUNDS = "".join(f"        RNDr(S, W, {i}, i);\n" for i in range(16))
SCHEDULE = "".join(f"        MSCH(W, {i}, i);\n" for i in range(16))


@pytest.fixture
def archives(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Let pip's part give small archives of the wanted files; the hash functions' text can be changed."""
    text = {"hash": f"before\n{ROUNDS}between\n{SCHEDULE}after\n"}

    def download(folder: Path) -> None:
        folder.mkdir()
        for name, wanted in sources.WANTED.items():
            files = {"unwanted.txt": "no"}
            for source, target in wanted.items():
                if target == "libsodium":
                    files |= {HASH.format(bits).replace("libsodium", source, 1): text["hash"] for bits in (256, 512)}
                else:
                    files[source if Path(target).suffix or "LICENSE" in target else f"{source}/a.c"] = name
            with tarfile.open(folder / f"{name}-1.0.tar.gz", "w:gz") as tar:
                for path, content in files.items():
                    member = tarfile.TarInfo(f"{name}-1.0/{path}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content.encode()))

    monkeypatch.setattr(sources, "download", download)
    return text


def test_wanted_files_and_loops(archives: dict[str, str], tmp_path: Path) -> None:
    dest = tmp_path / "deep" / "sources"
    assert sources.fetch(dest)
    assert (dest / "lz4" / "a.c").read_text() == "lz4"
    assert not list(dest.rglob("unwanted.txt"))
    assert (dest / HASH.format(512)).read_text() == archives["hash"]
    small = (dest / "libsodium" / "small" / "sha512.c").read_text().split("\n")
    assert [line.strip() for line in small if line] == [
        "before", "for (int round = 0; round < 16; round++) { RNDr(S, W, round, i); }",
        "between", "for (int round = 0; round < 16; round++) { MSCH(W, round, i); }", "after",
    ]  # fmt: skip
    assert [path.name for path in dest.parent.iterdir()] == ["sources"]  # nothing else is left behind


def test_what_is_there_is_kept_and_what_is_stale_replaced(
    archives: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dest = tmp_path / "sources"
    dest.mkdir()
    (dest / "stale.c").write_text("of other pins")
    assert sources.fetch(dest)
    assert not (dest / "stale.c").exists()
    monkeypatch.setattr(sources, "download", lambda folder: pytest.fail("fetched again"))
    assert not sources.fetch(dest)


def test_a_failure_changes_nothing(
    archives: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dest = tmp_path / "sources"
    dest.mkdir()
    (dest / "old.c").write_text("old")
    archives["hash"] = "written in another way"
    monkeypatch.setattr(sys, "argv", ["sources", str(dest)])
    assert sources.main() == 1
    assert capsys.readouterr().err == "error: hash_sha256_cp.c is not unrolled as expected: 0 of 2 places found\n"
    assert [path.name for path in tmp_path.rglob("*.c")] == ["old.c"]


def test_offline_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"INDEX_URL": "http://127.0.0.1:9/", "EXTRA_INDEX_URL": "", "FIND_LINKS": "", "RETRIES": "0",
                        "CONFIG_FILE": "/dev/null"}.items():  # fmt: skip
        monkeypatch.setenv(f"PIP_{name}", value)
    command = [sys.executable, "-m", "host_tools.firmware.sources", str(tmp_path / "sources")]
    done = subprocess.run(command, cwd=sources.ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: the sources of firmware/sources.txt could not be fetched with pip: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
