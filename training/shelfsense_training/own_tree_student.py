"""What the second part of the own-tree recipe learns from: judged queries and queries of our own, with shares.

N queries, L labels.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shelfsense.locales import language_of
from shelfsense.product_types import ProductTypes
from shelfsense.text import model_form, normal_form
from shelfsense_training.sources.judged_queries import JudgedQuery
from shelfsense_training.sources.lexicon import ANY_LOCALE, read_asked
from shelfsense_training.sources.splits import Split
from shelfsense_training.training_rows import TrainingRow
from shelfsense_training.variants.query_set import Example

KEPT = 6
"""Types of a level that a query's target keeps; the others' shares go to them in proportion."""


def written_queries(judged: Sequence[JudgedQuery], count: int, *, seed: int) -> list[tuple[str, str]]:
    """Return so many queries of the project's own writing as (text, locale), in the judged locales.

    Texts of validation and test queries are left out, whatever their locale.
    """
    locales = sorted({query.locale for query in judged})
    aside = {normal_form(query.text) for query in judged if query.split is not Split.TRAIN}
    draw = random.Random(seed)  # noqa: S311 - which queries, not a secret
    found = []
    for query in read_asked():
        locale = draw.choice(locales) if query.locale == ANY_LOCALE else query.locale
        if locale in locales and normal_form(query.text) not in aside:
            found.append((model_form(query.text, language_of(locale)), locale))
    return draw.sample(found, min(count, len(found)))


def judged_labels(rows: Sequence[TrainingRow], tree: ProductTypes) -> tuple[list[tuple[str, str]], NDArray[np.float32]]:
    """Return the distinct (text, locale) of judged rows, and what they mean, ancestors included, (N, L)."""
    meant: dict[tuple[str, str], set[int]] = defaultdict(set)
    for row in rows:
        for identifier in row.types:
            meant[row.text, row.locale].update(tree.ancestors(tree.index[identifier]))
    labels = np.zeros((len(meant), len(tree)), dtype=np.float32)
    for i, types in enumerate(meant.values()):
        labels[i, sorted(types)] = 1.0
    return list(meant), labels


def soft_examples(
    queries: Sequence[tuple[str, str]], scores: NDArray[np.float32], tree: ProductTypes, locales: Sequence[str]
) -> list[Example]:
    """Return queries with the best types of each level and their shares.

    Args:
        queries: N (text, locale).
        scores: (N, L) probabilities.
        tree: of the labels.
        locales: that examples are numbered by.
    """
    number = {tag: i for i, tag in enumerate(locales)}
    chosen: list[dict[int, float]] = [{} for _ in queries]
    for members in tree.by_level.values():
        inside = scores[:, members]
        kept = min(KEPT, len(members))
        best = np.argpartition(-inside, kept - 1, axis=1)[:, :kept]
        values = np.take_along_axis(inside, best, axis=1)
        # Above a sum of 1 the types are alternatives of equal standing; shares cannot say more than all.
        total = np.minimum(inside.sum(1, keepdims=True), 1.0)
        values *= total / np.maximum(values.sum(1, keepdims=True), 1e-9)
        for target, types, shares in zip(chosen, members[best].tolist(), values.tolist(), strict=True):
            target.update(zip(types, shares, strict=True))
    return [Example(text, number[tag], types) for (text, tag), types in zip(queries, chosen, strict=True)]
