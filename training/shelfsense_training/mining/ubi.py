"""Reads OpenSearch User Behavior Insights (UBI 1.x) as events.

A file is newline-delimited JSON of both indices, as a bulk request (with its action lines) or as plain documents.
`ubi_queries` documents name the query behind a ``query_id``; `ubi_events` documents say what was done. UBI leaves
action names to the shop: the ones of its specification and samples are known here, all others are counted and left out.
``position.ordinal`` counts from 0 in some applications and from 1 in others: one that uses 0 is moved up by one.
A query without an event of its own kind gets its search from the `ubi_queries` document.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shelfsense.errors import InputRefused, InvalidQuery
from shelfsense.locales import Locales
from shelfsense_training.mining.event_tables import ACTIONS, EVENTS

KNOWN_ACTIONS = {
    "search": "search",
    "on_search": "search",
    "impression": "impression",
    "click": "click",
    "item_click": "click",
    "add_to_cart": "cart",
    "purchase": "purchase",
}
"""UBI ``action_name``, and the action it becomes."""

_BATCH = 100_000
_BULK = frozenset({"index", "create"})

_Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ImportedUbi:
    """What became of a file.

    Attributes:
        events: rows written, by action.
        left_out: documents not written, by reason.
    """

    events: dict[str, int]
    left_out: dict[str, int]


@dataclass(slots=True)
class _Facts:
    """What the first reading learns: queries by id, who asked them, which have a search, who counts from 0."""

    queries: dict[str, _Document] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    searched: set[str] = field(default_factory=set)
    from_zero: set[str] = field(default_factory=set)


def import_ubi(source: Path, out: Path, locale: str) -> ImportedUbi:
    """Write a UBI file as events; it is read twice, memory holds its queries only.

    Args:
        source: newline-delimited JSON.
        out: Parquet file of the columns `EVENTS`, replaced when the import is whole.
        locale: BCP 47 tag of every event.

    Raises:
        InputRefused: when the file is missing or yields no event, or the locale is not BCP 47.
    """
    try:
        Locales([locale])
    except InvalidQuery as error:
        raise InputRefused(str(error)) from error
    if not source.is_file():
        raise InputRefused(f"{source}: there is no such file")
    facts = _learn(source)
    left_out: Counter[str] = Counter()
    written: Counter[str] = Counter()
    out.parent.mkdir(parents=True, exist_ok=True)
    staged = out.with_name(out.name + ".part")
    try:
        with pq.ParquetWriter(staged, EVENTS, compression="zstd") as writer:
            for rows in _batches(_rows(source, facts, locale, left_out)):
                written.update(row["action"] for row in rows)
                writer.write_table(pa.Table.from_pylist(rows, EVENTS))
        if not written:
            found = ", ".join(f"{reason}: {count:,}" for reason, count in sorted(left_out.items())) or "it is empty"
            raise InputRefused(f"{source}: no document makes an event ({found}); export ubi_queries and ubi_events")
        staged.rename(out)
    finally:
        staged.unlink(missing_ok=True)
    return ImportedUbi({action: written[action] for action in ACTIONS if written[action]}, dict(left_out))


def _learn(source: Path) -> _Facts:
    facts = _Facts()
    for document in _documents(source, Counter()):
        query_id = _text(document, "query_id")
        if "action_name" not in document:
            if query_id and _text(document, "user_query"):
                facts.queries[query_id] = document
            continue
        action = KNOWN_ACTIONS.get(str(document["action_name"]).lower())
        if query_id and action == "search":
            facts.searched.add(query_id)
        if query_id and (session := _session(document)):
            facts.sessions.setdefault(query_id, session)
        if action not in {None, "search"} and _ordinal(document) == 0:
            facts.from_zero.add(_text(document, "application"))
    return facts


def _rows(source: Path, facts: _Facts, locale: str, left_out: Counter[str]) -> Iterator[_Document]:
    for document in _documents(source, left_out):
        row = _event(document, facts) if "action_name" in document else _search(document, facts)
        if isinstance(row, str):
            left_out[row] += 1
        elif row:
            yield row | {"locale": locale}


def _event(document: _Document, facts: _Facts) -> _Document | str:
    """Return an event's row, or why there is none."""
    action = KNOWN_ACTIONS.get(str(document["action_name"]).lower())
    if action is None:
        return f"action '{document['action_name']}' is not known"
    asked = facts.queries.get(_text(document, "query_id"), {})
    query = _text(document, "user_query") or _text(asked, "user_query")
    product = _text(_part(document, "event_attributes", "object"), "object_id")
    ordinal = _ordinal(document)
    row: _Document = {
        "event_time": _time(document.get("timestamp")),
        "session_id": _session(document) or _text(document, "client_id"),
        "query": query,
        "product_id": product or None,
        "action": action,
        "position": None,
    }
    if missing := _missing(row):
        return missing
    if action == "search":
        return row | {"product_id": None}
    if not product:
        return f"{action} without object_id"
    if ordinal is not None:
        row["position"] = ordinal + (_text(document, "application") in facts.from_zero)
    return row


def _search(document: _Document, facts: _Facts) -> _Document | str | None:
    """Return the search of a query that has no search event; none where it has one."""
    query_id = _text(document, "query_id")
    if query_id in facts.searched:
        return None
    row = {
        "event_time": _time(document.get("timestamp")),
        "session_id": facts.sessions.get(query_id) or _text(document, "client_id"),
        "query": _text(document, "user_query"),
        "product_id": None,
        "action": "search",
        "position": None,
    }
    return _missing(row) or row


def _missing(row: _Document) -> str:
    if not row["query"]:
        return "no query known"
    if not row["session_id"]:
        return "neither session_id nor client_id"
    return "" if row["event_time"] else "no timestamp that can be read"


def _documents(source: Path, left_out: Counter[str]) -> Iterator[_Document]:
    with source.open("rb") as file:
        for line in file:
            if not line.strip():
                continue
            try:
                document = json.loads(line)
            except ValueError:
                left_out["line is not JSON"] += 1
                continue
            if not isinstance(document, dict):
                left_out["line is not a JSON object"] += 1
            elif not (len(document) == 1 and document.keys() <= _BULK):
                yield document


def _batches(rows: Iterator[_Document]) -> Iterator[list[_Document]]:
    batch: list[_Document] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _part(document: _Document, *path: str) -> _Document:
    for name in path:
        inner = document.get(name)
        document = inner if isinstance(inner, dict) else {}
    return document


def _text(document: _Document, name: str) -> str:
    value = document.get(name)
    if value is None or isinstance(value, dict | list):
        return ""
    # JSON can spell half of a surrogate pair, which no file of text can hold.
    return str(value).encode("utf-8", "replace").decode("utf-8").strip()


def _session(document: _Document) -> str:
    return _text(document, "session_id") or _text(_part(document, "event_attributes"), "session_id")


def _ordinal(document: _Document) -> int | None:
    value = _part(document, "event_attributes", "position").get("ordinal")
    return value if isinstance(value, int) and not isinstance(value, bool) and -1 < value < 2**31 - 1 else None


def _time(value: Any) -> datetime | None:
    """Return the time of milliseconds since 1970 or of ISO 8601; without an offset it is UTC."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
        time = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
