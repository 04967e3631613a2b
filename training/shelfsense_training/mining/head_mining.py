"""Mines head queries from logs: how often each query of a locale was searched, by enough different sessions.

The SQL is one text, `heads.sql`, for DuckDB and Spark SQL alike, by the rules that `label_mining` states. Queries
with personal data become no heads (`folded_queries`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow as pa

from shelfsense.errors import InputRefused
from shelfsense_training.mining.event_tables import EVENTS, table_files
from shelfsense_training.mining.folded_queries import Form, put_queries, same_form
from shelfsense_training.mining.pair_mining import event_fates
from shelfsense_training.mining.sql_engine import SqlEngine
from shelfsense_training.mining.sql_steps import read_steps

MIN_SESSIONS = 20
"""Fewest distinct sessions of a head: behaviour of fewer is not reliable, and would show single shoppers."""

HEADS = pa.schema([("query", pa.string()), ("locale", pa.string()), ("volume", pa.int64()), ("sessions", pa.int64())])
"""The columns of heads."""

_STEPS = ("checked", "faults", "volumes", "heads")
STAGES = len(_STEPS) + 2
"""How many stages `mine_heads` reports."""


@dataclass(frozen=True, slots=True)
class MinedHeads:
    """Heads and how they came about.

    Attributes:
        heads: columns of `HEADS`, the most searched of each locale first; ``query`` is the commonest writing of its
            normal form, ``volume`` counts searches.
        events: searches read, by fate: ``sound`` or the fault for which they were dropped.
        facts: further figures for the report.
    """

    heads: pa.Table
    events: dict[str, int]
    facts: dict[str, Any]

    def report(self) -> dict[str, Any]:
        """Return the figures of the run as JSON values; they hold no query."""
        return {"heads": self.heads.num_rows, "events": self.events, **self.facts}


def mine_heads(
    engine: SqlEngine,
    events: Path,
    *,
    min_sessions: int = MIN_SESSIONS,
    form: Form = same_form,
    on_stage: Callable[[str], None] = lambda _: None,
) -> MinedHeads:
    """Mine heads from a log.

    Args:
        engine: runs the SQL; must be fresh.
        events: Parquet file or folder, columns of `EVENTS`.
        min_sessions: distinct sessions of a head, 1 or more.
        form: from normal form and locale to the form under which queries are one head.
        on_stage: told the name of each stage as it begins.

    Raises:
        InputRefused: when files cannot be read as events, or they hold no sound search.
    """
    if min_sessions < 1:
        raise InputRefused(f"min_sessions is {min_sessions}; choose 1 or more")
    steps = read_steps(resources.files(__package__).joinpath("heads.sql").read_text(encoding="utf-8"))
    engine.read("events", table_files(events, EVENTS))
    engine.put("settings", pa.table({"min_sessions": pa.array([min_sessions], pa.int64())}))
    on_stage("forms")
    queries = put_queries(engine, form)
    for name in _STEPS:
        on_stage(name)
        engine.run(steps[name])
    fates = event_fates(engine, events)
    on_stage("result")
    heads = engine.fetch("SELECT * FROM heads ORDER BY locale, volume DESC, query").cast(HEADS)
    searched = engine.fetch("SELECT COUNT(*) AS queries, CAST(SUM(volume) AS BIGINT) AS searches FROM volumes")
    facts = {
        "heads_by_locale": dict(sorted(Counter(heads.column("locale").to_pylist()).items())),
        "min_sessions": min_sessions,
        "merged_by_folding": queries.merged,
        "personal_data_dropped": queries.personal,
        "queries_searched": searched.column("queries")[0].as_py(),
        "share_of_searches": sum(heads.column("volume").to_pylist()) / searched.column("searches")[0].as_py(),
    }
    return MinedHeads(heads, fates, facts)
