"""A log handler that no fault can flood: what repeats is written a few times a second, and counted."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TextIO

_WINDOW_S = 1.0


@dataclass(slots=True)
class _Kind:
    """Records alike within one window.

    Attributes:
        first: of them.
        since: when it came, on the monotonic clock.
        seen: how many have come.
    """

    first: logging.LogRecord
    since: float
    seen: int = 0


class LimitedHandler(logging.StreamHandler[TextIO]):
    """Writes at most so many warnings and errors of one kind a second, and says how many it left out.

    A kind is a logger and a message before its arguments are put in. What was left out is told with the next record
    that comes, of whatever kind, or at the end.

    Args:
        stream: where lines go.
        most: of one kind within a second.
    """

    def __init__(self, stream: TextIO, most: int = 5) -> None:
        super().__init__(stream)
        self._most = most
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless its kind has had its lines; called under the handler's lock."""
        now = time.monotonic()
        if self._kinds:
            self._tell(now - _WINDOW_S)
        if record.levelno >= logging.WARNING:
            kind = self._kinds.setdefault((record.name, str(record.msg)), _Kind(record, now))
            kind.seen += 1
            if kind.seen > self._most:
                return
        super().emit(record)

    def close(self) -> None:
        """Say what was left out, and end."""
        self.acquire()
        try:
            self._tell(float("inf"))
        finally:
            self.release()
        super().close()

    def _tell(self, until: float) -> None:
        """Forget the kinds that began by then, and say what of them was left out."""
        for key, kind in [(key, kind) for key, kind in self._kinds.items() if kind.since <= until]:
            del self._kinds[key]
            left_out = kind.seen - self._most
            if left_out > 0:
                super().emit(_summary(kind.first, left_out))


def _summary(first: logging.LogRecord, left_out: int) -> logging.LogRecord:
    return logging.makeLogRecord(
        {
            "name": first.name,
            "levelno": first.levelno,
            "levelname": first.levelname,
            "msg": "left out %d more within a second, like: %s",
            "args": (left_out, str(first.msg).partition("\n")[0]),
            "fields": {"left_out": left_out},
        }
    )
