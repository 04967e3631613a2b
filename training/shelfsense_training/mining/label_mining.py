"""Mines labels from logs: p(type | query, locale), as shares of what shoppers did after the query.

The SQL is one text, `labels.sql`, for DuckDB and Spark SQL alike: plain SELECTs of inner and left joins, GROUP BY,
CASE, window functions, CAST to INT, BIGINT and DOUBLE (both dialects divide whole numbers as fractions), GREATEST and
COALESCE. No QUALIFY, FILTER, lists, macros, GROUP BY ALL, TRY_CAST or files. Numbers reach it as the one-row table
``settings``. Two things it cannot do are done between its steps: normal forms (`query_forms`, Python text folding) and
the propensities (`position_bias`, a small least squares).

Raw: p_t = w_t / sum of w, where w adds 1 for a click, 3 for a cart, 10 for a purchase, once per session and product.

Corrected, for the examination model P(click) = P(place examined) x P(attracted), with s the weighted actions:

    exposure    e_t = sum over impressions of theta, theta(place) = max(propensity, clip)
    noise       n_t = sum over impressions of b(place), b = what a type that is not its query's first earns there
    excess rate x_t = (s_t - n_t) / (e_t + smoothing)
    test        likelihood ratio of "a share p means it" to noise, the best of p = 0.2, 0.5, 1, at least 10:
                log = sum over kinds j and impressions of [c_j log(1 + p theta d_j / b_j(place)) - p theta d_j]
    label       p_t = x_t / max(sum of x over types that pass, meant_floor x usual excess rate of a meant type)

A kind j is the furthest a session went with an impression (click, cart, purchase), c_j counts it (Poisson), b_j is its
noise rate and d_j what a meant type earns beyond, per exposure, pooled over the first types of all queries. The test
weighs kinds by what they prove; the label weighs them as set.

s_t / e_t is the inverse-propensity estimator in its self-normalised form: each impression's action over propensity,
weighted by the propensity, which under the model is the maximum likelihood of Poisson counts and has the least
variance (clicks over expected clicks; Zhang and Jones, "Comparing Click Logs and Editorial Labels for Training Query
Rewriting", WWW 2007 workshop). If a share p of a query's shoppers mean type t, s_t / e_t expects p a + (1 - p) b for
the rates a of a meant and b of an unmeant type: so s_t / e_t - b is p (a - b), and shares of it are the shares of
shoppers who mean t. Subtracting noise by place also takes off clicks that come from trust in the place alone (the
affine correction of Vardasbi, Oosterhuis, de Rijke, "When Inverse Propensity Scoring does not Work", CIKM 2020).

Actions on products without an impression after the session's query have no exposure to be held against and do not
count; nor do carts and purchases of a shown product that were neither clicked nor logged with a place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from shelfsense.errors import InputRefused
from shelfsense_training.mining.event_tables import CATALOG, EVENTS, table_files
from shelfsense_training.mining.label_settings import LabelSettings
from shelfsense_training.mining.position_bias import PlacePair, PositionBias, estimate_position_bias
from shelfsense_training.mining.query_forms import query_forms
from shelfsense_training.mining.sql_engine import SqlEngine
from shelfsense_training.mining.sql_steps import read_steps

Exposure = Literal["corrected", "raw"]

_FIRST = ("checked", "products", "faults", "impressions", "acted")
_RAW = ("acted_raw", "type_actions_raw", "labels_raw")
_BEFORE_BIAS = ("found", "acted_corrected", "shown", "cells", "place_pairs", "type_places", "type_place_pairs")
_AFTER_BIAS = (
    "examined",
    "ranked",
    "unmeant",
    "noise",
    "meant",
    "evidence",
    "type_actions_corrected",
    "labels_corrected",
)
STAGES: dict[Exposure, int] = {
    "raw": len(_FIRST + _RAW) + 2,
    "corrected": len(_FIRST + _BEFORE_BIAS + _AFTER_BIAS) + 3,
}
"""How many stages `mine_labels` reports, by exposure."""


LABELS = pa.schema(
    [
        ("query", pa.string()),
        ("locale", pa.string()),
        ("product_type_id", pa.string()),
        ("probability", pa.float64()),
        *((name, pa.int64()) for name in ("sessions", "clicks", "carts", "purchases")),
        ("score", pa.float64()),
        ("impressions", pa.int64()),
        ("exposure", pa.float64()),
        ("noise", pa.float64()),
    ]
)
"""The columns of labels."""


@dataclass(frozen=True, slots=True)
class MinedLabels:
    """Labels and how they came about.

    Attributes:
        labels: ``query`` (normal form), ``locale``, ``product_type_id``, ``probability``, ``sessions``, ``clicks``,
            ``carts``, ``purchases``, ``score`` (weighted actions), and null when raw: ``impressions``, ``exposure``
            (as if all at the first place), ``noise`` (the score that noise would have earned).
        events: events read, by fate: ``sound`` or the fault for which they were dropped.
        bias: propensities by place; none when raw.
        facts: further figures for the report.
        seconds: per stage.
    """

    labels: pa.Table
    events: dict[str, int]
    bias: PositionBias | None
    facts: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)


def mine_labels(
    engine: SqlEngine,
    events: Path,
    catalog: Path,
    settings: LabelSettings,
    *,
    exposure: Exposure = "corrected",
    on_stage: Callable[[str], None] = lambda _: None,
) -> MinedLabels:
    """Mine labels from a log.

    Args:
        engine: runs the SQL; must be fresh.
        events: Parquet file or folder, columns of `EVENTS`.
        catalog: Parquet file or folder, columns of `CATALOG`; the title may be absent.
        settings: weights, thresholds and smoothing.
        exposure: ``corrected`` for position, exposure and noise, or ``raw``.
        on_stage: told the name of each stage as it begins.

    Raises:
        InputRefused: when files cannot be read as their tables, or no event is sound, or the log has no
            impression with a position and exposure is to be corrected.
    """
    return _Mining(engine, on_stage).run(events, catalog, settings, exposure)


class _Mining:
    """One run: the steps in their order and what stands between them."""

    def __init__(self, engine: SqlEngine, on_stage: Callable[[str], None]) -> None:
        self._engine = engine
        self._on_stage = on_stage
        self._steps = read_steps(resources.files(__package__).joinpath("labels.sql").read_text(encoding="utf-8"))
        self._seconds: dict[str, float] = {}

    def run(self, events: Path, catalog: Path, settings: LabelSettings, exposure: Exposure) -> MinedLabels:
        self._engine.read("events", table_files(events, EVENTS))
        self._engine.read("catalog", table_files(catalog, CATALOG, optional=frozenset({"title"})))
        self._engine.put("settings", settings.table())
        with self._stage("normal forms"):
            self._number_queries()
        self._run(_FIRST)
        fates = self._fates(events)
        bias = None
        if exposure == "corrected":
            self._run(_BEFORE_BIAS)
            with self._stage("position bias"):
                bias = self._estimate_bias(settings.clip)
            self._run(_AFTER_BIAS)
        else:
            self._run(_RAW)
        with self._stage("labels"):
            labels = self._engine.fetch(
                f"SELECT * FROM labels_{exposure} ORDER BY locale, query, probability DESC, product_type_id"  # noqa: S608
            ).cast(LABELS)
        return MinedLabels(labels, fates, bias, self._facts(exposure), self._seconds)

    def _run(self, names: tuple[str, ...]) -> None:
        for name in names:
            with self._stage(name):
                self._engine.run(self._steps[name])

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self._on_stage(name)
        start = time.perf_counter()
        yield
        self._seconds[name] = round(time.perf_counter() - start, 3)

    def _number_queries(self) -> None:
        typed = self._engine.fetch("SELECT DISTINCT query FROM events WHERE query IS NOT NULL")
        forms, queries = query_forms(typed.column("query").to_pylist())
        self._engine.put("query_forms", forms)
        self._engine.put("queries", queries)

    def _fates(self, events: Path) -> dict[str, int]:
        """Return how many events were sound, and how many were dropped for which fault."""
        rows = self._engine.fetch("SELECT fault, CAST(SUM(events) AS BIGINT) AS events FROM faults GROUP BY fault")
        fates = dict(sorted((row["fault"], row["events"]) for row in rows.to_pylist()))
        if not fates.get("sound"):
            faults = ", ".join(f"{fault}: {count:,}" for fault, count in fates.items()) or "it has no rows"
            raise InputRefused(f"{events}: no event can be used ({faults}); see the columns of `events` in the design")
        return fates

    def _estimate_bias(self, clip: float) -> PositionBias:
        places = self._engine.fetch("SELECT DISTINCT place FROM shown").column("place").to_pylist()
        bias = estimate_position_bias(places, self._pairs("place_pairs"), self._pairs("type_place_pairs"), clip=clip)
        self._engine.put(
            "propensities",
            pa.table(
                {
                    "place": pa.array(list(bias.propensity), pa.int32()),
                    "propensity": pa.array(list(bias.propensity.values()), pa.float64()),
                }
            ),
        )
        return bias

    def _pairs(self, step: str) -> list[PlacePair]:
        columns = "upper, lower, upper_clicks, lower_clicks, variation"
        rows = self._engine.fetch(f"SELECT {columns} FROM {step} ORDER BY upper, lower")  # noqa: S608  steps are ours
        return [PlacePair(**row) for row in rows.to_pylist()]

    def _facts(self, exposure: Exposure) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "queries": self._number("SELECT COUNT(*) AS n FROM queries"),
            "catalogue_products_with_several_types": self._number("SELECT COUNT(*) AS n FROM products WHERE types > 1"),
            "actions": self._number("SELECT SUM(click + cart + purchase) AS n FROM acted"),
            "actions_counted": self._number(f"SELECT SUM(click + cart + purchase) AS n FROM acted_{exposure}"),  # noqa: S608
        }
        if exposure == "corrected":
            rows = self._engine.fetch("SELECT place, rate FROM noise ORDER BY place").to_pylist()
            facts["noise_by_place"] = {row["place"]: row["rate"] for row in rows}
            facts["excess_rate_of_a_meant_type"] = self._number("SELECT excess_rate AS n FROM meant")
        return facts

    def _number(self, select: str) -> float:
        return float(self._engine.fetch(select).column("n")[0].as_py() or 0)
