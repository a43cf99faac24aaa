"""Keys that sign firmware: made once, never replaced, taken by imgtool."""

from __future__ import annotations

import json
import subprocess
import sys

from cryptography.hazmat.primitives.serialization import load_pem_private_key


def imgtool(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "imgtool.main", *map(str, arguments)],
                          capture_output=True, text=True, check=True)


def test_a_key_that_imgtool_takes(pal, workspace):
    done = pal("keys generate new.pem")
    assert done.code == 0, done
    path = workspace / "new.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    public = load_pem_private_key(path.read_bytes(), None).public_key().public_bytes_raw().hex()
    assert f"public key {public}" in done.out
    assert "ed25519_pub_key" in imgtool("getpub", "-k", path).stdout
    shown = json.loads(pal("keys show new.pem --json").out)
    assert shown["public_key"] == public and len(shown["key_hash"]) == 64
    (workspace / "public.pem").write_text(imgtool("getpub", "-k", path, "-e", "pem").stdout)
    assert json.loads(pal("keys show public.pem --json").out) == shown


def test_keys_differ(pal, workspace):
    for name in ("a.pem", "b.pem"):
        assert pal(f"keys generate {name}").code == 0
    assert (workspace / "a.pem").read_bytes() != (workspace / "b.pem").read_bytes()


def test_a_key_is_never_replaced(pal, workspace):
    assert pal("keys generate new.pem").code == 0
    before = (workspace / "new.pem").read_bytes()
    done = pal("keys generate new.pem")
    assert done.code == 2 and "there already" in done.err
    assert (workspace / "new.pem").read_bytes() == before


def test_no_key(pal, workspace):
    (workspace / "text.pem").write_text("hello")
    done = pal("keys show text.pem")
    assert done.code == 2 and "no key in PEM" in done.err and done.err.count("\n") == 1
