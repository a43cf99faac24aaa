"""`pal-edge keys`: the key that signs firmware."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from ..errors import InputError
from . import files, output


@click.group()
def keys() -> None:
    """Make and show the keys that sign firmware; imgtool signs with them."""


@keys.command()
@click.argument("path", type=files.SINK)
@click.option("--password", is_flag=True, help="Ask for a password and encrypt the key with it.")
def generate(path: Path, password: bool) -> None:
    """Write a new Ed25519 private key to PATH, in PEM; an existing file is never replaced."""
    serialization, ed25519 = _cryptography()
    secret = click.prompt("Password", hide_input=True, confirmation_prompt=True) if password else ""
    encryption = serialization.BestAvailableEncryption(secret.encode()) if secret else serialization.NoEncryption()
    key = ed25519.Ed25519PrivateKey.generate()
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    _write_new(path, text)
    print(f"wrote {path}: keep it secret and keep a copy; boards that trust it take no other key's firmware")
    print(f"public key {_public(key)}")
    print(f"build with it: make -C firmware KEY={path.absolute()}")


@keys.command()
@click.argument("path", type=files.SOURCE)
@output.json_option
def show(path: Path, as_json: bool) -> None:
    """Show the public key of the private or public key in PATH, and the hash that images carry."""
    import hashlib

    serialization, ed25519 = _cryptography()
    public = _load(path, serialization)
    if not isinstance(public, ed25519.Ed25519PublicKey):
        raise InputError(f"{path}: not an Ed25519 key; make one with `pal-edge keys generate`")
    encoded = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    facts = {"public_key": _public(public), "key_hash": hashlib.sha256(encoded).hexdigest()}
    if as_json:
        output.print_json(facts)
    else:
        output.pairs([("public key", facts["public_key"]), ("key hash", facts["key_hash"])])


def _load(path: Path, serialization: Any) -> Any:
    text = path.read_bytes()
    try:
        if b"PUBLIC KEY" in text:
            return serialization.load_pem_public_key(text)
        try:
            return serialization.load_pem_private_key(text, None).public_key()
        except TypeError:  # it is encrypted
            password = click.prompt("Password", hide_input=True, err=True).encode()
            return serialization.load_pem_private_key(text, password).public_key()
    except ValueError as error:
        raise InputError(f"{path}: no key in PEM, or another password; "
                         "make one with `pal-edge keys generate`") from error


def _public(key: Any) -> str:
    public = key.public_key() if hasattr(key, "public_key") else key
    return str(public.public_bytes_raw().hex())


def _write_new(path: Path, content: bytes) -> None:
    """Create the file for its owner alone, whole or not at all. Raises InputError if it is there already."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise InputError(f"{path} is there already and would be lost; name another file") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    except BaseException:
        path.unlink()
        raise


def _cryptography() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise InputError("keys need the package cryptography: pip install 'pal-edge[firmware]'") from error
    return serialization, ed25519
