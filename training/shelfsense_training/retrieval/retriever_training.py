"""The bi-encoder learns from pairs: a warm-up with negatives of the batch, then rounds of hard negatives.

One round (ANCE, arXiv 2007.00808, and arXiv 2402.11202): every training query is encoded anew, its nearest
neighbours that are not known partners become hard negatives, those that are likely partners after all are
filtered out, and training goes on. It stops when validation recall falls. Neighbours are never positives;
`neighbours_as_positives` is the opposite reading, kept for comparison only.

N texts, E embedding, P pairs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.distillation import distillation_loss
from shelfsense_training.packed_forward import pack, packed_forward
from shelfsense_training.progress import CONSOLE
from shelfsense_training.retrieval.domain_adaptation import Neighbourhoods
from shelfsense_training.retrieval.graded_queries import GradedQueries, SharedProducts
from shelfsense_training.retrieval.int8_vectors import int8_vectors
from shelfsense_training.retrieval.meaning_loss import meaning_loss
from shelfsense_training.retrieval.meaning_pairs import MeaningPair, importance
from shelfsense_training.retrieval.retrieval_figures import nearest, ranked_figures

VALIDATION_FOLD_STEP = 1
"""The fold after the one that is tested validates."""

_TEACHER_POOL, _TEACHER_NEIGHBOURS, _TEACHER_TEMPERATURE = 20, 3, 0.03

Scores = Callable[[Sequence[tuple[int, int]]], NDArray[np.float32]]
"""Scores of pairs of rows, by a cross-encoder."""


@dataclass(frozen=True, slots=True)
class RetrieverSettings:
    """How a retriever is trained.

    Attributes:
        warm_up: steps with negatives of the batch alone.
        rounds: of hard negatives.
        round_steps: steps of a round.
        pairs: per step.
        hard: hard negatives per query.
        pool: nearest neighbours that hard negatives are drawn from.
        margin: a neighbour within so much of the partner's own cosine is a likely partner and filtered.
        rate: AdamW's peak learning rate of the encoder and the head.
        temperature: divides the cosines.
        teacher: texts per step that keep the teacher's vectors, each with three of its neighbours.
        teacher_weight: of that loss.
        weighted: pairs count by importance.
        neighbours_as_positives: the opposite reading.
        seed: of every draw.
    """

    warm_up: int = 40
    rounds: int = 3
    round_steps: int = 15
    pairs: int = 96
    hard: int = 1
    pool: int = 30
    margin: float = 0.02
    rate: float = 5e-5
    temperature: float = 0.05
    teacher: int = 32
    teacher_weight: float = 2.0
    weighted: bool = True
    neighbours_as_positives: bool = False
    seed: int = 0


@dataclass(slots=True)
class Course:
    """What became of the training.

    Attributes:
        validation: reciprocal rank and recall on the validation fold: at the start, after the warm-up,
            after each round.
        tested: the ranking of every tested query at the same times; nothing is chosen by it.
        kept: which of them was kept.
    """

    validation: list[tuple[float, float]] = field(default_factory=list)
    tested: list[NDArray[np.int64]] = field(default_factory=list)
    kept: int = 0


class RetrieverTraining:
    """One training on all folds but one, which is tested, and one, which validates.

    Args:
        model: the bi-encoder; trained in place.
        tokenizer: of its vocabulary.
        queries: judged queries and all candidates.
        teacher: (N, E) unit vectors of all texts; only those of training texts are read.
        fold: the one that is tested: none of its groups is read.
        settings: how.
        scores: a cross-encoder's, that likely partners are filtered by; cosines alone without.
        texts: (N,) what the network reads of each query; the queries themselves when None.
    """

    def __init__(
        self,
        model: UnderstanderModel,
        tokenizer: QueryTokenizer,
        queries: GradedQueries,
        teacher: NDArray[np.floating[Any]],
        *,
        fold: int,
        settings: RetrieverSettings,
        scores: Scores | None = None,
        texts: Sequence[str] | None = None,
    ) -> None:
        self.model = model
        self._queries = queries
        self._settings = settings
        self._scores = scores
        self.tokens = [list(tokenizer.network_input(text, "en", truncate=True).ids) for text in texts or queries.texts]
        validating = (fold + VALIDATION_FOLD_STEP) % (int(queries.fold.max()) + 1)
        self.open_rows = np.flatnonzero((queries.fold != fold) & (queries.fold != validating))
        self._hoods = Neighbourhoods(teacher, _TEACHER_POOL, self.open_rows)
        inside = set(self.open_rows.tolist())
        self.pairs = [pair for pair in queries.shared if pair.first in inside]
        partners = queries.partners()
        self._asked = [row for row in partners if queries.fold[row] == validating]
        self._partners = [partners[row] for row in self._asked]
        self._seen = np.flatnonzero(queries.fold != fold)
        self.tested = np.array([row for row in partners if queries.fold[row] == fold])
        model.backbone.encoder.embeddings.word_embeddings.weight.requires_grad_(requires_grad=False)

    def run(self) -> Course:
        """Train, and leave the model at the best of its validated states."""
        course = Course()
        states: list[dict[str, torch.Tensor]] = []
        random = np.random.default_rng(self._settings.seed)
        optimizer = self._optimizer()
        vectors = self._validated(course, states)
        for number in range(-1, self._settings.rounds):
            hard = self._hard_negatives(vectors) if number >= 0 else {}
            steps = self._settings.round_steps if hard else self._settings.warm_up
            for step in range(steps):
                torch.manual_seed(int(random.integers(2**31)))
                warm = min(1.0, (step + 1) / 10) if number < 0 else 1.0
                for group in optimizer.param_groups:
                    group["lr"] = group["peak"] * warm * (1.0 if number < 0 else 0.6 ** (number + 1))
                self._step(random, optimizer, hard)
            vectors = self._validated(course, states)
            if number >= 0 and course.validation[-1][1] < course.validation[-2][1] - 0.01:
                break  # validation recall falls
        course.kept = int(np.argmax([reciprocal for reciprocal, _ in course.validation[1:]])) + 1
        self.model.load_state_dict(states[course.kept])
        self.model.eval()
        return course

    def encode(self) -> NDArray[np.float32]:
        """Return the unit vectors (N, E) of all rows, by the int8 graph: what is served, and faster than torch."""
        return int8_vectors(self.model.eval(), self.tokens)

    def _optimizer(self) -> torch.optim.Optimizer:
        inside = [p for p in self.model.backbone.parameters() if p.requires_grad]
        head = list(self.model.embedding.parameters())
        groups = [
            {"params": inside, "peak": self._settings.rate, "lr": 0.0},
            {"params": head, "peak": self._settings.rate, "lr": 0.0},
        ]
        return torch.optim.AdamW(groups, weight_decay=0.01, fused=True)

    def _step(
        self, random: np.random.Generator, optimizer: torch.optim.Optimizer, hard: dict[int, NDArray[np.int64]]
    ) -> None:
        settings = self._settings
        self.model.train()
        chosen = [self.pairs[i] for i in random.choice(len(self.pairs), size=settings.pairs, replace=False)]
        pairs, rows, near = self._laid_out(chosen, hard, random)
        kept = self._hoods.draw(random, settings.teacher, _TEACHER_NEIGHBOURS)
        batch = pack([self.tokens[row] for row in (*rows, *near, *kept)])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            vectors = packed_forward(self.model, batch).embeddings
        vectors = functional.normalize(vectors.float(), dim=-1)
        loss = meaning_loss(vectors[: len(rows) + len(near)], pairs, settings.temperature)
        wanted = torch.from_numpy(self._hoods.teacher[kept])
        loss = loss + settings.teacher_weight * distillation_loss(vectors[-len(kept) :], wanted, _TEACHER_TEMPERATURE)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        optimizer.step()

    def _laid_out(
        self, chosen: Sequence[SharedProducts], hard: dict[int, NDArray[np.int64]], random: np.random.Generator
    ) -> tuple[list[MeaningPair], list[int], list[int]]:
        settings, texts = self._settings, self._queries.texts
        queries, partners, pairs, near = [], [], [], []
        for pair in chosen:
            query, partner = random.permutation([pair.first, pair.second]).tolist()
            others = hard.get(query, np.zeros(0, dtype=np.int64))
            drawn = random.choice(others, size=min(settings.hard, len(others)), replace=False).tolist()
            if settings.neighbours_as_positives and drawn:
                partner, drawn = drawn[0], []
            queries.append(query)
            partners.append(partner)
            near += drawn
            weight = importance(pair.common, pair.fewer) if settings.weighted else 1.0
            pairs.append(
                MeaningPair(
                    (texts[query], "en"),
                    (texts[partner], "en"),
                    tuple((texts[row], "en") for row in drawn),
                    str(self._queries.group[query]),
                    weight,
                )
            )
        return pairs, [*queries, *partners], near

    def _hard_negatives(self, vectors: NDArray[np.float32]) -> dict[int, NDArray[np.int64]]:
        """Return, for every query of a pair, its nearest neighbours that are no likely partners."""
        place = {row: i for i, row in enumerate(self._seen.tolist())}
        asked = sorted({row for pair in self.pairs for row in (pair.first, pair.second)})
        ours = np.flatnonzero(np.isin(self._seen, self.open_rows))
        inside = vectors[ours]
        where = {int(self._seen[i]): n for n, i in enumerate(ours.tolist())}
        found = nearest(
            inside[[where[r] for r in asked]], inside, self._settings.pool, without=[where[r] for r in asked]
        )
        partner_cosine: dict[int, float] = {}
        for pair in self.pairs:
            cosine = float(vectors[place[pair.first]] @ vectors[place[pair.second]])
            for row in (pair.first, pair.second):
                partner_cosine[row] = max(cosine, partner_cosine.get(row, -1.0))
        group = self._queries.group
        candidates = {
            row: [int(self._seen[ours[n]]) for n in found[i] if group[self._seen[ours[n]]] != group[row]]
            for i, row in enumerate(asked)
        }
        if self._scores:
            return self._filtered(self._scores, candidates)
        kept = {}
        for row, near in candidates.items():
            cosines = vectors[[place[n] for n in near]] @ vectors[place[row]]
            # Nearer than the partner itself: more often a partner that nobody judged than a mistake.
            likely = partner_cosine[row] + self._settings.margin
            kept[row] = np.array([n for n, c in zip(near, cosines, strict=True) if c < likely], dtype=np.int64)
        return kept

    def _filtered(self, scores: Scores, candidates: dict[int, list[int]]) -> dict[int, NDArray[np.int64]]:
        """Keep the candidates that the cross-encoder scores below the best partner less the margin."""
        best: dict[int, float] = {}
        known = [(pair.first, pair.second) for pair in self.pairs]
        for (first, second), score in zip(known, scores(known).tolist(), strict=True):
            for row in (first, second):
                best[row] = max(score, best.get(row, -np.inf))
        pairs = [(row, other) for row, near in candidates.items() for other in near]
        kept: dict[int, list[int]] = {row: [] for row in candidates}
        for (row, other), score in zip(pairs, scores(pairs).tolist(), strict=True):
            if score < best[row] - self._settings.margin:
                kept[row].append(other)
        return {row: np.array(near, dtype=np.int64) for row, near in kept.items()}

    def _validated(self, course: Course, states: list[dict[str, torch.Tensor]]) -> NDArray[np.float32]:
        """Note the figures and the state; return the vectors of all rows outside the tested fold."""
        everything = self.encode()
        course.tested.append(nearest(everything[self.tested], everything, 100, without=self.tested.tolist()))
        vectors = everything[self._seen]
        place = {row: i for i, row in enumerate(self._seen.tolist())}
        asked = [place[row] for row in self._asked]
        ranking = self._seen[nearest(vectors[asked], vectors, 100, without=asked)]
        figures = ranked_figures(ranking.tolist(), self._partners)
        course.validation.append((float(figures.reciprocal.mean()), float(figures.recall.mean())))
        CONSOLE.log(f"validation {len(course.validation) - 1}: {course.validation[-1]}")
        states.append(copy.deepcopy(self.model.state_dict()))
        return vectors
