"""A small shop for tests of overrides: its tree, its heads, its answers, and the rules that it writes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shelfsense.locales import Locales
from shelfsense.overrides.override_table import OverrideTable
from shelfsense.overrides.override_targets import OverrideTargets
from shelfsense.overrides.overrides_file import SCHEMA
from shelfsense.product_types import ProductTypes
from shelfsense.query import Options
from shelfsense.reformulation.head import Head
from shelfsense.reformulation.head_index import HeadIndex
from shelfsense.reformulation.vector_index import GraphSettings
from shelfsense.text import normal_form
from shelfsense.thresholds import LocaleThresholds, Thresholds
from shelfsense.understanding import ProductType, Reformulation, Understanding
from tiny import TINY_TREE

NOW = 1_800_000_000.0
TREE = ProductTypes.from_table("tiny", TINY_TREE)
PROBABILITIES = {"sh": 0.9, "sh-1": 0.8, "sh-2": 0.4, "ho": 0.3, "ho-1": 0.2, "el": 0.1, "el-1": 0.05}
HEADS = (
    Head("running shoes", "en", 90.0),
    Head("Trail Shoes", "en", 80.0),
    Head("jogging shoes", "en", 70.0, volume_is_estimate=True),
    Head("walking shoes", "en", 60.0),
    Head("laufschuhe", "de", 50.0),
)
_LOCALES = ("en", "de", "ja")
_THRESHOLDS = Thresholds(dict.fromkeys((*_LOCALES, "und"), LocaleThresholds((0.5, 0.5), "real", 0.9, "real")))


def targets() -> OverrideTargets:
    """What the shop's rules may name."""
    heads = HeadIndex({}, 3, GraphSettings())
    heads.add(HEADS, np.tile(np.array([1, 0, 0], dtype=np.float32), (len(HEADS), 1)))
    return OverrideTargets(Locales(_LOCALES), TREE, _THRESHOLDS, heads)


def until(seconds: float) -> datetime:
    """So many seconds after `NOW`."""
    return datetime.fromtimestamp(NOW + seconds, UTC)


def rule(action: str, value: str, *, query: str = "red shoes", locale: str = "", **others: Any) -> dict[str, Any]:
    """A row of the file."""
    return {"query": query, "locale": locale, "action": action, "value": value, **others}


def parquet(rows: Sequence[Mapping[str, Any]], schema: pa.Schema = SCHEMA) -> bytes:
    """The bytes of a file of rows."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema), out)
    return out.getvalue()


def table_of(*rows: Mapping[str, Any]) -> OverrideTable:
    """The table of a file of rows, read at `NOW`."""
    return OverrideTable.read(parquet(rows), targets(), NOW)


def answer(options: Options, *, locale: str = "en", known: bool = True) -> Understanding:
    """What the model says of any query: `PROBABILITIES`, and the heads of English, the last of them refused."""
    found = [
        Reformulation(
            head.query,
            "en",
            score=0.99 - i / 100,
            accepted=i < 3,
            volume=head.volume,
            volume_is_estimate=head.volume_is_estimate,
            refusal="" if i < 3 else "another colour",
        )
        for i, head in enumerate(HEADS[:4])
    ]
    most = options.max_reformulations
    heads = [each for each in found if each.accepted or options.include_refused][:most]
    types = [each for level in (2, 1) for each in _level(level, known=known)[: options.top_k]]
    return Understanding(tuple(types), tuple(heads), locale, truncated=False, bundle_version="1")


def _level(level: int, *, known: bool) -> list[ProductType]:
    """All types of a level, likeliest first."""
    ids = sorted((node.id for node in TREE.nodes), key=lambda type_id: -PROBABILITIES[type_id])
    there = [(i, PROBABILITIES[type_id]) for type_id in ids if TREE.level[i := TREE.index[type_id]] == level]
    return [
        ProductType(TREE.nodes[i].id, TREE.paths[i], level, value, 0.5, accepted=known and value >= 0.5)
        for i, value in there
    ]


def overridden(
    table: OverrideTable,
    options: Options = Options(),  # noqa: B008  frozen
    *,
    query: str = "red shoes",
    locale: str = "en",
    now: float = NOW,
) -> Understanding:
    """The answer to a query as a server makes it of a table."""
    overriding = table.find(normal_form(query), locale, now)
    if overriding is None:
        return answer(options, locale=locale)
    asked = overriding.widened(options)
    return overriding.apply(answer(asked, locale=locale), options, lambda type_id: PROBABILITIES[type_id])


def types_of(understanding: Understanding) -> list[str]:
    """The ids of its types, in order."""
    return [each.id for each in understanding.product_types]


def heads_of(understanding: Understanding) -> list[str]:
    """Its reformulations, in order."""
    return [each.query for each in understanding.reformulations]


def without_names(understanding: Understanding) -> Understanding:
    """The same answer, its rules not named."""
    return replace(understanding, overrides=())
