"""Teaches one locale: its token and its adapter learn from judged queries, everything else is frozen.

Q held-out queries, D width, R rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shelfsense.errors import BundleRefused
from shelfsense.locales import language_of
from shelfsense.models.onnx_weights import load_int8
from shelfsense.product_types import ProductTypes
from shelfsense.text import model_form
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.evaluation.labelled_queries import LabelledQuery
from shelfsense_training.export.locale_graft import LocaleWeights, graft_locales
from shelfsense_training.objectives import TargetTable, judged_wrong_loss, level_cross_entropy
from shelfsense_training.packed_forward import pack, packed_forward
from shelfsense_training.training_rows import TrainingRow

LONGEST = 28
"""Tokens of a training text, as in fine-tuning."""

_EVALUATED_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class AdaptationSettings:
    """How a locale is adapted.

    Attributes:
        most_passes: over the judged queries.
        most_steps: of one run; of many queries fewer passes are made. 0: nothing is adapted.
        batch: judged queries per step.
        token_rate: Adam's learning rate of the locale token.
        adapter_rate: of the adapter.
        wrong_weight: of the loss on types judged wrong.
        rank: R.
        folds: parts of the judged queries, each held out once.
        patience: passes without a lower held-out loss after which no more are made.
        seed: of every draw.
    """

    most_passes: int = 20
    most_steps: int = 300
    batch: int = 16
    token_rate: float = 2e-3
    adapter_rate: float = 5e-4
    wrong_weight: float = 0.1
    rank: int = 8
    folds: int = 4
    patience: int = 3
    seed: int = 0

    def passes(self, queries: int) -> int:
        """Return how many passes a run over so many queries makes."""
        return min(self.most_passes, self.most_steps * self.batch // max(1, queries))


@dataclass(frozen=True, slots=True)
class LearnedLocale:
    """A locale's weights after some passes, and the loss of queries that it has not learned from.

    Attributes:
        token: (D,).
        down: (D, R).
        up: (R, D).
        losses: (Q,) of each held-out query.
    """

    token: NDArray[np.float32]
    down: NDArray[np.float32]
    up: NDArray[np.float32]
    losses: NDArray[np.float64]

    def within(self, weights: LocaleWeights, index: int) -> LocaleWeights:
        """Return all locales' weights with this one's put in its place."""
        tokens, down, up = weights.tokens.copy(), weights.down.copy(), weights.up.copy()
        row = int(weights.rows[index])
        tokens[index], down[row], up[row] = self.token, self.down, self.up
        return LocaleWeights(tokens, weights.rows, down, up)


class LocaleAdaptation:
    """The network of a bundle, ready to adapt one locale again and again from the same start.

    Args:
        graph: the bundle's ``model.onnx``.
        weights: of all locales, this one with an adapter of its own.
        index: place of its token.
        tokenizer: with the new bundle's locales.
        product_types: the tree.
        settings: how.
    """

    def __init__(
        self,
        graph: bytes,
        weights: LocaleWeights,
        index: int,
        tokenizer: QueryTokenizer,
        product_types: ProductTypes,
        settings: AdaptationSettings,
    ) -> None:
        self.start = weights
        self.index = index
        self.row = int(weights.rows[index])
        self.settings = settings
        self._tokenizer = tokenizer
        self._tag = tokenizer.locales.tags[index]
        self._targets = TargetTable(product_types)
        self._levels = [torch.from_numpy(members) for members in product_types.by_level.values()]
        self._names = [node.id for node in product_types.nodes]
        model = load_int8(graft_locales(graph, weights))
        if model.backbone.locale_embeddings is None or model.adapters is None:
            raise BundleRefused("model.onnx", "has no place for an adapter", "use a locale-aware bundle")
        self._model, self._tokens, self._adapters = model, model.backbone.locale_embeddings, model.adapters
        model.requires_grad_(False)  # noqa: FBT003  torch's own signature
        for module in model.modules():
            # Frozen, so nothing is lost; autocast would cast them anew in every step.
            if isinstance(module, nn.Linear):
                module.to(torch.bfloat16)

    def use(self, token: nn.Parameter, down: nn.Parameter, up: nn.Parameter) -> None:
        """Let the network run with a run's own locale tokens and adapters."""
        self._tokens.weight, self._adapters.down, self._adapters.up = token, down, up

    def loss(self, queries: Sequence[LabelledQuery]) -> Tensor:
        """Return what a step lowers, of a batch."""
        rows = [self._row_of(query) for query in queries]
        logits = self._logits(rows)
        targets = self._targets.targets(rows)
        right = level_cross_entropy(logits, targets, self._levels)
        wrong = judged_wrong_loss(self._model.classification.log_odds(logits), targets)
        return right + self.settings.wrong_weight * wrong

    @torch.no_grad()
    def losses(self, queries: Sequence[LabelledQuery]) -> NDArray[np.float64]:
        """Return the cross-entropy (Q,) of each query."""
        found: list[float] = []
        for start in range(0, len(queries), _EVALUATED_AT_ONCE):
            rows = [self._row_of(query) for query in queries[start : start + _EVALUATED_AT_ONCE]]
            logits = self._logits(rows)
            targets = [self._targets.targets([row]) for row in rows]
            found += [
                float(level_cross_entropy(logits[i : i + 1], each, self._levels)) for i, each in enumerate(targets)
            ]
        return np.array(found)

    def _logits(self, rows: Sequence[TrainingRow]) -> Tensor:
        tokens = [self._tokenizer.network_input(row.text, row.locale, truncate=True).ids[:LONGEST] for row in rows]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return packed_forward(self._model, pack(tokens)).logits.float()

    def _row_of(self, query: LabelledQuery) -> TrainingRow:
        """Return a judged query as a row of fine-tuning; one without any type means no product."""
        return TrainingRow(
            model_form(query.text, language_of(self._tag)),
            self._tag,
            [self._names[i] for i in query.positives],
            "judged",
            [self._names[i] for i in query.negatives],
        )


class AdaptationRun:
    """One adaptation of a locale, pass by pass; several may take turns at one network.

    Args:
        adaptation: the network and the start.
        queries: learned from.
        held_out: not learned from; may be none.
        seed: of the order of the queries.
    """

    def __init__(
        self,
        adaptation: LocaleAdaptation,
        queries: Sequence[LabelledQuery],
        held_out: Sequence[LabelledQuery],
        *,
        seed: int,
    ) -> None:
        self._adaptation = adaptation
        self._queries = queries
        self._held_out = held_out
        settings, start = adaptation.settings, adaptation.start
        self._random = np.random.default_rng((settings.seed, seed))
        # Other locales' rows get no gradient, for no batch holds their token; Adam leaves alone what never had one.
        self._token, self._down, self._up = (
            nn.Parameter(torch.from_numpy(value.copy())) for value in (start.tokens, start.down, start.up)
        )
        self._optimizer = torch.optim.Adam(
            [
                {"params": [self._token], "lr": settings.token_rate},
                {"params": [self._down, self._up], "lr": settings.adapter_rate},
            ]
        )

    def make_pass(self) -> None:
        """Learn from every query once."""
        adaptation, batch = self._adaptation, self._adaptation.settings.batch
        adaptation.use(self._token, self._down, self._up)
        order = self._random.permutation(len(self._queries))
        for start in range(0, len(order), batch):
            self._optimizer.zero_grad()
            adaptation.loss([self._queries[i] for i in order[start : start + batch]]).backward()
            self._optimizer.step()

    def learned(self) -> LearnedLocale:
        """Return what has been learned so far, and how the held-out queries take it."""
        adaptation = self._adaptation
        adaptation.use(self._token, self._down, self._up)
        row = adaptation.row
        return LearnedLocale(
            self._token.detach()[adaptation.index].numpy().copy(),
            self._down.detach()[row].numpy().copy(),
            self._up.detach()[row].numpy().copy(),
            adaptation.losses(self._held_out),
        )
