"""Texts without labels, with their locale: what the student hears its teacher on.

Only the training side of every split appears here; test and validation queries are never read.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

from shelfsense.locales import language_of
from shelfsense.text import model_form
from shelfsense_training.sources.judged_queries import read_judged_queries
from shelfsense_training.sources.lexicon import read_heads, read_product_names, read_tails
from shelfsense_training.sources.splits import Split
from shelfsense_training.sources.taxonomy import Taxonomy, attribute_values


def read_unlabelled(folder: Path, *, attribute_share: float = 0.2, seed: int = 0) -> list[tuple[str, str]]:
    """Return distinct (text, locale) pairs in random order, texts in model form.

    Args:
        folder: the data folder.
        attribute_share: share of the localized attribute values to keep; they are many and dull.
        seed: of the order and the sample.
    """
    draw = random.Random(seed)  # noqa: S311 - a sample, not a secret
    seen: dict[tuple[str, str], None] = {}
    for text, locale in _texts(folder, draw, attribute_share):
        seen[(model_form(text, language_of(locale)), locale)] = None
    pairs = [pair for pair in seen if pair[0]]
    draw.shuffle(pairs)
    return pairs


def _texts(folder: Path, draw: random.Random, attribute_share: float) -> Iterator[tuple[str, str]]:
    for name in Taxonomy(folder).names():
        if name.split is Split.TRAIN:
            yield name.names[-1], name.locale
    for locale, attributes in attribute_values(folder).items():
        for values in attributes.values():
            yield from ((value, locale) for value in values if draw.random() < attribute_share)
    for query in read_judged_queries(folder):
        if query.split is Split.TRAIN:
            yield query.text, query.locale
    for entry in (*read_heads(), *read_tails(), *read_product_names()):
        yield entry.text, entry.locale
    yield from _real_queries(folder)


def _real_queries(folder: Path) -> Iterator[tuple[str, str]]:
    for row in _table(folder / "esci_us" / "queries.tsv"):
        yield row["query"], "en"
    with (folder / "fashion_en_de" / "queries.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield row["en"], "en"
            yield row["de"], "de"
    for line in (folder / "taobao_zh" / "queries.txt").read_text(encoding="utf-8").splitlines():
        yield line, "zh-CN"
    for row in _table(folder / "spelling_en" / "pairs.tsv"):
        yield row["query"], "en"
        yield row["correction"], "en"
    with (folder / "esci_titles" / "examples.csv").open(encoding="utf-8", newline="") as file:
        locale_of = {"us": "en", "jp": "ja", "es": "es"}
        for row in csv.DictReader(file):
            yield " ".join(row["product_title"].split()[:8]), locale_of[row["query_locale"]]


def _table(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
