"""OpenSearch UBI becomes events: names, places from 1, queries by id, and an account of what is left out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from shelfsense.errors import InputRefused
from shelfsense_training.mining.event_tables import EVENTS, table_files
from shelfsense_training.mining.ubi import import_ubi
from shelfsense_training.sources.data_folder import data_folder

TIME = "2026-01-02T03:04:05.678Z"


def event(action: str, product: str | None = None, ordinal: int | None = None, **more: Any) -> dict[str, Any]:
    attributes = {"object": {"object_id": product}, "position": {"ordinal": ordinal}}
    return {"action_name": action, "query_id": "q1", "session_id": "s1", "timestamp": TIME} | {
        "application": "shop",
        "event_attributes": attributes if product else None,
        **more,
    }


QUERY = {"query_id": "q1", "user_query": "Red shoes", "client_id": "c1", "timestamp": TIME}


def imported(folder: Path, *lines: Any) -> tuple[list[dict[str, Any]], dict[str, int]]:
    source = folder / "ubi.ndjson"
    source.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines), encoding="utf-8")
    result = import_ubi(source, folder / "events.parquet", "en-US")
    table = pq.read_table(folder / "events.parquet")
    assert table.schema.equals(EVENTS)
    return table.to_pylist(), result.left_out


def test_documents_become_events(tmp_path: Path) -> None:
    rows, left_out = imported(
        tmp_path,
        {"index": {"_index": "ubi_events"}},
        event("impression", "p1", 1),
        event("item_click", "p1", 1, user_query="other words"),
        event("add_to_cart", "p1"),
        {"index": {"_index": "ubi_queries"}},
        QUERY,
        event("purchase", "p1", 1, session_id=None, client_id="c1", timestamp=1767323045678),
    )
    shared = {"event_time": datetime(2026, 1, 2, 3, 4, 5, 678000, UTC), "locale": "en-US", "product_id": "p1"}
    shared |= {"session_id": "s1", "query": "Red shoes"}
    assert rows == [
        shared | {"action": "impression", "position": 1},
        shared | {"action": "click", "position": 1, "query": "other words"},
        shared | {"action": "cart", "position": None},
        shared | {"action": "search", "position": None, "product_id": None},
        shared | {"action": "purchase", "position": 1, "session_id": "c1"},
    ]
    assert left_out == {}


def test_a_query_with_a_search_event_is_searched_once(tmp_path: Path) -> None:
    rows, _ = imported(tmp_path, QUERY, event("on_search"))
    assert [(row["action"], row["session_id"]) for row in rows] == [("search", "s1")]


def test_an_application_that_counts_from_zero_is_moved_up(tmp_path: Path) -> None:
    rows, _ = imported(
        tmp_path,
        QUERY,
        event("impression", "p1", 0),
        event("impression", "p2", 3),
        event("impression", "p3", 3, application="other"),
    )
    assert [row["position"] for row in rows if row["product_id"]] == [1, 4, 3]


def test_what_makes_no_event_is_counted(tmp_path: Path) -> None:
    rows, left_out = imported(
        tmp_path,
        "{not json",
        "[1]",
        "",
        QUERY,
        event("brand_filter", "p1", 1),
        event("click"),
        event("click", "p1", query_id="unknown"),
        event("click", "p1", session_id=None),
        event("click", "p1", timestamp="yesterday"),
        event("click", "p1", -4),
    )
    assert [(row["action"], row["position"]) for row in rows] == [("search", None), ("click", None)]
    assert left_out == {
        "line is not JSON": 1,
        "line is not a JSON object": 1,
        "action 'brand_filter' is not known": 1,
        "click without object_id": 1,
        "no query known": 1,
        "neither session_id nor client_id": 1,
        "no timestamp that can be read": 1,
    }


def test_a_file_without_events_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"no document makes an event \(action 'gaze' is not known: 1\)"):
        imported(tmp_path, event("gaze"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ubi.ndjson"]


def test_a_locale_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="is not a BCP 47 tag"):
        import_ubi(tmp_path / "ubi.ndjson", tmp_path / "events.parquet", "not a locale")


@pytest.mark.data
def test_the_public_sample_is_read(tmp_path: Path) -> None:
    try:
        source = data_folder() / "ubi_esci_us" / "ubi_queries_events.ndjson"
    except InputRefused as absent:
        pytest.skip(str(absent))
    if not source.is_file():
        pytest.skip(f"{source} is absent")
    result = import_ubi(source, tmp_path / "events.parquet", "en-US")
    assert set(result.events) == {"search", "impression", "click", "cart"}
    assert result.events["impression"] > 1500
    rows = pq.read_table(table_files(tmp_path / "events.parquet", EVENTS)[0]).to_pylist()
    assert min(row["position"] for row in rows if row["position"] is not None) == 1
