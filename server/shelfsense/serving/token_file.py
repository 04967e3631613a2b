"""The file of bearer tokens: one line each, with a hash in place of the token.

    # name       hash of the token            queries per second, at once, until
    search-page  sha256=9f86d081884c7d65...   rate=100 burst=200 expires=2027-01-01T00:00:00Z

A line is added by appending and revoked by deleting it. The hash is a plain SHA-256, neither salted nor
slow: those defend passwords, which people choose; 32 random bytes cannot be guessed at any speed, and a
slow hash would be paid for by every call. So a line stands for a token of `new_token`, never for a password.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import secrets
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shelfsense.errors import CredentialsRefused

_PREFIX = "shelfsense_"  # so that scanners for leaked secrets know one when they see one
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FIELDS = frozenset(("sha256", "rate", "burst", "expires"))
_FORM = "write 'NAME sha256=... rate=... burst=... expires=...', as `shelfsense tokens new` does"


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """One line of the file.

    Attributes:
        name: the caller's, for logs and metrics.
        digest: SHA-256 of the token, 32 bytes.
        rate: queries per second; infinite where no limit is set.
        burst: queries at once after a quiet time, at least 1.
        expires: seconds since 1970 from which the token is refused; infinite where it never is.
    """

    name: str
    digest: bytes
    rate: float = math.inf
    burst: float = math.inf
    expires: float = math.inf

    def line(self) -> str:
        """Return the line of the file, with its line end."""
        fields = [self.name, f"sha256={self.digest.hex()}"]
        if self.rate < math.inf:
            fields += [f"rate={self.rate:g}", f"burst={self.burst:g}"]
        if self.expires < math.inf:
            fields.append(f"expires={datetime.fromtimestamp(self.expires, UTC):%Y-%m-%dT%H:%M:%SZ}")
        return " ".join(fields) + "\n"


def new_token() -> str:
    """Return a new token: 32 random bytes, written with letters that any header may hold."""
    return _PREFIX + secrets.token_urlsafe(32)


def digest_of(token: str) -> bytes:
    """Return the hash that stands for a token in the file."""
    return hashlib.sha256(token.encode()).digest()


def read_tokens(path: Path) -> list[TokenEntry]:
    """Return the entries of a file, in its order; an empty file lets nobody in.

    Raises:
        CredentialsRefused: naming the line that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fact = f"cannot be read ({error.strerror})" if isinstance(error, OSError) else "is not UTF-8"
        remedy = "name a file of tokens; `shelfsense tokens new NAME --file FILE` begins one"
        raise CredentialsRefused(str(path), fact, remedy) from error
    entries: dict[str, TokenEntry] = {}
    digests: set[bytes] = set()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            entry = _entry(words)
            _check_new(entry, entries, digests)
        except ValueError as error:
            raise CredentialsRefused(f"{path}, line {number}", str(error), _FORM) from None
        entries[entry.name] = entry
        digests.add(entry.digest)
    return list(entries.values())


def append_token(path: Path, entry: TokenEntry) -> None:
    """Add a line to the file; made, for its owner alone, where there is none.

    Raises:
        CredentialsRefused: the entry or the file is not what it should be, or has one of that name.
    """
    try:
        _check_name(entry.name)
        _entry(entry.line().split())
    except ValueError as error:
        raise CredentialsRefused("the new token", str(error), "choose another") from None
    if path.exists() and any(other.name == entry.name for other in read_tokens(path)):
        raise CredentialsRefused(str(path), f"has a token {entry.name}", "choose another name, or delete its line")
    ends_open = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
    # One write, so that a server that reads meanwhile sees all of the line or nothing.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab", buffering=0) as file:
        file.write((("\n" if ends_open else "") + entry.line()).encode())


def moment(text: str) -> float:
    """Return a date or time of ISO 8601 in seconds since 1970; UTC where it names no zone.

    Raises:
        ValueError: it is none.
    """
    when = datetime.fromisoformat(text)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        # Not quoted: somebody may have put the token itself here.
        raise ValueError("the name is not of letters, digits, '.', '_' and '-', 64 at most")


def _check_new(entry: TokenEntry, names: Container[str], digests: Container[bytes]) -> None:
    if entry.name in names:
        raise ValueError(f"the name {entry.name} is there twice")
    if entry.digest in digests:
        raise ValueError(f"the token of {entry.name} is there twice")


def _entry(words: Sequence[str]) -> TokenEntry:
    _check_name(words[0])
    fields: dict[str, str] = {}
    for word in words[1:]:
        key, _, value = word.partition("=")
        if key not in _FIELDS or key in fields or not value:
            raise ValueError(f"after the name, {' or '.join(sorted(_FIELDS))} is expected once, each with its value")
        fields[key] = value
    if not _DIGEST.fullmatch(fields.get("sha256", "")):
        raise ValueError("sha256 is not 64 hexadecimal digits in lower case")
    if "burst" in fields and "rate" not in fields:
        raise ValueError("burst is given without rate")
    rate = _number(fields, "rate", math.inf, least=0.0)
    burst = _number(fields, "burst", max(1.0, rate), least=1.0)
    try:
        expires = moment(fields["expires"]) if "expires" in fields else math.inf
    except ValueError:
        raise ValueError("expires is no date or time, such as 2027-01-01 or 2027-01-01T09:00:00Z") from None
    return TokenEntry(words[0], bytes.fromhex(fields["sha256"]), rate, burst, expires)


def _number(fields: dict[str, str], key: str, absent: float, *, least: float) -> float:
    if key not in fields:
        return absent
    try:
        value = float(fields[key])
    except ValueError:
        value = math.nan
    if not (max(least, 1e-3) <= value <= 1e9):
        raise ValueError(f"{key} is no number from {max(least, 1e-3):g} to 1e9")
    return value
