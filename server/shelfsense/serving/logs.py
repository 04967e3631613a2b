"""The log: a record is a line of text or of JSON on stderr, without query texts.

Fields of a record are given by ``extra={"fields": {...}}``. A record's exception is written as its type and its stack:
messages of exceptions may quote a query, whoever raised them.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from shelfsense.serving.errors import trace
from shelfsense.serving.limited_handler import LimitedHandler

Form = Literal["text", "json"]
Level = Literal["debug", "info", "warning", "error"]

_TALKATIVE = ("grpc", "asyncio", "opentelemetry")  # libraries whose warnings are enough


def set_up(
    form: Form = "text",
    level: Level = "info",
    *,
    log_queries: bool = False,
    worker: int | None = None,
    stream: TextIO | None = None,
) -> None:
    """Send the records of all loggers to one place; replaces what was set up before.

    Args:
        form: of a record.
        level: the least that is written.
        log_queries: whether messages of exceptions are written too, which may quote a query.
        worker: number of this process among several, put on every line.
        stream: where lines go; stderr where absent.
    """
    fields = {} if worker is None else {"worker": worker}
    lines = JsonLines if form == "json" else TextLines
    handler = LimitedHandler(stream or sys.stderr)
    handler.setFormatter(lines(fields, log_queries=log_queries))
    least = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=least, handlers=[handler], force=True)
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(max(logging.WARNING, least))


class _Lines(logging.Formatter):
    """What both forms share.

    Args:
        fields: put on every line.
        log_queries: whether messages of exceptions are written.
    """

    def __init__(self, fields: Mapping[str, object], *, log_queries: bool) -> None:
        super().__init__()
        self._fields = fields
        self._log_queries = log_queries

    def formatException(self, ei: Any) -> str:  # noqa: N802 -- the library's name
        """Return the exception's type and stack; its message only where query texts may be written."""
        if self._log_queries or ei[1] is None:
            return super().formatException(ei)
        return trace(ei[1]).rstrip()

    def _time(self, record: logging.LogRecord) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _message(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        return f"{message}\n{self.formatException(record.exc_info)}" if record.exc_info else message

    def _fields_of(self, record: logging.LogRecord) -> dict[str, object]:
        return {**self._fields, **getattr(record, "fields", {})}


class TextLines(_Lines):
    """Time, level, logger, message, and fields as ``key=value``; a stack takes lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line or lines."""
        # Texts stand in quotes, so that a line end within one cannot pass for a record.
        fields = "".join(
            f" {key}={json.dumps(value, ensure_ascii=False, default=str)}"
            for key, value in self._fields_of(record).items()
        )
        return f"{self._time(record)} {record.levelname} {record.name}{fields}: {self._message(record)}"


class JsonLines(_Lines):
    """One object a line: ``time``, ``level``, ``logger``, ``message``, and ``fields`` where there are any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a stack stays within it."""
        line: dict[str, object] = {
            "time": self._time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._message(record),
        }
        if fields := self._fields_of(record):
            line["fields"] = fields
        return json.dumps(line, ensure_ascii=False, default=str)
