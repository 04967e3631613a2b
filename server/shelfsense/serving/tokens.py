"""Who asks: bearer tokens against a file of their hashes, each with a rate of its own. Knows no gRPC.

Looked up by the first bytes of the SHA-256 of what was sent, then compared whole in constant time. How long the
lookup takes tells nothing of a token: hashing depends on the length alone, and to steer towards a known hash a
caller would have to invert SHA-256. What was sent is never kept, quoted or logged; no memory of past headers is
needed, since hashing one takes under a microsecond.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from shelfsense.errors import CredentialsRefused
from shelfsense.serving.errors import RateExceeded, Unauthenticated
from shelfsense.serving.rate_limit import RateLimit
from shelfsense.serving.token_file import TokenEntry, read_tokens

_LOOK_EVERY_S = 1.0
"""Seconds between two looks at the file: as long may a revoked token still be answered."""

_PREFIX = 16  # bytes of a hash; that two of a file share them has odds of 2⁻¹²⁸
_BEARER = "bearer"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Caller:
    entry: TokenEntry
    limit: RateLimit | None  # None: no limit


class Tokens:
    """The tokens of one port; called from one thread.

    Args:
        path: the file.
        clock: monotonic seconds.
        wall: seconds since 1970, for expiry.
    """

    def __init__(
        self, path: Path, *, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._clock = clock
        self._wall = wall
        self._callers: dict[bytes, _Caller] = {}
        self._seen: tuple[int, int, int] | None = None
        self._look_at = -math.inf

    @classmethod
    def load(
        cls, path: Path, *, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> Tokens:
        """Return the tokens of a file, which is read again whenever it changes.

        Raises:
            CredentialsRefused: the file is missing, or a line is wrong, which is named.
        """
        tokens = cls(path, clock=clock, wall=wall)
        tokens._seen = tokens._look()
        tokens._take(read_tokens(path), clock())
        tokens._look_at = clock() + _LOOK_EVERY_S
        return tokens

    def __len__(self) -> int:
        """Return how many tokens there are."""
        return len(self._callers)

    def authorise(self, metadata: Iterable[tuple[str, str | bytes]] | None, cost: int = 1) -> str:
        """Return the name of the caller's token, and take the cost of its call from its rate.

        Args:
            metadata: of the call.
            cost: queries it asks about; 0 for a call that is about none, which any known token may make.

        Raises:
            Unauthenticated: there is no token, or none that is known and valid.
            RateExceeded: with the seconds to wait; nothing was taken.
        """
        now = self._clock()
        if now >= self._look_at:
            self._look_again(now)
        digest = _digest(metadata)
        caller = self._callers.get(digest[:_PREFIX])
        if caller is None or not hmac.compare_digest(caller.entry.digest, digest):
            raise Unauthenticated("the token is not known here")
        if caller.entry.expires <= self._wall():
            raise Unauthenticated(f"the token '{caller.entry.name}' has expired")
        if caller.limit is not None and cost:
            wait_s = caller.limit.take(cost, now)
            if wait_s > 0.0:
                raise RateExceeded(caller.entry.name, caller.limit.rate, wait_s)
        return caller.entry.name

    def _look_again(self, now: float) -> None:
        self._look_at = now + _LOOK_EVERY_S
        seen = self._look()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            entries = read_tokens(self._path)
        except CredentialsRefused as error:
            _log.error("tokens stay as they were, %d of them: %s", len(self), error)
            return
        self._take(entries, now)
        _log.info("read %d tokens again", len(self))

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _take(self, entries: Iterable[TokenEntry], now: float) -> None:
        old, self._callers = self._callers, {}
        for entry in entries:
            before = old.get(entry.digest[:_PREFIX])
            limit: RateLimit | None = None
            if entry.rate < math.inf:
                known = before.limit if before is not None else None
                limit = (
                    RateLimit(entry.rate, entry.burst, now)
                    if known is None
                    else known.changed(entry.rate, entry.burst, now)
                )
            self._callers[entry.digest[:_PREFIX]] = _Caller(entry, limit)


def _digest(metadata: Iterable[tuple[str, str | bytes]] | None) -> bytes:
    for key, value in metadata or ():
        if key == "authorization" and isinstance(value, str):
            scheme, _, token = value.partition(" ")
            if scheme.lower() != _BEARER or not token:
                raise Unauthenticated("the metadata 'authorization' holds no bearer token")
            return hashlib.sha256(token.encode()).digest()
    raise Unauthenticated("the call carries no token")
