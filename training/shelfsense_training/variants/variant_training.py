"""Trains one model of a variant, and stops where validation stops improving.

The model classes are those that are served. B queries, L labels.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.packed_forward import pack, packed_forward
from shelfsense_training.sampling import Passes
from shelfsense_training.schedule import learning_rate
from shelfsense_training.variants.objective import Loss
from shelfsense_training.variants.query_set import QuerySet, StudyData
from shelfsense_training.variants.recipe import Recipe, Variant
from shelfsense_training.variants.top_answers import Judged, TopAnswers

VALIDATIONS = 10
"""How often a whole run is validated."""

FEWEST_STEPS = 120
_ASKED_AT_ONCE = 1024
_MOST_VALIDATION = 4000


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The special tokens of a model's input.

    Attributes:
        bos: begins every sequence.
        eos: ends it.
        text_tokens: V; the token of locale i is V + i, that of `und` V + the number of locales.
        locales: how many.
    """

    bos: int
    eos: int
    text_tokens: int
    locales: int

    @property
    def und(self) -> int:
        """The token of a locale that is not known, or not told."""
        return self.text_tokens + self.locales


@dataclass(slots=True)
class Course:
    """What a training run did.

    Attributes:
        steps: optimiser steps until it stopped.
        seconds: of training, validation left out.
        seconds_to_best: until the weights that were kept.
        queries_to_best: queries read until then, repeats counted.
        validation: the figure at each validation.
    """

    steps: int = 0
    seconds: float = 0.0
    seconds_to_best: float = 0.0
    queries_to_best: int = 0
    validation: list[float] = field(default_factory=list)


class VariantTraining:
    """One model in training.

    Args:
        model: trained in place.
        vocabulary: of its input.
        data: what it learns from and is stopped by.
        variant: whether it is told the locale.
        recipe: how.
        locale: the only one whose queries it sees; all where None.
        targets: (N, L) of the training queries, in place of their own labels; of a model for all locales.
        seed: of every draw.
    """

    def __init__(
        self,
        model: UnderstanderModel,
        vocabulary: Vocabulary,
        data: StudyData,
        variant: Variant,
        recipe: Recipe,
        *,
        locale: int | None = None,
        targets: Tensor | None = None,
        seed: int,
    ) -> None:
        self.model = model
        self._vocabulary = vocabulary
        self._data = data
        train, validation = data.train, data.validation
        if locale is not None:
            train, validation = train.of_locale(locale), validation.of_locale(locale)
        self._train = train
        few = np.random.default_rng(0).permutation(len(validation))[:_MOST_VALIDATION]
        self._validation = validation.take(np.sort(few))
        self._variant = variant
        self._recipe = recipe
        self._seed = seed
        self._members = data.members
        levels = [torch.from_numpy(members) for members in self._members]
        self._loss = Loss(recipe, levels, torch.from_numpy(_frequencies(train, len(data.labels))))
        self._targets = targets
        self._belief: Tensor | None = None
        for layer in model.backbone.encoder.transformer.layer:
            layer.ffn.dropout.p = layer.attention.dropout.p = recipe.dropout
        model.classification.dropout.p = recipe.dropout
        model.backbone.encoder.embeddings.word_embeddings.weight.requires_grad_(requires_grad=False)
        model.embedding.requires_grad_(requires_grad=False)

    def run(self, report: Callable[[int, int, float], None] | None = None) -> Course:
        """Train, keep the best weights, and say how it went.

        Args:
            report: called after each validation with step, all steps and figure.
        """
        recipe, count = self._recipe, len(self._train)
        batch = min(recipe.batch, max(32, count // 8))
        steps = max(FEWEST_STEPS, round(recipe.passes * count / batch))
        every = max(1, steps // VALIDATIONS)
        optimizer = self._optimizer()
        passes = Passes(np.arange(count), self._weights(), (self._seed, 0))
        course = Course()
        best, kept, since = -1.0, copy.deepcopy(_trained(self.model)), 0
        for step in range(steps):
            started = time.perf_counter()
            torch.manual_seed(self._seed * 1_000_003 + step)
            for group in optimizer.param_groups:
                lowest = 1.0 if recipe.constant_rate else 0.02
                group["lr"] = learning_rate(step, steps, group["peak"], lowest=lowest)
            self._step(passes.take(step * batch, batch), step * batch / count, optimizer)
            course.seconds += time.perf_counter() - started
            course.steps = step + 1
            if step % every == every - 1 or step == steps - 1:
                figure = self.figure()
                course.validation.append(round(figure, 5))
                if report:
                    report(step + 1, steps, figure)
                since += 1
                if figure > best or not recipe.patience:
                    best, kept, since = figure, copy.deepcopy(_trained(self.model)), 0
                    course.seconds_to_best, course.queries_to_best = course.seconds, (step + 1) * batch
                elif since >= recipe.patience:
                    break
        self.model.load_state_dict(kept, strict=False)
        self.model.eval()
        return course

    def figure(self) -> float:
        """Return validation R@P0.8, the mean over levels; top-1 breaks ties while nothing reaches it."""
        answers = ask(self.model, self._vocabulary, self._validation, self._variant, self._members)
        found = [Judged(a, self._validation, members) for a, members in zip(answers, self._members, strict=True)]
        return float(np.mean([j.recall_at_precision() + 0.1 * j.top1().mean() for j in found if len(j.rows)]))

    def _step(self, rows: NDArray[np.int64], through: float, optimizer: torch.optim.Optimizer) -> None:
        self.model.train()
        batch = self._train.take(rows)
        told = np.random.default_rng((self._seed, int(through * len(self._train)))).random(len(rows))
        sequences = inputs(batch, self._vocabulary, self._variant, hidden=told < self._recipe.und_share)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = packed_forward(self.model, pack(sequences)).logits.float()
        if self._targets is None:
            targets = dense_targets(batch, len(self._data.labels), soft=self._recipe.soft)
        else:
            targets = self._targets[rows]
        if self._recipe.correction:
            targets = self._corrected(rows, logits.detach(), targets, through)
        loss = self._loss(logits, targets, trusting=through < self._recipe.correct_from)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        optimizer.step()

    def _corrected(self, rows: NDArray[np.int64], logits: Tensor, targets: Tensor, through: float) -> Tensor:
        """Move the targets of the batch towards what the model has come to believe of these queries."""
        if self._belief is None:
            self._belief = torch.zeros(len(self._train), targets.shape[1], dtype=torch.float16)
        if through < self._recipe.correct_from:
            self._belief[rows] = targets.half()
            return targets
        believed = self._belief[rows].float()
        fresh = believed.sum(-1, keepdim=True) == 0  # a query not met before
        believed = torch.where(fresh, targets, believed)
        now = torch.zeros_like(targets)
        for members in self._members:
            now[:, members] = torch.nn.functional.pad(logits[:, members], (0, 1)).softmax(-1)[:, :-1]
        share = self._recipe.correction
        moved = (1 - share) * believed + share * now
        self._belief[rows] = moved.half()
        return moved

    def _weights(self) -> NDArray[np.float64]:
        counts = np.bincount(self._train.locale, minlength=len(self._data.locales)).astype(float)
        weights: NDArray[np.float64] = counts[self._train.locale] ** (self._recipe.locale_power - 1)
        return weights

    def _optimizer(self) -> torch.optim.AdamW:
        encoder: list[Tensor] = []
        heads: list[Tensor] = []
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                (encoder if name.startswith("backbone.encoder.") else heads).append(parameter)
        groups = [
            {"params": encoder, "peak": self._recipe.encoder_rate},
            {"params": heads, "peak": self._recipe.head_rate},
        ]
        for learned, peak in ((self._loss.multiplier, 0.01), (self._loss.noise, 0.05)):
            if learned.requires_grad:
                groups.append({"params": [learned], "peak": peak, "weight_decay": 0.0})
        groups = [group for group in groups if group["params"]]
        return torch.optim.AdamW(groups, lr=0.0, weight_decay=self._recipe.weight_decay, fused=True)


def inputs(
    queries: QuerySet, vocabulary: Vocabulary, variant: Variant, *, hidden: NDArray[np.bool_] | None = None
) -> list[list[int]]:
    """Return what the network reads for each query.

    Args:
        queries: N.
        vocabulary: the special tokens.
        variant: only the aware one is told the locale.
        hidden: (N,) queries whose locale is not told all the same.
    """
    locale = vocabulary.text_tokens + queries.locale.astype(int)
    if variant is not Variant.AWARE:
        locale = np.full(len(queries), vocabulary.und)
    elif hidden is not None:
        locale = np.where(hidden, vocabulary.und, locale)
    return [
        [vocabulary.bos, token, *tokens.tolist(), vocabulary.eos]
        for token, tokens in zip(locale.tolist(), queries.tokens, strict=True)
    ]


def ask(
    model: UnderstanderModel,
    vocabulary: Vocabulary,
    queries: QuerySet,
    variant: Variant,
    levels: Sequence[NDArray[np.intp]],
    *,
    hidden: NDArray[np.bool_] | None = None,
) -> list[TopAnswers]:
    """Return a model's best types of each level, scored by log-odds within the level.

    Args:
        model: any.
        vocabulary: of its input.
        queries: N.
        variant: whether they come with their locale.
        levels: label indices of every level.
        hidden: (N,) queries asked as of a locale that the model never saw; none where None.
    """
    model.eval()
    sequences = inputs(queries, vocabulary, variant, hidden=hidden)
    order = np.argsort([len(s) for s in sequences], kind="stable")
    parts: list[list[tuple[NDArray[np.intp], TopAnswers]]] = [[] for _ in levels]
    with torch.no_grad():
        for start in range(0, len(order), _ASKED_AT_ONCE):
            rows = order[start : start + _ASKED_AT_ONCE]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = packed_forward(model, pack([sequences[i] for i in rows])).logits.float()
            scores = model.classification.log_odds(logits).numpy()
            for found, members in zip(parts, levels, strict=True):
                found.append((rows, TopAnswers.of(scores, members)))
    return [TopAnswers.join(found, len(queries)) for found in parts]


def dense_targets(queries: QuerySet, labels: int, *, soft: bool) -> Tensor:
    """Return shares (N, L): as they are, or 1 for every type that is meant."""
    targets = torch.zeros(len(queries), labels + 1)
    shares = torch.from_numpy(queries.shares) if soft else torch.from_numpy((queries.shares > 0).astype(np.float32))
    places = torch.from_numpy(np.where(queries.types < 0, labels, queries.types).astype(np.int64))
    return targets.scatter_(1, places, shares)[:, :labels]


def _frequencies(queries: QuerySet, labels: int) -> NDArray[np.float32]:
    known = queries.types >= 0
    counts = np.bincount(queries.types[known], weights=queries.shares[known], minlength=labels) + 0.5
    frequencies: NDArray[np.float32] = (counts / counts.sum()).astype(np.float32)
    return frequencies


def _trained(model: UnderstanderModel) -> dict[str, Tensor]:
    """Return the weights that training moves: without the frozen words, which are most of all."""
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
