"""The files that say who may do what: bearer tokens, public and private keys, and the signature of a bundle.

An input is a letter that chooses the reader, then the file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.fuzz.target import Target, Unexpected, text_of
from shelfsense.bundle_signature import TrustedKeys, check_signature
from shelfsense.errors import BundleRefused, CredentialsRefused
from shelfsense.serving.errors import RateExceeded, Unauthenticated
from shelfsense.serving.token_file import TokenEntry, digest_of, new_token, read_tokens
from shelfsense.serving.tokens import Tokens
from shelfsense.signing_keys import SigningKey

_SIGNED = b"a manifest"
_TOKEN = "shelfsense_of-the-fuzzer"


def target(folder: Path) -> Target:
    """Return the target."""
    key, file = SigningKey.generate(), folder / "file"
    key.write(folder / "key.pem")
    signature, trusted = key.public + key.sign(_SIGNED), TrustedKeys(frozenset((key.public,)))
    readers: tuple[Callable[[bytes], object], ...] = (
        lambda data: read_tokens(_written(file, data)),
        lambda data: TrustedKeys.load(_written(file, data)),
        lambda data: SigningKey.load(_written(file, data)),
        lambda data: _verify(signature, data, trusted),
        lambda data: _authorise(_written(file, data)),
    )
    lines = TokenEntry("search-page", digest_of(_TOKEN), 100, 200, 1_900_000_000.0).line()
    lines += "# a comment\n\n" + TokenEntry("other", digest_of(new_token())).line()
    public, private = (folder / "key.pem.pub").read_bytes(), (folder / "key.pem").read_bytes()
    seeds = (lines.encode(), public * 2, private, signature, lines.encode())

    def check(data: bytes) -> None:
        try:
            readers[(data or b"\0")[0] % len(readers)](data[1:])
        except (CredentialsRefused, BundleRefused, Unauthenticated, RateExceeded):
            return

    return Target(check, [bytes([number]) + seed for number, seed in enumerate(seeds)])


def _written(file: Path, data: bytes) -> Path:
    file.write_bytes(data)
    return file


def _verify(signature: bytes, data: bytes, trusted: TrustedKeys) -> None:
    try:
        check_signature(data, _SIGNED, trusted)
    except BundleRefused:
        if data == signature:
            raise Unexpected("a right signature is refused") from None
        return
    if data != signature:
        raise Unexpected("a signature that nobody made is believed")


def _authorise(file: Path) -> None:
    content = file.read_bytes()
    value = text_of(content.rpartition(b"\n")[2])
    Tokens.load(file).authorise([("authorization", f"Bearer {value}")])
