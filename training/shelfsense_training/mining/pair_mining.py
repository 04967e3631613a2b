"""Mines pairs of queries that mean the same from logs: by the items acquired after each.

The SQL is one text, `pairs.sql`, for DuckDB and Spark SQL alike, by the rules that `label_mining` states. Only the
folding of queries (`folded_queries`) is done before it, in Python.

With m(q, i) the membership of item i in the set of query q, 0 to 1 by what sessions did with it:

    shared      = sum over items of min(m(a, i), m(b, i)),  size(q) = sum over items of m(q, i)
    overlap     = shared / min(size(a), size(b)),  Jaccard = shared / (size(a) + size(b) - shared)
    similarity  = 1/2 (overlap + Jaccard)
    importance ~ Wilson(Jaccard, items of either) * min(1, log exposure), mean 1 over all pairs

Wilson is the lower bound of a binomial share (Wilson, "Probable Inference", JASA 22, 1927), here of the items of
either query that are of both: the bound of the overlap would be highest where a query's items are part of another's
that means more ("red shoes" of "shoes"), and on simulated logs precision did not rise with it. Exposure is the
sessions of the query that fewer searched, its logarithm to the base `full_exposure`. With purchases alone the sets
are plain sets and overlap and Jaccard the usual ones. Pairs without importance, a query having one session only, are
left out.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow as pa

from shelfsense.errors import InputRefused
from shelfsense_training.mining.event_tables import EVENTS, table_files
from shelfsense_training.mining.folded_queries import FoldedQueries, Form, put_queries, same_form
from shelfsense_training.mining.pair_settings import PairSettings
from shelfsense_training.mining.sql_engine import SqlEngine
from shelfsense_training.mining.sql_steps import SqlStep, read_steps

_STEPS = ("checked", "faults", "exposures", "acted", "acquired", "items", "baskets", "sizes", "shared", "compared")
_LAST = ("weighed", "pairs")
STAGES = len(_STEPS) + len(_LAST) + 2
"""How many stages `mine_pairs` reports."""

PAIRS = pa.schema(
    [
        *((name, pa.string()) for name in ("query_a", "query_b", "locale")),
        *((name, pa.float64()) for name in ("similarity", "importance")),
        *((name, pa.int64()) for name in ("common", "exposure_a", "exposure_b")),
    ]
)
"""The columns of pairs; query_a is the one that fewer sessions searched."""


@dataclass(frozen=True, slots=True)
class MinedPairs:
    """Pairs and how they came about.

    Attributes:
        pairs: columns of `PAIRS`, the most important first; a query is the normal form that was typed most of those
            with its form, ``exposure`` counts sessions, ``common`` items of both.
        events: events read, by fate: ``sound`` or the fault for which they were dropped.
        facts: further figures for the report.
        seconds: per stage.
    """

    pairs: pa.Table
    events: dict[str, int]
    facts: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)

    def report(self) -> dict[str, Any]:
        """Return the figures of the run as JSON values; they hold no query."""
        by_locale = dict(sorted(Counter(self.pairs.column("locale").to_pylist()).items()))
        return {
            "pairs": self.pairs.num_rows,
            "pairs_by_locale": by_locale,
            "events": self.events,
            **self.facts,
            "seconds": self.seconds,
        }


def mine_pairs(
    engine: SqlEngine,
    events: Path,
    settings: PairSettings,
    *,
    form: Form = same_form,
    on_stage: Callable[[str], None] = lambda _: None,
) -> MinedPairs:
    """Mine pairs from a log.

    Args:
        engine: runs the SQL; must be fresh.
        events: Parquet file or folder, columns of `EVENTS`.
        settings: weights, hubs and thresholds.
        form: from normal form and locale to the form under which queries are one query before mining.
        on_stage: told the name of each stage as it begins.

    Raises:
        InputRefused: when files cannot be read as events, no event is sound, or nothing was acquired.
    """
    return _Mining(engine, on_stage).run(events, settings, form)


class _Mining:
    """One run: the steps in their order and what stands between them."""

    def __init__(self, engine: SqlEngine, on_stage: Callable[[str], None]) -> None:
        self._engine = engine
        self._on_stage = on_stage
        self._steps = read_steps(resources.files(__package__).joinpath("pairs.sql").read_text(encoding="utf-8"))
        self._seconds: dict[str, float] = {}

    def run(self, events: Path, settings: PairSettings, form: Form) -> MinedPairs:
        self._engine.read("events", table_files(events, EVENTS))
        self._engine.put("settings", settings.table())
        with self._stage("forms"):
            queries = put_queries(self._engine, form)
        for name in _STEPS:
            self._run(self._steps[name])
        fates = event_fates(self._engine, events)
        if not self._number("SELECT COUNT(*) AS n FROM acquired"):
            raise InputRefused(
                f"{events}: nothing was put into a cart or bought after a click or at a named place; "
                "count what was bought beside, or clicks, by the settings"
            )
        for name in _LAST:
            self._run(self._steps[name])
        with self._stage("result"):
            pairs = self._engine.fetch(
                "SELECT * FROM pairs ORDER BY importance DESC, locale, query_a, query_b",
            ).cast(PAIRS)
        return MinedPairs(pairs, fates, self._facts(queries), self._seconds)

    def _run(self, step: SqlStep) -> None:
        with self._stage(step.name):
            self._engine.run(step)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self._on_stage(name)
        start = time.perf_counter()
        yield
        self._seconds[name] = round(time.perf_counter() - start, 3)

    def _facts(self, queries: FoldedQueries) -> dict[str, Any]:
        return {
            "normal_forms": queries.normal_forms,
            "merged_by_folding": queries.merged,
            "personal_data_dropped": queries.personal,
            "queries_with_items": self._number("SELECT COUNT(*) AS n FROM sizes"),
            "items": self._number("SELECT COUNT(*) AS n FROM items"),
            "hubs": self._number("SELECT SUM(hub) AS n FROM items"),
            "compared": self._number("SELECT COUNT(*) AS n FROM compared"),
        }

    def _number(self, select: str) -> int:
        return int(self._engine.fetch(select).column("n")[0].as_py() or 0)


def event_fates(engine: SqlEngine, events: Path) -> dict[str, int]:
    """Return how many events were sound, and how many were dropped for which fault, from the step ``faults``.

    Raises:
        InputRefused: when none was sound.
    """
    fates = {row["fault"]: row["events"] for row in engine.fetch("SELECT * FROM faults ORDER BY fault").to_pylist()}
    if not fates.get("sound"):
        faults = ", ".join(f"{fault}: {count:,}" for fault, count in fates.items()) or "it has no rows"
        raise InputRefused(f"{events}: no event can be used ({faults}); see the columns of `events` in the design")
    return fates
