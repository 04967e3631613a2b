"""The judged marketplace queries as study data, in the label space of design section 8."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from shelfsense.locales import language_of
from shelfsense.product_types import ProductTypes
from shelfsense.text import model_form, normal_form
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.marketplace_tree import marketplace_tree, node_of
from shelfsense_training.sources.judged_queries import JudgedQuery, read_judged_queries
from shelfsense_training.sources.splits import Split, hash_bucket
from shelfsense_training.variants.query_set import Example, QuerySet, StudyData, query_set

KEPT_LANGUAGE = "en"
KEPT_SHARE = 7
"""Percent of the other languages' training and validation queries that the skewed version keeps (issue: 5-10 %)."""


def real_data(folder: Path, tokenizer: QueryTokenizer, *, skewed: bool = False) -> StudyData:
    """Return the judged queries, one example per query: all its relevant nodes and their ancestors.

    Args:
        folder: the data folder.
        tokenizer: of the networks to be trained.
        skewed: keep all of one language and `KEPT_SHARE` of the others; the test side stays whole.
    """
    judged = read_judged_queries(folder)
    tree = marketplace_tree(judged)
    locales = tuple(sorted({query.locale for query in judged}))
    sides = {}
    for split in Split:
        kept = [q for q in judged if q.split is split and (not skewed or split is Split.TEST or _kept(q))]
        sides[split] = _set(kept, tree, locales, tokenizer)
    return StudyData(
        "real, skewed" if skewed else "real",
        locales,
        tuple(node.id for node in tree.nodes),
        tree.level,
        tuple(node.name for node in tree.nodes),
        sides[Split.TRAIN],
        sides[Split.VALIDATION],
        sides[Split.TEST],
        sides[Split.TEST].take(np.zeros(0, dtype=np.intp)),
    )


def _set(
    judged: list[JudgedQuery], tree: ProductTypes, locales: tuple[str, ...], tokenizer: QueryTokenizer
) -> QuerySet:
    found: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for query in judged:
        node = node_of(query, tree)
        if not (query.relevant and node):
            continue
        text = model_form(query.text, language_of(query.locale))
        for i in tree.ancestors(tree.index[node]):
            found[text, query.locale][i] = 1.0
    examples = [Example(text, locales.index(locale), types) for (text, locale), types in found.items()]
    return query_set(examples, [tokenizer.encode(e.text) for e in examples])


def _kept(query: JudgedQuery) -> bool:
    if language_of(query.locale) == KEPT_LANGUAGE:
        return True
    return hash_bucket(f"skewed|{normal_form(query.text)}", 100) < KEPT_SHARE
