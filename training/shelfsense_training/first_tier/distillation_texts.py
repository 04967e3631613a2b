"""The texts on which a first tier hears the network: training rows and unlabelled texts, never a question of an evaluation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from shelfsense.text import normal_form

SHARES: Mapping[str, float] = {
    "judged": 0.05,
    "head": 0.06,
    "tail": 0.03,
    "nothing": 0.03,
    "lexicon": 0.01,
    "asked": 0.56,
    "composed": 0.08,
    "name": 0.03,
    "unlabelled": 0.15,
}
"""Of the texts, by source: most are queries as shoppers ask, for those are what a first tier will meet."""

UNLABELLED = "unlabelled"

Text = tuple[str, str]
"""A text in model form, and its locale."""


def distillation_texts(
    rows: Path, unlabelled: Path, questions: Iterable[str], count: int, *, seed: int = 0
) -> list[Text]:
    """Return different texts with their locales, in random order.

    Args:
        rows: the composed training rows, .parquet with ``text``, ``locale`` and ``source``.
        unlabelled: .parquet with ``text`` and ``locale``.
        questions: texts of validation and test, in any form; they are left out in every locale.
        count: how many texts, fewer where the sources have fewer.
        seed: of the draw.
    """
    aside = {normal_form(text) for text in questions}
    by_source: dict[str, dict[Text, None]] = defaultdict(dict)
    for text, locale, source in _rows(rows, ("text", "locale", "source")):
        by_source[source][text, locale] = None
    for text, locale in _rows(unlabelled, ("text", "locale")):
        by_source[UNLABELLED][text, locale] = None
    random = np.random.default_rng(seed)
    found: dict[Text, None] = {}
    for source, share in SHARES.items():
        texts = list(by_source[source])
        chosen = random.permutation(len(texts))[: round(count * share)]
        found |= {texts[i]: None for i in chosen}
    kept = [text for text in found if text[0] and normal_form(text[0]) not in aside]
    return [kept[i] for i in random.permutation(len(kept))]


def _rows(path: Path, columns: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    table = pq.read_table(path, columns=list(columns))
    return zip(*(table[name].to_pylist() for name in columns), strict=True)
