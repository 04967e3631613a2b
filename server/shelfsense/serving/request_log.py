"""A line for a call: for every one at level debug, else for a share of them."""

from __future__ import annotations

import logging
from collections.abc import Callable

_log = logging.getLogger("shelfsense.requests")


class RequestLog:
    """Writes calls to the log, evenly spaced, without their queries.

    Args:
        share: of the calls that are written at level info, 0 to 1.
        log_queries: whether a line holds the query's text.
    """

    def __init__(self, share: float = 0.0, *, log_queries: bool = False) -> None:
        self._share = share
        self._log_queries = log_queries
        self._due = 0.0

    def call_ended(self, rpc: str, code: str, seconds: float, text: Callable[[], str] | None = None) -> None:
        """Write one call if it is its turn.

        Args:
            rpc: its name.
            code: its status, by its name.
            seconds: it took.
            text: reads the query's text; called only where it is written.
        """
        self._due += self._share
        if self._due >= 1:
            self._due -= 1
            level = logging.INFO
        elif _log.isEnabledFor(logging.DEBUG):
            level = logging.DEBUG
        else:
            return
        fields: dict[str, object] = {"rpc": rpc, "code": code, "ms": round(seconds * 1e3, 3)}
        if self._log_queries and text is not None:
            fields["query"] = text()
        _log.log(level, "call ended", extra={"fields": fields})
