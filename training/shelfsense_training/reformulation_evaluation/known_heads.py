"""Simulated shoppers: rare queries whose true head is known, asked of the heads that were mined.

A query is a tail when it is no head; its true head is one of the same need. The figures say "simulated".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from shelfsense.errors import InputRefused
from shelfsense.locales import Locales
from shelfsense.text import normal_form
from shelfsense_training.heads_file import read_heads_file
from shelfsense_training.reformulation_evaluation.head_pool import HeadPool
from shelfsense_training.reformulation_evaluation.measured import mean_figure, ratio_figure
from shelfsense_training.reformulation_evaluation.setting import PartSkipped, Setting

SAMPLE = 2000
_COLUMNS = ("query", "locale", "need")

_Key = tuple[str, str]
"""A bundle locale and a normal form."""


def known_heads(setting: Setting) -> Mapping[str, Any]:
    """Return precision and coverage of what the bundle accepts for tails that have a true head, and for tails that have none.

    Raises:
        PartSkipped: when no simulation is given.
        InputRefused: when a file lacks a column, or no tail has a head.
    """
    if setting.needs is None or setting.simulation_heads is None:
        raise PartSkipped("name needs.parquet with --needs and its mined heads with --simulation-heads")
    tags = setting.answers.understander.locales.tags
    texts, needs = _needs(setting.needs, tags)
    heads: dict[str, dict[str, str]] = defaultdict(dict)  # locale to normal form to text
    for head in read_heads_file(setting.simulation_heads, tags).heads:
        heads[head.locale][normal_form(head.query)] = head.query
    served = {
        (locale, needs[locale, form]) for locale, forms in heads.items() for form in forms if (locale, form) in needs
    }
    tails = sorted(key for key in needs if key[1] not in heads[key[0]])
    known = [key for key in tails if (key[0], needs[key]) in served]
    if not known:
        raise InputRefused(f"{setting.needs}: no query has a head of its need; give the heads mined from that log")
    random = np.random.default_rng(setting.seed)
    count = min(SAMPLE, setting.limit or SAMPLE)
    pools: dict[str, HeadPool] = {}
    rows = _asked(setting, _drawn(random, known, count), pools, heads, texts, needs)
    headless = _drawn(random, [key for key in tails if (key[0], needs[key]) not in served], count)
    others = _asked(setting, headless, pools, heads, texts, needs)
    accepted, right = [row[0] for row in rows], [row[1] for row in rows]
    return {
        "precision": ratio_figure(right, accepted),
        "coverage": mean_figure(right),
        "accepted where there is no true head": mean_figure([row[0] for row in others]),
        "tails with a true head": len(known),
        "tails without": len(tails) - len(known),
        "heads": {locale: len(forms) for locale, forms in sorted(heads.items()) if forms},
    }


def _asked(
    setting: Setting,
    keys: list[_Key],
    pools: dict[str, HeadPool],
    heads: Mapping[str, Mapping[str, str]],
    texts: Mapping[_Key, str],
    needs: Mapping[_Key, str],
) -> list[tuple[bool, bool]]:
    """Return, query by query, whether a head is accepted and whether it has the query's need."""
    found = []
    for locale in sorted({key[0] for key in keys if heads[key[0]]}):
        if locale not in pools:
            pools[locale] = HeadPool(setting.answers, list(heads[locale].values()), locale, typed=setting.typed)
        ours = [key for key in keys if key[0] == locale]
        for key, asked in zip(ours, setting.answers.of([texts[key] for key in ours], locale), strict=True):
            offer = pools[locale].served(asked)
            meant = "" if offer is None else needs.get((locale, normal_form(offer.query)), "")
            found.append((offer is not None, offer is not None and meant == needs[key]))
    return found


def _drawn(random: np.random.Generator, keys: list[_Key], count: int) -> list[_Key]:
    if not keys:
        return []
    chosen: list[int] = random.choice(len(keys), min(count, len(keys)), replace=False).tolist()
    return [keys[i] for i in sorted(chosen)]


def _needs(path: Path, tags: tuple[str, ...]) -> tuple[dict[_Key, str], dict[_Key, str]]:
    """Return the text and the need of every query of a bundle's locale."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputRefused(f"{path}: cannot be read as Parquet ({error})") from error
    missing = [name for name in _COLUMNS if name not in table.column_names]
    if missing:
        raise InputRefused(f"{path}: there is no column {missing[0]!r}; simulate with --needs")
    resolver = Locales(tags)
    resolved = {tag: resolver.resolve(tag).tag for tag in table.column("locale").unique().to_pylist()}
    texts: dict[_Key, str] = {}
    needs: dict[_Key, str] = {}
    for row in table.select(list(_COLUMNS)).to_pylist():
        key = resolved[row["locale"]], normal_form(row["query"])
        if key[0] in tags:
            texts[key], needs[key] = row["query"], row["need"]
    return texts, needs
