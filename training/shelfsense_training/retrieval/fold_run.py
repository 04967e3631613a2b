"""One fold of the retrieval study: the retriever, the re-ranker and what the one learns from the other.

Everything that figures are made of is kept in one file, query by query, so that a study that was stopped
goes on and its figures can be made again. Q tested queries, C candidates.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from shelfsense.models.cross_encoder import CrossEncoder
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.backbones import keep_layers
from shelfsense_training.progress import CONSOLE
from shelfsense_training.retrieval.cross_distillation import CrossDistillationSettings, distil_order
from shelfsense_training.retrieval.cross_encoder_training import (
    CrossEncoderSettings,
    CrossEncoderTraining,
    RankedExample,
)
from shelfsense_training.retrieval.graded_queries import GradedQueries
from shelfsense_training.retrieval.retrieval_figures import nearest, ranked_figures
from shelfsense_training.retrieval.retriever_training import RetrieverSettings, RetrieverTraining

RERANKED = 50
"""Candidates that the re-ranker orders."""

CROSS_LAYERS = (0, 2, 3, 5)
"""Of the student's six: a re-ranker of four fits beside the network in a bundle of 60 MB."""

BLENDS = (0.0, 0.003, 0.006, 0.012, 0.025, 0.05, 0.1)
"""Weights of the re-ranker's logit beside the cosine; one is chosen on the validation fold."""

_DISTILLED_QUERIES = 1500
_DISTILLED_CANDIDATES = 12
_HARD_PER_QUERY = 3


@dataclass(frozen=True, slots=True)
class FoldPlan:
    """One run.

    Attributes:
        fold: the one that is tested.
        seed: of every draw.
        label: names the recipe.
        retriever: settings.
        cross_encoder: settings; None where there is no re-ranker.
        distillation: settings; None where the retriever learns nothing from it.
        typed: the network reads each query's likeliest product type behind it.
    """

    fold: int
    seed: int = 0
    label: str = "ours"
    retriever: RetrieverSettings = field(default_factory=RetrieverSettings)
    cross_encoder: CrossEncoderSettings | None = field(default_factory=CrossEncoderSettings)
    distillation: CrossDistillationSettings | None = field(default_factory=CrossDistillationSettings)
    typed: bool = False

    @property
    def name(self) -> str:
        """The run's file name, without its ending."""
        return f"{self.label.replace(' ', '_')}-fold{self.fold}-seed{self.seed}"


class FoldRun:
    """The parts that all folds share.

    Args:
        queries: judged queries and all candidates.
        tokenizer: of the models.
        teacher: (N, E) vectors of the untuned twelve-layer network.
        start: makes the bi-encoder that training starts from.
        folder: of the results.
        typed_texts: makes the queries with their likeliest product types behind them, (N,).
    """

    def __init__(
        self,
        queries: GradedQueries,
        tokenizer: QueryTokenizer,
        teacher: NDArray[np.floating[Any]],
        start: Callable[[], UnderstanderModel],
        folder: Path,
        typed_texts: Callable[[], Sequence[str]],
    ) -> None:
        self.queries = queries
        self.teacher = teacher
        self._tokenizer = tokenizer
        self._start = start
        self._folder = folder
        self._typed_texts = typed_texts
        self.partners = queries.partners()

    def path(self, plan: FoldPlan) -> Path:
        """Return the file of a run's result."""
        return self._folder / f"{plan.name}.npz"

    def do(self, plan: FoldPlan) -> None:
        """Do a run, unless it is done."""
        path = self.path(plan)
        if path.exists():
            return
        CONSOLE.log(f"{plan.name}")
        began = time.perf_counter()
        torch.manual_seed(plan.seed)
        model = self._start()
        training = RetrieverTraining(
            model,
            self._tokenizer,
            self.queries,
            self.teacher,
            fold=plan.fold,
            settings=plan.retriever,
            texts=self._typed_texts() if plan.typed else None,
        )
        course = training.run()
        found: dict[str, Any] = {"tested": training.tested, "kept": course.kept, "validation": course.validation}
        for number, ranking in enumerate(course.tested):
            found[f"state_{number}"] = ranking
        found["retriever_seconds"] = time.perf_counter() - began
        if plan.cross_encoder:
            self._rerank(plan, training, plan.cross_encoder, found)
        else:
            found["int8"] = course.tested[course.kept]
        found["seconds"] = time.perf_counter() - began
        found["plan"] = json.dumps(asdict(plan))
        self._folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, **found)
        part.replace(path)

    def _rerank(
        self, plan: FoldPlan, training: RetrieverTraining, settings: CrossEncoderSettings, found: dict[str, Any]
    ) -> None:
        began = time.perf_counter()
        vectors = training.encode()
        cross = self._trained_cross_encoder(plan, training, settings, vectors)
        found["cross_seconds"] = time.perf_counter() - began
        blend = self._chosen_blend(plan, cross, vectors)
        found["blend"] = blend
        self._pairs(plan, cross, vectors, blend, found)
        found["reranked"], found["rerank_seconds"] = self._reranked(training.tested, vectors, cross, blend)
        if plan.distillation:
            began = time.perf_counter()
            self._distil(plan, plan.distillation, training, cross, vectors, blend)
            found["distillation_seconds"] = time.perf_counter() - began
        served = training.encode()
        found["int8"] = nearest(served[training.tested], served, 100, without=training.tested.tolist())
        found["int8_reranked"], _ = self._reranked(training.tested, served, cross, blend)
        first, second = found["pairs"].T
        found["pairs_int8"] = (served[first] * served[second]).sum(1)

    def _trained_cross_encoder(
        self,
        plan: FoldPlan,
        training: RetrieverTraining,
        settings: CrossEncoderSettings,
        vectors: NDArray[np.float32],
    ) -> CrossEncoderTraining:
        torch.manual_seed(plan.seed)
        model = CrossEncoder(keep_layers(self._start().backbone, CROSS_LAYERS))
        cross = CrossEncoderTraining(model, training.tokens, settings)
        open_rows = training.open_rows
        ours = vectors[open_rows]
        found = open_rows[nearest(ours, ours, 12, without=list(range(len(ours))))]
        near = np.stack([np.repeat(open_rows, found.shape[1]), found.ravel()], axis=1)
        partners: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for pair in training.pairs:
            partners[pair.first].append((pair.common, pair.second))
            partners[pair.second].append((pair.common, pair.first))
        place = {row: i for i, row in enumerate(open_rows.tolist())}
        group = self.queries.group
        examples = []
        for row, known in sorted(partners.items()):
            # Unjudged neighbours may be partners that nobody looked at: judged ones that share nothing are none.
            others = [n for n in found[place[row]].tolist() if group[n] != group[row]]
            judged = [n for n in others if self.queries.judged[n]]
            negatives = [*judged, *judged, *others[4:]]  # judged ones count double
            if negatives:
                best = tuple(other for _, other in sorted(known, reverse=True))
                examples.append(RankedExample(row, best, tuple(negatives)))
        cross.run(examples, near, self.teacher)
        return cross

    def _chosen_blend(self, plan: FoldPlan, cross: CrossEncoderTraining, vectors: NDArray[np.float32]) -> float:
        """Return the weight of the re-ranker's logit that ranks the validation fold best."""
        validating = (plan.fold + 1) % (int(self.queries.fold.max()) + 1)
        asked = np.array([row for row in self.partners if self.queries.fold[row] == validating])
        seen = np.flatnonzero(self.queries.fold != plan.fold)
        candidates = seen[
            nearest(vectors[asked], vectors[seen], RERANKED, without=np.searchsorted(seen, asked).tolist())
        ]
        logits = cross.scores([(a, int(c)) for a, row in zip(asked.tolist(), candidates, strict=True) for c in row])
        logits = logits.reshape(candidates.shape)
        cosines = np.einsum("qe,qce->qc", vectors[asked], vectors[candidates])
        partners = [self.partners[row] for row in asked.tolist()]
        figures = []
        for blend in BLENDS:
            order = np.argsort(-(cosines + blend * logits), axis=1, kind="stable")
            ranked = np.take_along_axis(candidates, order, 1).tolist()
            figures.append(float(ranked_figures(ranked, partners).reciprocal.mean()))
        CONSOLE.log(f"{plan.name}: validation by blend " + " ".join(f"{f:.3f}" for f in figures))
        return BLENDS[int(np.argmax(figures))]

    def _reranked(
        self, asked: NDArray[np.int64], vectors: NDArray[np.float32], cross: CrossEncoderTraining, blend: float
    ) -> tuple[NDArray[np.int64], float]:
        candidates = nearest(vectors[asked], vectors, RERANKED, without=asked.tolist())
        began = time.perf_counter()
        logits = cross.scores([(a, int(c)) for a, row in zip(asked.tolist(), candidates, strict=True) for c in row])
        seconds = time.perf_counter() - began
        cosines = np.einsum("qe,qce->qc", vectors[asked], vectors[candidates])
        order = np.argsort(-(cosines + blend * logits.reshape(candidates.shape)), axis=1, kind="stable")
        return np.take_along_axis(candidates, order, 1), seconds / len(asked)

    def _distil(
        self,
        plan: FoldPlan,
        settings: CrossDistillationSettings,
        training: RetrieverTraining,
        cross: CrossEncoderTraining,
        vectors: NDArray[np.float32],
        blend: float,
    ) -> None:
        random = np.random.default_rng(plan.seed)
        open_rows = training.open_rows
        asked = random.choice(open_rows, size=min(_DISTILLED_QUERIES, len(open_rows)), replace=False)
        without = np.searchsorted(open_rows, asked).tolist()
        found = open_rows[nearest(vectors[asked], vectors[open_rows], _DISTILLED_CANDIDATES, without=without)]
        logits = cross.scores([(a, int(c)) for a, row in zip(asked.tolist(), found, strict=True) for c in row])
        cosines = np.einsum("qe,qce->qc", vectors[asked], vectors[found])
        wanted = (cosines + max(blend, BLENDS[2]) * logits.reshape(found.shape)).astype(np.float32)
        distil_order(
            training.model,
            training.tokens,
            {int(a): row for a, row in zip(asked, found, strict=True)},
            {int(a): row for a, row in zip(asked, wanted, strict=True)},
            self.teacher,
            settings,
        )

    def _pairs(
        self,
        plan: FoldPlan,
        cross: CrossEncoderTraining,
        vectors: NDArray[np.float32],
        blend: float,
        found: dict[str, Any],
    ) -> None:
        """Score the tested fold's hard pairs: partners, and the nearest judged neighbours that share no exact product."""
        fold, group = self.queries.fold, self.queries.group
        judged = np.flatnonzero(self.queries.judged)
        right = [(p.first, p.second) for p in self.queries.shared if fold[p.first] == plan.fold]
        asked = sorted({row for pair in right for row in pair})
        teacher = self.teacher.astype(np.float32)
        near = judged[nearest(teacher[asked], teacher[judged], 12, without=np.searchsorted(judged, asked).tolist())]
        exact = {row: self.queries.exact_products(row) for row in {*asked, *near.ravel().tolist()}}
        wrong = [
            (row, other)
            for row, others in zip(asked, near.tolist(), strict=True)
            for other in [o for o in others if group[o] != group[row] or not exact[o] & exact[row]][:_HARD_PER_QUERY]
        ]
        pairs = np.array([*right, *wrong])
        found["pairs"] = pairs
        found["pairs_right"] = np.arange(len(pairs)) < len(right)
        logits = cross.scores([(int(a), int(b)) for a, b in pairs])
        first, second = pairs.T
        found["pairs_teacher"] = (teacher[first] * teacher[second]).sum(1)
        found["pairs_retriever"] = (vectors[first] * vectors[second]).sum(1)
        found["pairs_cross"] = logits
        found["pairs_blended"] = found["pairs_retriever"] + max(blend, BLENDS[2]) * logits
