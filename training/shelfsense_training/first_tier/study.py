"""Every first tier of the study: made once per work folder, then measured beside the whole network.

    shelfsense-train first-tier-study --bundle bundles/starter --work work

Chosen on validation queries, reported on test queries. N queries, L types.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.engines.onnx import MODEL, OnnxEngine
from shelfsense.engines.onnx_session import OnnxSession
from shelfsense.models.heads import ClassificationHead
from shelfsense.tokenizer import QueryTokenizer
from shelfsense.understander import Prepared, Understander
from shelfsense_training.evaluation.labelled_queries import group_rows, judged_rows
from shelfsense_training.evaluation.report import plain
from shelfsense_training.evaluation.scoring import by_length
from shelfsense_training.export.onnx_export import export_int8
from shelfsense_training.first_tier.distillation_texts import Text, distillation_texts
from shelfsense_training.first_tier.exit_heads import EXITS, exit_heads
from shelfsense_training.first_tier.hashed_grams import HashedGrams
from shelfsense_training.first_tier.known_heads import known_shares, real_traffic
from shelfsense_training.first_tier.lessons import Lessons
from shelfsense_training.first_tier.shallow_student import StudentSettings, distil_student, first_layers
from shelfsense_training.first_tier.soft_labels import LevelDivergence
from shelfsense_training.first_tier.static_distillation import StaticSettings, distil_static
from shelfsense_training.first_tier.static_tier import GRAM_WIDTH, StaticTier
from shelfsense_training.first_tier.sureness import Sureness
from shelfsense_training.first_tier.teacher import Teacher
from shelfsense_training.first_tier.tier_quality import Questions, mixed, token_share
from shelfsense_training.first_tier.token_pairs import TokenPairs
from shelfsense_training.progress import CONSOLE
from shelfsense_training.sources.judged_queries import read_judged_queries
from shelfsense_training.sources.splits import Split

Answers = Callable[[Sequence[Prepared]], NDArray[np.float32]]
"""Probabilities (N, L) of prepared queries, as a network gives them."""

_BATCH = 64

_NAMES = {
    "static": "mean of token vectors",
    "grams": "mean of hashed n-gram vectors",
    "pairs": "mean of token and token-pair vectors",
}


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """Sizes of the study.

    Attributes:
        texts: that the tiers hear the network on.
        students: layers of each student, in the order they are trained.
        student: how they learn.
        static: how the static tiers of tokens learn.
        grams: how the one of n-grams learns, whose table starts from nothing.
        resamples: of the test queries.
        seed: of every draw.
    """

    texts: int = 240_000
    students: tuple[int, ...] = (2, 3)
    student: StudentSettings = field(default_factory=StudentSettings)
    static: StaticSettings = field(default_factory=StaticSettings)
    grams: StaticSettings = field(default_factory=lambda: StaticSettings(table_rate=1e-2, rate=2e-3))
    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class _Row:
    """One tier: its name, its kind and size for the benchmark, and what it answers."""

    name: str
    kind: str
    layers: int
    answers: Answers


class FirstTierStudy:
    """The stages, each done once per work folder.

    Args:
        bundle: verified, with a network whose embedding head reads every layer.
        data: the data folder.
        rows: the composed training rows, .parquet.
        unlabelled: texts, .parquet.
        work: folder of everything in between.
        plan: sizes.
    """

    def __init__(self, bundle: Bundle, data: Path, rows: Path, unlabelled: Path, work: Path, plan: StudyPlan) -> None:
        self._bundle, self._data, self._rows, self._unlabelled = bundle, data, rows, unlabelled
        self._work, self._plan = work, plan
        self._understander = Understander.load(bundle)
        work.mkdir(parents=True, exist_ok=True)

    def figures(self) -> dict[str, Any]:
        """Return the content of the file of figures.

        Keys: ``bundle``, ``texts``, ``queries`` (of validation and test), ``whole`` (the network's own test
        figures), ``rows`` (each with ``name``, ``kind``, ``layers``, ``alone`` and ``mixed``) and ``heads``.
        """
        validation, test = self._questions(Split.VALIDATION), self._questions(Split.TEST)
        whole = test.quality(test.whole, resamples=0)
        return {
            "bundle": self._bundle.version,
            "texts": len(self._texts),
            "queries": {"validation": len(validation.prepared), "test": len(test.prepared)},
            "whole": whole.values,
            "rows": [self._measured(row, validation, test) for row in self._tiers()],
            "heads": {name: dict(known_shares(self._understander, asked)) for name, asked in real_traffic(self._data)},
        }

    def write(self, path: Path) -> Mapping[str, Any]:
        """Write the file of figures, and return them."""
        found = self.figures()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return found

    def _measured(self, row: _Row, validation: Questions, test: Questions) -> dict[str, Any]:
        chosen_on = validation.served(row.answers(validation.prepared))
        sureness = Sureness.fit(validation, chosen_on)
        asked = test.served(row.answers(test.prepared))
        answered = sureness.answers_alone(test.sureness_features(asked))
        in_validation = sureness.answers_alone(validation.sureness_features(chosen_on))
        seeing = {"resamples": self._plan.resamples, "seed": self._plan.seed}
        known = np.array([self._is_head(each) for each in test.prepared])
        alone, together = _plain(test, asked, seeing), _plain(test, mixed(asked, test.whole, answered), seeing)
        CONSOLE.log(
            f"{row.name}: alone {alone['least_ratio']:.3f}, answers {answered.mean():.0%} at {together['least_ratio']:.3f}"
        )
        return {
            "name": row.name,
            "kind": row.kind,
            "layers": row.layers,
            "alone": alone,
            "mixed": {
                "share_in_validation": float(in_validation.mean()),
                "share": float(answered.mean()),
                "tokens_passed_on": token_share(test.prepared, ~answered),
                "share_with_a_head_of_the_same_words": float((answered & known).mean()),
                **together,
            },
        }

    def _is_head(self, prepared: Prepared) -> bool:
        return bool(self._understander.heads.exact(prepared.locale, [prepared.normal_form]))

    def _tiers(self) -> Iterator[_Row]:
        for name, tier, features in self._static_tiers():
            yield _Row(_NAMES[name], name, 0, _of_static(tier, features))
        heads = self._exit_heads
        for layers, head in heads.items():
            yield _Row(f"exit after {layers} layers", "exit", layers, self._of_exit(layers, head))
        for layers in self._plan.students:
            yield _Row(f"first {layers} layers, distilled", "layers", layers, self._student(layers))

    def _static_tiers(self) -> Iterator[tuple[str, StaticTier, Callable[[Prepared], Sequence[int]]]]:
        whole, tokens = self._lessons.teacher.model, self._tokenizer.embedding_rows
        features: list[Sequence[int]] = [ids[1:-1] for ids in self._token_ids]
        tier = self._of_tokens(tokens)
        yield "static", self._distilled(tier, features, "static"), lambda each: each.token_ids[1:-1]
        grams = HashedGrams()
        tier = StaticTier(grams.buckets, GRAM_WIDTH, _like(whole.classification, GRAM_WIDTH))
        features = [grams.features(text) for text in self._texts]
        tier = self._distilled(tier, features, "grams")
        yield "grams", tier, lambda each: grams.features((each.model_text, each.locale))
        pairs = TokenPairs(tokens)
        features = [pairs.features(ids) for ids in self._token_ids]
        tier = self._distilled(self._of_tokens(pairs.rows), features, "pairs")
        yield "pairs", tier, lambda each: pairs.features(each.token_ids)

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

    def _distilled(self, tier: StaticTier, features: Sequence[Sequence[int]], name: str) -> StaticTier:
        place = self._work / f"{name}.pt"
        settings = self._plan.grams if name == "grams" else self._plan.static
        return distil_static(tier, features, self._lessons, place, settings)

    def _token_vectors(self) -> torch.Tensor:
        """Return (V, D) what the network makes of each token alone, of a locale's token without text."""
        tokenizer, words = self._tokenizer, self._tokenizer.vocabulary_size
        und = tokenizer.locale_id("und")
        alone: list[tuple[int, ...]] = [(tokenizer.bos, und, i, tokenizer.eos) for i in range(words)]
        alone += [(tokenizer.bos, i, tokenizer.eos) for i in range(words, tokenizer.embedding_rows)]
        states = self._lessons.teacher.states(alone, self._work / "token_states.npy")
        return torch.from_numpy(states[:, -1].astype(np.float32))

    def _student(self, layers: int) -> Answers:
        student = first_layers(self._lessons, layers, self._exit_heads[layers])
        place = self._work / f"student_{layers}.pt"
        distil_student(student, self._token_ids, self._lessons, place, self._plan.student)
        engine = OnnxEngine(OnnxSession.load(MODEL, export_int8(student)))
        return lambda prepared: _in_batches(
            prepared, lambda part: engine.run([p.token_ids for p in part]).probabilities
        )

    def _of_exit(self, layers: int, head: ClassificationHead) -> Answers:
        def run(part: Sequence[Prepared]) -> NDArray[np.float32]:
            pooled = torch.from_numpy(self._lessons.teacher.pooled([each.token_ids for each in part]))
            with torch.inference_mode():
                return np.asarray(head.probabilities(head(pooled[:, layers - 1])).numpy())

        return lambda prepared: _in_batches(prepared, run)

    def _questions(self, split: Split) -> Questions:
        rows = judged_rows(read_judged_queries(self._data), split)
        data = group_rows(rows, self._understander.network_types)
        answered = Questions(
            self._understander, data, np.zeros((len(data.queries), len(self._understander.network_types)), np.float32)
        )
        probabilities = _in_batches(answered.prepared, lambda part: self._understander.infer(part).probabilities)
        return Questions(self._understander, data, probabilities)

    @cached_property
    def _tokenizer(self) -> QueryTokenizer:
        manifest = self._bundle.manifest
        return QueryTokenizer.from_json(
            self._bundle.read("tokenizer.json"),
            self._understander.locales,
            max_tokens=manifest["backbone"]["max_tokens"],
        )

    @cached_property
    def _texts(self) -> list[Text]:
        questions = [q.text for q in read_judged_queries(self._data) if q.split is not Split.TRAIN]
        return distillation_texts(self._rows, self._unlabelled, questions, self._plan.texts, seed=self._plan.seed)

    @cached_property
    def _token_ids(self) -> list[tuple[int, ...]]:
        return [self._tokenizer.network_input(text, locale, truncate=True).ids for text, locale in self._texts]

    @cached_property
    def _lessons(self) -> Lessons:
        teacher = Teacher.load(self._bundle)
        states = teacher.states(self._token_ids, self._work / "states.npy")
        return Lessons(teacher, states, LevelDivergence(self._understander.network_types))

    @cached_property
    def _exit_heads(self) -> dict[int, ClassificationHead]:
        return exit_heads(self._lessons, self._work / "exits.pt", exits=EXITS)


def _like(head: ClassificationHead, width: int) -> ClassificationHead:
    """Return a fresh head of another width, with the same labels and calibration."""
    levels = head.membership.argmax(0).tolist()
    found = ClassificationHead(width, len(levels), levels, dropout=0.0)
    found.scale.copy_(head.scale)
    found.shift.copy_(head.shift)
    return found


def _of_static(tier: StaticTier, features: Callable[[Prepared], Sequence[int]]) -> Answers:
    def run(part: Sequence[Prepared]) -> NDArray[np.float32]:
        return np.asarray(tier.probabilities([features(each) for each in part]).numpy())

    return lambda prepared: _in_batches(prepared, run)


def _in_batches(prepared: Sequence[Prepared], run: Answers) -> NDArray[np.float32]:
    """Return (N, L), queries of like length together."""
    batches = by_length(prepared, _BATCH)
    found = np.concatenate([run([prepared[i] for i in rows]) for rows in batches])
    ordered = np.empty_like(found)
    ordered[np.concatenate([np.array(rows) for rows in batches])] = found
    return ordered


def _plain(test: Questions, served: NDArray[np.float32], seeing: Mapping[str, int]) -> dict[str, Any]:
    found = test.quality(served, **seeing)
    return {
        "values": found.values,
        "ratios": {name: plain(each) for name, each in found.ratios.items()},
        "least_ratio": found.least,
        "same_accepted_types": found.agreement,
        "same_first_answers": found.first_agreement,
    }
