"""A trained network meets a new locale: its token and a light adapter learn from a few labels.

Everything else is frozen, so the other locales' answers stay what they are; this is what onboarding does.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import torch
from torch import nn

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
_TOKEN_RATE, _ADAPTER_RATE = 3e-3, 3e-3
_RANK = 8


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
    learner, tokens, adapters = _learner(model, len(data.locales), place, seed=seed)
    frozen = {name: p.requires_grad for name, p in model.named_parameters()}
    for parameter in model.parameters():
        parameter.requires_grad = False
    tokens.weight.requires_grad = True
    groups = [
        {"params": [tokens.weight], "peak": _TOKEN_RATE},
        {"params": list(adapters.parameters()), "peak": _ADAPTER_RATE},
    ]
    optimizer = torch.optim.Adam(groups, lr=0.0)
    levels = [torch.from_numpy(members) for members in data.members]
    loss = Loss(replace(recipe, adjust=0.0), levels, torch.ones(len(data.labels)))
    steps = min(_MOST_STEPS, max(1, _PASSES * len(queries) // _BATCH))
    passes = Passes(np.arange(len(queries)), np.ones(len(queries)), (seed, 17))
    learner.eval()  # no dropout: what learns is too small to learn by heart
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, group["peak"], lowest=0.05)
        batch = queries.take(passes.take(step * _BATCH, min(_BATCH, len(queries))))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = packed_forward(learner, pack(inputs(batch, vocabulary, Variant.AWARE))).logits.float()
        value = loss(logits, dense_targets(batch, len(data.labels), soft=recipe.soft))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    answers = ask(learner, vocabulary, data.test.of_locale(place), Variant.AWARE, data.members)
    for name, parameter in model.named_parameters():
        parameter.requires_grad = frozen[name]
    return answers


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
    learner.backbone.locale_embeddings = tokens
    torch.manual_seed(seed)
    adapters = LocaleAdapters(model.backbone.width, [int(i == place) for i in range(locales + 1)], rank=_RANK)
    learner.adapters = adapters
    return learner, tokens, adapters
