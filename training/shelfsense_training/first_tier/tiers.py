"""Every first tier of the study, distilled once per work folder and then read from there.

N queries, L types, V rows of a table, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.engines.onnx import MODEL, OnnxEngine
from shelfsense.engines.onnx_session import OnnxSession
from shelfsense.models.heads import ClassificationHead
from shelfsense.tokenizer import QueryTokenizer
from shelfsense.understander import Prepared, Understander
from shelfsense_training.evaluation.scoring import by_length
from shelfsense_training.export.onnx_export import export_int8
from shelfsense_training.first_tier.distillation_texts import Text
from shelfsense_training.first_tier.exit_heads import EXITS, exit_heads
from shelfsense_training.first_tier.hashed_grams import HashedGrams
from shelfsense_training.first_tier.lessons import Lessons
from shelfsense_training.first_tier.shallow_student import StudentSettings, distil_student, first_layers
from shelfsense_training.first_tier.soft_labels import LevelDivergence
from shelfsense_training.first_tier.static_distillation import StaticSettings, distil_static
from shelfsense_training.first_tier.static_tier import GRAM_WIDTH, StaticTier
from shelfsense_training.first_tier.teacher import Teacher
from shelfsense_training.first_tier.token_pairs import TokenPairs

Answers = Callable[[Sequence[Prepared]], NDArray[np.float32]]
"""Probabilities (N, L) of prepared queries, as a network gives them."""

_BATCH = 64


@dataclass(frozen=True, slots=True)
class Tier:
    """One way of answering product types for less than the whole network.

    Attributes:
        name: shown.
        kind: ``static``, ``grams``, ``pairs``, ``both``, ``exit`` or ``layers``: what its cost is like.
        layers: of the network that it runs.
        answers: what it answers.
    """

    name: str
    kind: str
    layers: int
    answers: Answers


@dataclass(frozen=True, slots=True)
class TierSettings:
    """How the tiers learn.

    Attributes:
        students: layers of each student, in the order they are trained.
        student: how they learn.
        static: how the static tiers of tokens learn.
        grams: how the one of n-grams learns, whose table starts from nothing.
    """

    students: tuple[int, ...] = (2, 3)
    student: StudentSettings = field(default_factory=StudentSettings)
    static: StaticSettings = field(default_factory=StaticSettings)
    grams: StaticSettings = field(default_factory=lambda: StaticSettings(table_rate=1e-2, rate=2e-3))


class Tiers:
    """Makes the tiers.

    Args:
        understander: the bundle.
        texts: on which they hear its network.
        work: folder of everything in between.
        settings: how they learn.
    """

    def __init__(self, understander: Understander, texts: Sequence[Text], work: Path, settings: TierSettings) -> None:
        self._types = understander.network_types
        self._bundle: Bundle = understander.bundle
        self._tokenizer = QueryTokenizer.from_json(
            self._bundle.read("tokenizer.json"),
            understander.locales,
            max_tokens=self._bundle.manifest["backbone"]["max_tokens"],
        )
        self._texts, self._work, self._settings = texts, work, settings
        work.mkdir(parents=True, exist_ok=True)

    def all(self) -> Iterator[Tier]:
        """Yield every tier, the cheapest first; each is distilled when it is asked for."""
        yield self._static()
        grams, pairs = self._grams(), self._pairs()
        yield grams
        yield pairs
        yield Tier("both of these, their mean", "both", 0, _mean_of(grams.answers, pairs.answers))
        for layers, head in self._exit_heads.items():
            yield Tier(f"exit after {layers} layers", "exit", layers, self._of_exit(layers, head))
        for layers in self._settings.students:
            yield Tier(f"first {layers} layers, distilled", "layers", layers, self._student(layers))

    def _static(self) -> Tier:
        features = [ids[1:-1] for ids in self._token_ids]
        tier = self._distilled(self._of_tokens(self._tokenizer.embedding_rows), features, "static")
        return Tier("mean of token vectors", "static", 0, _of_static(tier, lambda each: each.token_ids[1:-1]))

    def _grams(self) -> Tier:
        grams = HashedGrams()
        tier = StaticTier(grams.buckets, GRAM_WIDTH, _like(self._lessons.teacher.model.classification, GRAM_WIDTH))
        self._distilled(tier, [grams.features(text) for text in self._texts], "grams")
        answers = _of_static(tier, lambda each: grams.features((each.model_text, each.locale)))
        return Tier("mean of hashed n-gram vectors", "grams", 0, answers)

    def _pairs(self) -> Tier:
        pairs = TokenPairs(self._tokenizer.embedding_rows)
        features = [pairs.features(ids) for ids in self._token_ids]
        tier = self._distilled(self._of_tokens(pairs.rows), features, "pairs")
        answers = _of_static(tier, lambda each: pairs.features(each.token_ids))
        return Tier("mean of token and token-pair vectors", "pairs", 0, answers)

    def _of_tokens(self, rows: int) -> StaticTier:
        """Return a fresh tier whose first rows are what the network makes of each token alone; the others are zero."""
        whole = self._lessons.teacher.model
        head = _like(whole.classification, whole.backbone.width)
        head.load_state_dict(whole.classification.state_dict())
        tier = StaticTier(rows, whole.backbone.width, head)
        known = self._token_vectors()
        tier.table.weight.data.zero_()
        tier.table.weight.data[: len(known)] = known
        return tier

    def _token_vectors(self) -> torch.Tensor:
        """Return (V, D) what the network makes of each token alone, of a locale's token without text."""
        tokenizer, words = self._tokenizer, self._tokenizer.vocabulary_size
        und = tokenizer.locale_id("und")
        alone: list[tuple[int, ...]] = [(tokenizer.bos, und, i, tokenizer.eos) for i in range(words)]
        alone += [(tokenizer.bos, i, tokenizer.eos) for i in range(words, tokenizer.embedding_rows)]
        states = self._lessons.teacher.states(alone, self._work / "token_states.npy")
        return torch.from_numpy(states[:, -1].astype(np.float32))

    def _distilled(self, tier: StaticTier, features: Sequence[Sequence[int]], name: str) -> StaticTier:
        settings = self._settings.grams if name == "grams" else self._settings.static
        return distil_static(tier, features, self._lessons, self._work / f"{name}.pt", settings)

    def _student(self, layers: int) -> Answers:
        student = first_layers(self._lessons, layers, self._exit_heads[layers])
        place = self._work / f"student_{layers}.pt"
        distil_student(student, self._token_ids, self._lessons, place, self._settings.student)
        engine = OnnxEngine(OnnxSession.load(MODEL, export_int8(student)))
        return in_batches(lambda part: engine.run([each.token_ids for each in part]).probabilities)

    def _of_exit(self, layers: int, head: ClassificationHead) -> Answers:
        def run(part: Sequence[Prepared]) -> NDArray[np.float32]:
            pooled = torch.from_numpy(self._lessons.teacher.pooled([each.token_ids for each in part]))
            with torch.inference_mode():
                return np.asarray(head.probabilities(head(pooled[:, layers - 1])).numpy())

        return in_batches(run)

    @cached_property
    def _token_ids(self) -> list[tuple[int, ...]]:
        return [self._tokenizer.network_input(text, locale, truncate=True).ids for text, locale in self._texts]

    @cached_property
    def _lessons(self) -> Lessons:
        teacher = Teacher.load(self._bundle)
        return Lessons(
            teacher, teacher.states(self._token_ids, self._work / "states.npy"), LevelDivergence(self._types)
        )

    @cached_property
    def _exit_heads(self) -> dict[int, ClassificationHead]:
        return exit_heads(self._lessons, self._work / "exits.pt", exits=EXITS)


def in_batches(run: Answers) -> Answers:
    """Return what answers any number of queries in batches, those of like length together."""

    def run_all(prepared: Sequence[Prepared]) -> NDArray[np.float32]:
        batches = by_length(prepared, _BATCH)
        found = np.concatenate([run([prepared[i] for i in rows]) for rows in batches])
        ordered = np.empty_like(found)
        ordered[np.concatenate([np.array(rows) for rows in batches])] = found
        return ordered

    return run_all


def _like(head: ClassificationHead, width: int) -> ClassificationHead:
    """Return a fresh head of another width, with the same labels and calibration."""
    levels = head.membership.argmax(0).tolist()
    found = ClassificationHead(width, len(levels), levels, dropout=0.0)
    found.scale.copy_(head.scale)
    found.shift.copy_(head.shift)
    return found


def _of_static(tier: StaticTier, features: Callable[[Prepared], Sequence[int]]) -> Answers:
    return in_batches(lambda part: np.asarray(tier.probabilities([features(each) for each in part]).numpy()))


def _mean_of(one: Answers, other: Answers) -> Answers:
    def answers(prepared: Sequence[Prepared]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = (one(prepared) + other(prepared)) / np.float32(2)
        return found

    return answers
