"""The table of the retrieval study: every tested query of all folds together, paired differences, seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from shelfsense_training.retrieval.baselines import bm25, character_tfidf, fasttext_vectors, sparse_nearest, word_tfidf
from shelfsense_training.retrieval.graded_queries import GradedQueries
from shelfsense_training.retrieval.retrieval_figures import (
    DEPTH,
    RankedFigures,
    mean_interval,
    nearest,
    ranked_figures,
)
from shelfsense_training.retrieval.retrieval_study import ABLATIONS, RetrievalPlans, RetrievalStudy

UNTUNED = "e5, twelve layers, untuned"
SERVED = "six layers, int8"
RERANKED = "six layers, int8, and the re-ranker"


@dataclass(frozen=True, slots=True)
class RankedTwice:
    """Figures of one system, among all candidates and among those that could be right.

    A candidate without judgements cannot be a partner, however well it says the same; three in four are such.

    Attributes:
        every: among all candidates.
        judged: the same ranking, candidates without judgements left out.
    """

    every: RankedFigures
    judged: RankedFigures

    @classmethod
    def of(
        cls, ranking: NDArray[np.int64], partners: Sequence[frozenset[int]], judged: NDArray[np.bool_]
    ) -> RankedTwice:
        """Return both figures of a ranking (N, depth)."""
        kept = [[row for row in ranked if judged[row]] for ranked in ranking.tolist()]
        return cls(ranked_figures(ranking.tolist(), partners), ranked_figures(kept, partners))


def baseline_figures(study: RetrievalStudy) -> dict[str, RankedTwice]:
    """Return the figures of every system that was not tuned, over all tested queries in order of their rows."""
    queries = study.queries
    partners = queries.partners()
    rows = list(partners)
    right = [partners[row] for row in rows]
    words, characters = word_tfidf(queries.texts), character_tfidf(queries.texts)
    counts, weights = bm25(queries.texts)
    found = {
        "words, TF-IDF": sparse_nearest(words, words, rows, DEPTH),
        "characters, TF-IDF": sparse_nearest(characters, characters, rows, DEPTH),
        "BM25": sparse_nearest(counts, weights, rows, DEPTH),
    }
    dense = {
        "fastText vectors": fasttext_vectors(queries.texts),
        UNTUNED: study.teacher.astype(np.float32),
        "e5, its six-layer cut, untuned": study.cut_teacher.astype(np.float32),
    }
    found |= {name: nearest(v[rows], v, DEPTH, without=rows) for name, v in dense.items()}
    judged = queries.judged
    return {name: RankedTwice.of(ranking, right, judged) for name, ranking in found.items()}


def study_figures(study: RetrievalStudy, plans: RetrievalPlans) -> dict[str, Any]:
    """Return all figures of the runs that there are."""
    baselines = baseline_figures(study)
    rows = list(study.queries.partners())
    report: dict[str, Any] = {
        "queries": len(rows),
        "candidates": len(study.queries),
        "baselines": {name: _described(figures) for name, figures in baselines.items()},
        "seeds": {},
    }
    by_seed: dict[int, list[dict[str, Any]]] = {}
    for plan in plans.main():
        result = study.result(plan)
        if result:
            by_seed.setdefault(plan.seed, []).append(result)
    for seed, results in by_seed.items():
        systems = _systems(results, study.queries)
        tested = np.concatenate([result["tested"] for result in results])
        at = np.searchsorted(rows, tested)
        figures = {}
        for name, ours in systems.items():
            figures[name] = _described(ours)
            figures[name]["less"] = {
                other: {
                    "MRR@10": str(mean_interval(ours.every.reciprocal - theirs.every.reciprocal[at])),
                    "recall@100": str(mean_interval(ours.every.recall - theirs.every.recall[at])),
                    "MRR@10 among judged": str(mean_interval(ours.judged.reciprocal - theirs.judged.reciprocal[at])),
                }
                for other, theirs in baselines.items()
            }
        report["seeds"][seed] = {
            "folds": len(results),
            "queries": len(tested),
            "systems": figures,
            "hard pairs, AUC": _areas(results),
            "blend": [float(r["blend"]) for r in results if "blend" in r],
            "kept": [int(r["kept"]) for r in results],
            "seconds": [round(float(r["seconds"])) for r in results],
            "re-ranker, ms a query": [
                round(1e3 * float(r["rerank_seconds"])) for r in results if "rerank_seconds" in r
            ],
        }
    report["changes"] = _changes(study, plans)
    return report


def _systems(results: Sequence[dict[str, Any]], queries: GradedQueries) -> dict[str, RankedTwice]:
    names = {"start": "state_0", "warm-up": "state_1"}
    for number in (1, 2, 3):
        names[f"after round {number}"] = f"state_{number + 1}"
    found = {}
    for name, key in names.items():
        # A run that stopped early stands at its last round.
        found[name] = _joined(results, [_state(result, key) for result in results], queries)
    found["kept by validation"] = _joined(results, [r[f"state_{int(r['kept'])}"] for r in results], queries)
    for name, key in (("kept, and the re-ranker", "reranked"), (SERVED, "int8"), (RERANKED, "int8_reranked")):
        if all(key in result for result in results):
            found[name] = _joined(results, [result[key] for result in results], queries)
    return found


def _state(result: dict[str, Any], key: str) -> NDArray[np.int64]:
    states = sorted(name for name in result if name.startswith("state_"))
    found: NDArray[np.int64] = result[key if key in result else states[-1]]
    return found


def _joined(
    results: Sequence[dict[str, Any]], rankings: Sequence[NDArray[np.int64]], queries: GradedQueries
) -> RankedTwice:
    partners = queries.partners()
    asked = [partners[row] for result in results for row in result["tested"].tolist()]
    return RankedTwice.of(
        np.concatenate([ranking[:, : rankings[-1].shape[1]] for ranking in rankings]), asked, queries.judged
    )


def _areas(results: Sequence[dict[str, Any]]) -> dict[str, float]:
    found = {}
    for name in ("pairs_teacher", "pairs_retriever", "pairs_int8", "pairs_cross", "pairs_blended"):
        if all(name in result for result in results):
            areas = [roc_auc_score(result["pairs_right"], result[name]) for result in results]
            found[name.removeprefix("pairs_")] = round(float(np.mean(areas)), 4)
    return found


def _changes(study: RetrievalStudy, plans: RetrievalPlans) -> dict[str, Any]:
    """Return each change beside the recipe on the same folds and seeds."""
    mine = [plan for plan in plans.main() if plan.fold in plans.ablation_folds]
    found: dict[str, Any] = {}
    for label in ("ours", *ABLATIONS):
        planned = mine if label == "ours" else [plan for plan in plans.ablations() if plan.label == label]
        results = [result for plan in planned if (result := study.result(plan)) is not None]
        if results and len(results) == len(planned):
            systems = _systems(results, study.queries)
            described = {name: _described(figures) for name, figures in systems.items()}
            found[label] = {"seeds": len({plan.seed for plan in planned}), **described}
    return found


def _described(figures: RankedTwice) -> dict[str, Any]:
    return {
        "MRR@10": str(mean_interval(figures.every.reciprocal)),
        "recall@100": str(mean_interval(figures.every.recall)),
        "MRR@10 among judged": str(mean_interval(figures.judged.reciprocal)),
    }
