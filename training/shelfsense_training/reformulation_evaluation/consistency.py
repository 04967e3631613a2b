"""Whether queries that mean the same get the same heads, and whether untuned e5 does as well.

Rankings are by vector alone, the same heads for both networks, so that the network is compared and no gate.
N heads, E embedding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense.query import Query
from shelfsense.text import normal_form
from shelfsense_training.reformulation_evaluation.head_pool import HeadPool
from shelfsense_training.reformulation_evaluation.meaning_groups import MeaningGroup, lexicon_groups
from shelfsense_training.reformulation_evaluation.measured import mean_figure, ratio_figure
from shelfsense_training.reformulation_evaluation.ranking_distance import (
    rank_biased_overlap,
    rank_distance,
    top_overlap,
)
from shelfsense_training.reformulation_evaluation.setting import Setting
from shelfsense_training.retrieval.retrieval_figures import discounted_gain

DEPTH = 10
GAIN_DEPTH = 3
_METRICS: Mapping[str, Callable[[Sequence[int], Sequence[int]], float]] = {
    "rank distance": rank_distance,
    "rank-biased overlap": rank_biased_overlap,
    "top-10 overlap": top_overlap,
}
_GAIN = "NDCG@3"

Vectors = Callable[[Sequence[str], str], NDArray[np.float32]]
"""(N, E) unit vectors of texts of a locale."""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """Groups that are asked of one index."""

    pool: HeadPool
    groups: tuple[MeaningGroup, ...]


def consistency(setting: Setting) -> Mapping[str, Any]:
    """Return consistency and NDCG over the lexicon's groups and the golden pairs, of the bundle and of untuned e5."""
    sets = {"lexicon": _lexicon(setting), "golden": _golden(setting)}
    systems = {"bundle": _served(setting)}
    if setting.teacher is not None:
        systems["untuned"] = _untuned(setting, [each for found in sets.values() for each in found])
    found: dict[str, Any] = {}
    for name, asked in sets.items():
        figures = {system: _measure(asked, vectors) for system, vectors in systems.items()}
        found[name] = {system: _means(each) for system, each in figures.items()}
        if "untuned" in figures:
            found[name]["bundle against untuned"] = _against(figures["bundle"], figures["untuned"])
    if setting.teacher is None:
        found["untuned"] = "skipped: name the work folder of the starter recipe with --teacher"
    return found


def group_figures(rankings: Sequence[Sequence[int]], head: int) -> dict[str, float]:
    """Return the figures of one group: means over its pairs, and of finding its head over the other members.

    Args:
        rankings: `DEPTH` heads of each member, best first; the head's own comes first.
        head: the head's row.
    """
    pairs = list(combinations(rankings, 2))
    found = {name: float(np.mean([metric(a, b) for a, b in pairs])) for name, metric in _METRICS.items()}
    gains = [discounted_gain(ranking, {head: 1.0}, GAIN_DEPTH) for ranking in rankings[1:]]
    return {**found, _GAIN: float(np.mean(gains))}


def _measure(asked: Sequence[_Asked], vectors: Vectors) -> list[dict[str, float]]:
    found = []
    for each in asked:
        heads = vectors(each.pool.texts, each.pool.locale)
        rows = {normal_form(text): row for row, text in enumerate(each.pool.texts)}
        for group in each.groups:
            members = vectors([group.head, *group.others], group.locale)
            rankings = np.argsort(-(members @ heads.T), axis=1, kind="stable")[:, :DEPTH].tolist()
            found.append(group_figures(rankings, rows[normal_form(group.head)]))
    return found


def _means(figures: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    return {name: mean_figure([each[name] for each in figures]) for name in (*_METRICS, _GAIN)}


def _against(ours: Sequence[Mapping[str, float]], theirs: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return the ratio of the two sums per figure, groups paired."""
    return {
        f"{name} ratio": ratio_figure([each[name] for each in ours], [each[name] for each in theirs])
        for name in (*_METRICS, _GAIN)
    }


def _lexicon(setting: Setting) -> list[_Asked]:
    locales = dict.fromkeys([*(file.locale for file in setting.golden_files), *setting.typos])
    found = []
    for locale in locales:
        pool = setting.lexicon_pool(locale)
        there = {normal_form(text) for text in pool.texts}
        groups = [g for g in lexicon_groups(locale, seed=setting.seed) if normal_form(g.head) in there]
        found.append(_Asked(pool, tuple(groups[: setting.limit])))
    return found


def _golden(setting: Setting) -> list[_Asked]:
    return [
        _Asked(
            setting.golden_pool(file), tuple(MeaningGroup(file.locale, pair.head, (pair.query,)) for pair in file.pairs)
        )
        for file in setting.golden_files
    ]


def _served(setting: Setting) -> Vectors:
    def vectors(texts: Sequence[str], locale: str) -> NDArray[np.float32]:
        return np.stack([each.embedding for each in setting.answers.of(texts, locale, heads=True)])

    return vectors


def _untuned(setting: Setting, asked: Sequence[_Asked]) -> Vectors:
    """Return what embeds texts as the unmodified teacher does; all at once, since it is slow."""
    from shelfsense_training.distillation import teacher_vectors  # noqa: PLC0415  torch, and a network of twelve layers
    from shelfsense_training.sources.data_folder import data_folder  # noqa: PLC0415
    from shelfsense_training.starter_recipe import StarterRecipe, StarterSettings  # noqa: PLC0415

    assert setting.teacher is not None
    recipe = StarterRecipe(setting.teacher, setting.data or data_folder(), StarterSettings())
    places = dict.fromkeys(_texts(asked))
    prepare = setting.answers.understander.prepare
    texts = [prepare(Query(text, locale, truncate=True)).model_text for text, locale in places]
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    path = (setting.scratch or Path()) / f"untuned_{digest}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    found = teacher_vectors(recipe.teacher, recipe.tokenizer, texts, path).astype(np.float32)
    rows = {place: row for row, place in enumerate(places)}

    def vectors(texts: Sequence[str], locale: str) -> NDArray[np.float32]:
        chosen: NDArray[np.float32] = found[[rows[text, locale] for text in texts]]
        return chosen

    return vectors


def _texts(asked: Sequence[_Asked]) -> Iterator[tuple[str, str]]:
    for each in asked:
        for text in each.pool.texts:
            yield text, each.pool.locale
        for group in each.groups:
            for text in (group.head, *group.others):
                yield text, group.locale
