"""How good a model is while it trains: top-1 on real and on clean validation queries.

A figure to choose by, quick and without intervals; what is reported comes from `evaluation`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from shelfsense.locales import language_of
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes
from shelfsense.text import model_form
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.batches import pad_batch
from shelfsense_training.sources.judged_queries import read_judged_queries
from shelfsense_training.sources.splits import Split
from shelfsense_training.sources.taxonomy import CategoryName, Taxonomy

_BATCH = 256


@dataclass(frozen=True, slots=True)
class ValidationQuery:
    """A query and the ids that would be right.

    Attributes:
        text: in model form.
        locale: a bundle locale.
        types: acceptable ids, all of one level.
    """

    text: str
    locale: str
    types: tuple[str, ...]


def real_queries(folder: Path, split: Split) -> list[ValidationQuery]:
    """Return the relevant judgements of one split, the unmapped ones (no right answer) included."""
    return [
        ValidationQuery(model_form(q.text, language_of(q.locale)), q.locale, q.acceptable)
        for q in read_judged_queries(folder)
        if q.relevant and q.split is split
    ]


def clean_queries(folder: Path, split: Split, *, every: int = 1) -> list[ValidationQuery]:
    """Return names of held-out cells, those that occur in any training cell removed.

    Args:
        folder: the data folder.
        split: validation or test; categories held out everywhere are not among them.
        every: keep one in so many.
    """
    return _untrained(folder, lambda name: name.split is split and not name.unseen_category)[::every]


def unseen_queries(folder: Path) -> list[ValidationQuery]:
    """Return names of categories held out in every locale, those that occur in any training cell removed."""
    return _untrained(folder, lambda name: name.unseen_category)


def _untrained(folder: Path, wanted: Callable[[CategoryName], bool]) -> list[ValidationQuery]:
    names = Taxonomy(folder).names()
    trained = {model_form(n.names[-1], language_of(n.locale)) for n in names if n.split is Split.TRAIN}
    return [
        ValidationQuery(text, name.locale, (name.type_id,))
        for name in names
        if wanted(name) and (text := model_form(name.names[-1], language_of(name.locale))) not in trained
    ]


def logits_of(
    model: UnderstanderModel, tokenizer: QueryTokenizer, queries: Sequence[ValidationQuery]
) -> NDArray[np.float32]:
    """Return the model's logits (N, L), before calibration."""
    tokens = [tokenizer.network_input(q.text, q.locale, truncate=True).ids for q in queries]
    order = np.argsort([len(t) for t in tokens], kind="stable")
    logits = np.empty((len(queries), model.classification.linear.out_features), dtype=np.float32)
    with torch.no_grad():
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            logits[rows] = model(pad_batch([tokens[i] for i in rows], model.backbone.pad_id)).logits.float().numpy()
    return logits


def log_odds_of(
    model: UnderstanderModel, tokenizer: QueryTokenizer, queries: Sequence[ValidationQuery]
) -> NDArray[np.float32]:
    """Return the log-odds (N, L) of each label within its level, before calibration."""
    with torch.no_grad():
        found = model.classification.log_odds(torch.from_numpy(logits_of(model, tokenizer, queries)))
    return np.asarray(found.numpy(), dtype=np.float32)


def top1(
    logits: NDArray[np.float32], queries: Sequence[ValidationQuery], product_types: ProductTypes, level: int
) -> float:
    """Return the share of queries whose best label of a level is, or lies above, an acceptable type."""
    best = product_types.by_level[level][logits[:, product_types.by_level[level]].argmax(1)]
    right = 0
    for label, query in zip(best.tolist(), queries, strict=True):
        right += any(product_types.at_level(product_types.index[t], level) == label for t in query.types)
    return right / len(queries)


class Validation:
    """Real and clean validation queries, ready to be asked again and again.

    Args:
        folder: the data folder.
        tokenizer: of the model.
        product_types: the tree of its labels.
    """

    def __init__(self, folder: Path, tokenizer: QueryTokenizer, product_types: ProductTypes) -> None:
        self._tokenizer = tokenizer
        self._product_types = product_types
        self._real = real_queries(folder, Split.VALIDATION)
        self._clean = clean_queries(folder, Split.VALIDATION, every=2)

    def __call__(self, model: UnderstanderModel) -> str:
        """Return the figures in one line."""
        real = logits_of(model, self._tokenizer, self._real)
        clean = logits_of(model, self._tokenizer, self._clean)
        figures = {
            "real level 1": top1(real, self._real, self._product_types, 1),
            "real level 2": top1(real, self._real, self._product_types, 2),
            "clean level 1": top1(clean, self._clean, self._product_types, 1),
            "clean level 3": top1(clean, self._clean, self._product_types, 3),
        }
        return ", ".join(f"{name} {value:.3f}" for name, value in figures.items()) + f" (n={len(self._real)})"
