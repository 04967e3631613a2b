"""Ed25519 keys: made, written, read, signing and checking. Knows no bundle.

The only module that imports `cryptography`, so that nothing else pays for it; import it where it is used.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shelfsense.errors import CredentialsRefused

_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)
_MAKE = "shelfsense bundle keygen makes a pair"


class SigningKey:
    """The private key of whoever publishes bundles.

    Args:
        private: the key.
    """

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public: bytes = private.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> SigningKey:
        """Return a new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """Return the key of a PEM file.

        Raises:
            CredentialsRefused: the file is missing, or no Ed25519 private key without a password.
        """
        try:
            private = pem.load_pem_private_key(_read(path), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm, InternalError):
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise CredentialsRefused(str(path), "is no Ed25519 private key in PEM without a password", _MAKE)
        return cls(private)

    def write(self, path: Path) -> None:
        """Write the key to ``path``, for its owner alone, and the public one to ``path`` with ``.pub`` behind.

        Raises:
            CredentialsRefused: a file is there already; a key is never replaced.
        """
        private = self._private.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())
        public = self._private.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)
        beside = path.with_name(path.name + ".pub")
        for place in (path, beside):
            if place.exists():
                raise CredentialsRefused(str(place), "is there already", "name another file; a key is never replaced")
        _write_new(path, private, 0o600)
        _write_new(beside, public, 0o644)

    def sign(self, data: bytes) -> bytes:
        """Return the signature of some bytes (64 bytes)."""
        return self._private.sign(data)


def read_public_keys(path: Path) -> list[bytes]:
    """Return the public keys of a PEM file, 32 bytes each, at least one.

    Raises:
        CredentialsRefused: the file is missing, or holds anything but Ed25519 public keys.
    """
    blocks = list(_BLOCK.finditer(_read(path)))
    if any(b"PRIVATE" in block[1] for block in blocks):
        fact = "holds a private key, which signs and stays with whoever signs"
        raise CredentialsRefused(str(path), fact, "name the .pub file that was made with it")
    if not blocks:
        raise CredentialsRefused(str(path), "holds no public key in PEM", _MAKE)
    return [_public_key(path, block[0]) for block in blocks]


def holds(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """Return whether a signature is that of some bytes by a key."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _public_key(path: Path, block: bytes) -> bytes:
    try:
        key = pem.load_pem_public_key(block)
    except (ValueError, UnsupportedAlgorithm, InternalError):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise CredentialsRefused(str(path), "holds a block that is no Ed25519 public key", _MAKE)
    return key.public_bytes_raw()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        fact = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise CredentialsRefused(str(path), fact, f"name a key in PEM; {_MAKE}") from error


def _write_new(path: Path, data: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
