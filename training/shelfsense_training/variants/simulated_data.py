"""A simulated log as study data: trained on mined labels, asked about the truth.

Validation is labelled as training is, by mining: a shop has no truth to choose by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from shelfsense.locales import language_of
from shelfsense.text import model_form
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.simulation.meanings import ConflictStrings
from shelfsense_training.simulation.simulation import TRUTH
from shelfsense_training.sources.default_tree import default_product_types
from shelfsense_training.sources.splits import Split, split_of_query
from shelfsense_training.variants.query_set import Example, QuerySet, StudyData, query_set

_TESTED = 1000
"""Test queries of a locale, drawn by their traffic."""

_CONFLICTS_TESTED = 150


def simulated_data(simulation: Path, labels: Path, tokenizer: QueryTokenizer, *, seed: int = 0) -> StudyData:
    """Return the study data of a simulation folder.

    Args:
        simulation: what `simulate` wrote.
        labels: what `mine-labels` found in it.
        tokenizer: of the networks to be trained.
        seed: of the draw of test queries.
    """
    truth = pq.read_table(simulation / TRUTH).to_pylist()
    tree = default_product_types()
    sold = sorted({row["product_type_id"] for row in truth}, key=tree.index.__getitem__)
    label = {identifier: i for i, identifier in enumerate(sold)}
    stores = sorted({row["locale"] for row in truth})
    locale = {tag: i for i, tag in enumerate(stores)}
    mined = _examples(pq.read_table(labels).to_pylist(), locale, label)
    meant = _examples(truth, locale, label)
    sides: dict[Split, list[Example]] = defaultdict(list)
    for example in mined:
        sides[split_of_query(example.text)].append(example)
    asked = [e for e in meant if split_of_query(e.text) is Split.TEST]
    random = np.random.default_rng((seed, 7))
    by_store = [[e for e in asked if e.locale == i] for i in range(len(stores))]
    tested = _drawn(by_store, _TESTED, random)
    odd = _drawn([[e for e in store if e.conflict] for store in by_store], _CONFLICTS_TESTED, random)
    strings = ConflictStrings.load()
    held = {(strings.within(e.text), e.locale) for e in sides[Split.TRAIN]}
    return StudyData(
        "simulated",
        tuple(stores),
        tuple(sold),
        np.ones(len(sold), dtype=np.int32),
        tuple(tree.nodes[tree.index[identifier]].name.lower() for identifier in sold),
        _set(sides[Split.TRAIN], stores, tokenizer),
        _set(sides[Split.VALIDATION], stores, tokenizer),
        _set(tested, stores, tokenizer),
        _set(odd, stores, tokenizer),
        np.array([(strings.within(e.text), e.locale) in held for e in odd], dtype=np.bool_),
    )


def _examples(rows: Iterable[dict[str, object]], locale: dict[str, int], label: dict[str, int]) -> list[Example]:
    found: dict[tuple[str, int], Example] = {}
    for row in rows:
        key = (str(row["query"]), locale[str(row["locale"])])
        volume, conflict = float(str(row.get("volume", 1.0))), bool(row.get("conflict", False))
        example = found.setdefault(key, Example(*key, {}, volume, conflict))
        example.types[label[str(row["product_type_id"])]] = float(str(row["probability"]))
    return list(found.values())


def _drawn(stores: Sequence[Sequence[Example]], most: int, random: np.random.Generator) -> list[Example]:
    """Return up to so many examples of each store, each by its traffic."""
    drawn: list[Example] = []
    for examples in stores:
        if examples:
            volume = np.array([e.volume for e in examples])
            size = min(most, len(examples))
            drawn.extend(
                examples[i] for i in sorted(random.choice(len(examples), size, replace=False, p=volume / volume.sum()))
            )
    return drawn


def _set(examples: Sequence[Example], stores: Sequence[str], tokenizer: QueryTokenizer) -> QuerySet:
    return query_set(examples, [tokenizer.encode(model_form(e.text, language_of(stores[e.locale]))) for e in examples])
