"""The signature of a bundle: Ed25519 over the bytes of its manifest, which holds the digest of every other file.

``manifest.sig`` is 96 bytes: the public key (32), then the signature (64). The key is there so that damage to
the signature is found by readers who trust no key yet; who trusts keys compares it with theirs. Source: RFC 8032.
Knows neither what the manifest means nor how keys are written.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from shelfsense.errors import BundleRefused, MissingExtra

SIGNATURE = "manifest.sig"
"""The one file of a bundle, beside the manifest and its digest, that the manifest does not list."""

_KEY_BYTES = 32
_BYTES = _KEY_BYTES + 64
_SIGN_AGAIN = "take the bundle from whom you trust, or sign it: shelfsense bundle sign DIR --key FILE"


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """The public keys whose signature is believed.

    Attributes:
        keys: 32 bytes each; several while one replaces another.
    """

    keys: frozenset[bytes]

    @classmethod
    def load(cls, path: Path) -> TrustedKeys:
        """Return the keys of a PEM file, one block each.

        Raises:
            CredentialsRefused: the file is missing, or holds anything but Ed25519 public keys.
            MissingExtra: the library that reads keys is not installed.
        """
        return cls(frozenset(_signing_keys().read_public_keys(path)))


def fingerprint(public_key: bytes) -> str:
    """Return what people compare: the first 16 hexadecimal digits of the SHA-256 of a key's 32 bytes."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def check_signature(signature: bytes | None, manifest: bytes, trusted: TrustedKeys | None) -> str:
    """Check a signature and return the fingerprint of its key; empty where there is none and none is needed.

    Args:
        signature: the bytes of ``manifest.sig``; None: the bundle has none.
        manifest: the bytes that were signed.
        trusted: keys of which one must have signed; None: a signature must only be whole.

    Raises:
        BundleRefused: there is none, it is damaged, of another manifest, or by a key that is not trusted.
        MissingExtra: there is one, and the library that checks it is not installed.
    """
    if signature is None:
        if trusted is not None:
            raise BundleRefused(SIGNATURE, "is missing, and a signature is required", _SIGN_AGAIN)
        return ""
    if len(signature) != _BYTES:
        raise BundleRefused(SIGNATURE, f"has {len(signature)} bytes, a signature has {_BYTES}", _SIGN_AGAIN)
    public_key = signature[:_KEY_BYTES]
    if trusted is not None and public_key not in trusted.keys:
        fact = f"is by the key {fingerprint(public_key)}, which is not among those required"
        raise BundleRefused(SIGNATURE, fact, _SIGN_AGAIN)
    if not _signing_keys().holds(public_key, signature[_KEY_BYTES:], manifest):
        raise BundleRefused(SIGNATURE, "is damaged, or of another manifest.json", _SIGN_AGAIN)
    return fingerprint(public_key)


def _signing_keys() -> ModuleType:
    try:
        # 50 ms and 12 MB that an unsigned bundle does not need
        from shelfsense import signing_keys  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra("server", "cryptography") from error
    return signing_keys
