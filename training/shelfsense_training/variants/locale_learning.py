"""A trained network meets a new locale: its token and a light adapter learn from a few labels.

Everything else is frozen, so the other locales' answers stay what they are; this is what onboarding does.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from shelfsense.models.locale_adapters import LocaleAdapters
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.packed_forward import pack, packed_forward
from shelfsense_training.sampling import Passes
from shelfsense_training.schedule import learning_rate
from shelfsense_training.variants.objective import Loss
from shelfsense_training.variants.query_set import QuerySet, StudyData
from shelfsense_training.variants.recipe import Recipe, Variant
from shelfsense_training.variants.top_answers import TopAnswers
from shelfsense_training.variants.variant_training import Vocabulary, ask, dense_targets, inputs

LABELS = (50, 200, 800, 3200, 10_000)
"""Labelled queries of the new locale, as far as it has so many."""

_PASSES, _BATCH, _MOST_STEPS = 15, 32, 500
_RATE, _RANK = 3e-3, 8
_GENTLE_TOKEN_RATE, _GENTLE_ADAPTER_RATE, _FOLDS = 2e-3, 5e-4, 4
_FEWEST_LEFT = 8
"""Of fewer labels in a fold no held-out loss is believed."""


def learn_locale(
    model: UnderstanderModel,
    vocabulary: Vocabulary,
    data: StudyData,
    place: int,
    queries: QuerySet,
    recipe: Recipe,
    *,
    seed: int,
) -> list[TopAnswers]:
    """Return the answers to the locale's test queries after learning from some of its own.

    Args:
        model: trained without the locale; left as it was.
        vocabulary: of its input.
        data: the study's, with the locale's test queries.
        place: index of the locale.
        queries: labelled, of the locale.
        recipe: whose objective is used.
        seed: of the draws.
    """
    frozen = {name: p.requires_grad for name, p in model.named_parameters()}
    model.requires_grad_(requires_grad=False)

    def learner(queries: QuerySet) -> _LocaleLearner:
        return _LocaleLearner(model, vocabulary, data, place, queries, recipe, seed=seed)

    steps = min(_MOST_STEPS, max(1, _PASSES * len(queries) // _BATCH))
    if recipe.held_out_passes:
        steps = _best_steps(learner, queries, steps, seed)
    last = learner(queries)
    last.make_steps(steps)
    answers = ask(last.network, vocabulary, data.test.of_locale(place), Variant.AWARE, data.members)
    for name, parameter in model.named_parameters():
        parameter.requires_grad = frozen[name]
    return answers


def _best_steps(learner: Callable[[QuerySet], _LocaleLearner], queries: QuerySet, most: int, seed: int) -> int:
    """Return after how many steps, 0 among them, the loss of held-out queries is lowest."""
    if len(queries) < _FOLDS * _FEWEST_LEFT:
        return 0
    folds = np.random.default_rng((seed, 37)).permutation(len(queries)) % _FOLDS
    sides = [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in range(_FOLDS)]
    learners = [learner(queries.take(kept)) for kept, _ in sides]
    every = max(1, most // _PASSES)
    curve = []
    for passes in range(_PASSES + 1):
        for each in learners:
            each.make_steps(every if passes else 0)
        curve.append(
            float(np.mean([each.loss_of(queries.take(out)) for each, (_, out) in zip(learners, sides, strict=True)]))
        )
    return every * int(np.argmin(curve))


class _LocaleLearner:
    """A network that shares all of a model but the locale's token and adapter, which learn.

    Args:
        model: frozen.
        vocabulary: of its input.
        data: the study's.
        place: index of the locale.
        queries: labelled, of the locale.
        recipe: whose objective is used.
        seed: of the draws.
    """

    def __init__(
        self,
        model: UnderstanderModel,
        vocabulary: Vocabulary,
        data: StudyData,
        place: int,
        queries: QuerySet,
        recipe: Recipe,
        *,
        seed: int,
    ) -> None:
        self.network, tokens, adapters = _learner(model, len(data.locales), place, seed=seed)
        self.network.eval()  # no dropout: what learns is too small to learn by heart
        self._vocabulary = vocabulary
        self._labels = len(data.labels)
        self._queries = queries
        self._recipe = recipe
        gentle = recipe.held_out_passes
        groups = [
            {"params": [tokens.weight], "peak": _GENTLE_TOKEN_RATE if gentle else _RATE},
            {"params": list(adapters.parameters()), "peak": _GENTLE_ADAPTER_RATE if gentle else _RATE},
        ]
        self._optimizer = torch.optim.Adam(groups, lr=0.0)
        levels = [torch.from_numpy(members) for members in data.members]
        self._loss = Loss(replace(recipe, adjust=0.0, learn_noise=False), levels, torch.ones(self._labels))
        self._passes = Passes(np.arange(len(queries)), np.ones(len(queries)), (seed, 17))
        self._step = 0

    def make_steps(self, steps: int) -> None:
        """Make so many more; a fixed number falls to nothing at its end, a gentle rate stays what it is."""
        for step in range(steps):
            for group in self._optimizer.param_groups:
                peak = group["peak"]
                group["lr"] = peak if self._recipe.held_out_passes else learning_rate(step, steps, peak, lowest=0.05)
            size = min(_BATCH, len(self._queries))
            value = self._value(self._queries.take(self._passes.take(self._step * _BATCH, size)))
            self._optimizer.zero_grad()
            value.backward()
            self._optimizer.step()
            self._step += 1

    @torch.no_grad()
    def loss_of(self, queries: QuerySet) -> float:
        """Return the mean loss of queries that may not have been learned from."""
        return float(self._value(queries))

    def _value(self, queries: QuerySet) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = packed_forward(self.network, pack(inputs(queries, self._vocabulary, Variant.AWARE))).logits.float()
        value: Tensor = self._loss(logits, dense_targets(queries, self._labels, soft=self._recipe.soft))
        return value


def _learner(
    model: UnderstanderModel, locales: int, place: int, *, seed: int
) -> tuple[UnderstanderModel, nn.Embedding, LocaleAdapters]:
    """Return a network that shares every part of a model but its locale tokens and adapters, which are its own."""
    learner = copy.copy(model)
    learner._modules = dict(model._modules)  # noqa: SLF001  shares every frozen part, owns what it replaces
    learner.backbone = copy.copy(model.backbone)
    learner.backbone._modules = dict(model.backbone._modules)  # noqa: SLF001
    tokens = copy.deepcopy(model.backbone.locale_embeddings)
    if tokens is None:
        raise ValueError("the network has no locale tokens; train the aware variant")
    with torch.no_grad():
        tokens.weight[place] = tokens.weight[locales]  # und
    tokens.weight.requires_grad = True
    learner.backbone.locale_embeddings = tokens
    torch.manual_seed(seed)
    adapters = LocaleAdapters(model.backbone.width, [int(i == place) for i in range(locales + 1)], rank=_RANK)
    learner.adapters = adapters
    return learner, tokens, adapters
