"""Heads from logs: enough sessions, the commonest writing, no personal data, and an index that takes them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from shelfsense.bundle import Bundle
from shelfsense.errors import InputRefused
from shelfsense_training.cli import app
from shelfsense_training.mining.event_tables import EVENTS
from shelfsense_training.mining.head_mining import HEADS, STAGES, MinedHeads, mine_heads
from shelfsense_training.mining.sql_engine import duckdb_engine


def write_log(file: Path, searches: list[tuple[str | None, str | None, str]], action: str = "search") -> Path:
    rows = [
        {"event_time": datetime(2026, 1, 1, tzinfo=UTC), "session_id": session, "query": query, "locale": locale}
        | {"action": action, "product_id": "p" if action == "click" else None, "position": None}
        for session, query, locale in searches
    ]
    pq.write_table(pa.Table.from_pylist(rows, EVENTS), file)
    return file


def searched(query: str, sessions: int, locale: str = "en", first: int = 0) -> list[tuple[str | None, str | None, str]]:
    return [(f"s{i}", query, locale) for i in range(first, first + sessions)]


def mine(log: Path, min_sessions: int = 20) -> MinedHeads:
    with duckdb_engine(memory_limit="500MB", threads=1) as engine:
        return mine_heads(engine, log, min_sessions=min_sessions)


def test_a_head_was_searched_by_twenty_sessions_and_its_volume_counts_searches(tmp_path: Path) -> None:
    log = searched("cup", 20) + searched("cup", 5) + searched("mug", 19) + searched("mug", 19)
    mined = mine(write_log(tmp_path / "log.parquet", log))
    assert mined.heads.to_pylist() == [{"query": "cup", "locale": "en", "volume": 25, "sessions": 20}]
    assert mined.facts["queries_searched"] == 2
    assert mined.facts["share_of_searches"] == pytest.approx(25 / 63)


def test_writings_of_one_normal_form_are_one_head_in_the_commonest_writing(tmp_path: Path) -> None:
    log = searched("Red  Cup", 9) + searched("red cup", 7, first=9) + searched("RED CUP", 4, first=16)
    log += searched("red cup", 20, "de")
    assert mine(write_log(tmp_path / "log.parquet", log)).heads.to_pylist() == [
        {"query": "red cup", "locale": "de", "volume": 20, "sessions": 20},
        {"query": "Red Cup", "locale": "en", "volume": 20, "sessions": 20},
    ]


def test_personal_data_becomes_no_head_and_is_counted(tmp_path: Path) -> None:
    log = searched("jo@example.com", 30) + searched("4111 1111 1111 1111", 25) + searched("cup", 20)
    mined = mine(write_log(tmp_path / "log.parquet", log))
    assert mined.heads.column("query").to_pylist() == ["cup"]
    assert mined.facts["personal_data_dropped"] == {
        "card": {"queries": 1, "searches": 25},
        "e-mail": {"queries": 1, "searches": 30},
    }
    assert mined.events == {"personal data in the query": 55, "sound": 20}


def test_a_log_without_a_sound_search_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="no event can be used"):
        mine(write_log(tmp_path / "clicks.parquet", searched("cup", 30), "click"))
    with pytest.raises(InputRefused, match="no session: 1"):
        mine(write_log(tmp_path / "faults.parquet", [(None, "cup", "en")]))
    with pytest.raises(InputRefused, match="choose 1 or more"):
        mine(tmp_path / "clicks.parquet", 0)


def test_a_log_without_heads_gives_an_empty_table(tmp_path: Path) -> None:
    mined = mine(write_log(tmp_path / "log.parquet", searched("cup", 3)))
    assert (mined.heads.num_rows, mined.heads.schema) == (0, HEADS)


def test_stages_are_told_as_many_as_promised(tmp_path: Path) -> None:
    told: list[str] = []
    with duckdb_engine(memory_limit="500MB", threads=1) as engine:
        mine_heads(engine, write_log(tmp_path / "log.parquet", searched("cup", 3)), on_stage=told.append)
    assert len(told) == STAGES


def test_mined_heads_go_into_an_index_as_they_are(tmp_path: Path, tiny_bundle: Path) -> None:
    log = write_log(tmp_path / "log.parquet", searched("Red Cup", 21) + searched("mug", 20) + searched("rare", 2))
    heads, out = tmp_path / "heads.parquet", tmp_path / "bundle"
    run = CliRunner()
    mined = run.invoke(app, ["mine-heads", "--events", str(log), "--out", str(heads), "--threads", "1"])
    assert mined.exit_code == 0, mined.output
    indexed = run.invoke(
        app, ["index", "--heads", str(heads), "--bundle", str(tiny_bundle), "--out", str(out)], catch_exceptions=False
    )
    assert "2 heads in 1 locales" in indexed.output
    table = pa.ipc.open_file(Bundle.open(out).path / "head_index" / "heads.arrow").read_all()
    rows = zip(table.column("query").to_pylist(), table.column("volume").to_pylist(), strict=True)
    assert sorted(rows) == [("Red Cup", 21.0), ("mug", 20.0)]
