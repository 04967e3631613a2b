"""The re-ranker: a cross-encoder on the retriever's hard negatives.

It first learns to repeat the teacher's cosines of near queries, which needs no labels and teaches it to
compare; then the pairwise log-sum loss log(1 + sum over negatives of e^s) + log(1 + sum over partners of
e^-s) (arXiv 2402.11202), which also centres its logits at 0.

P pairs, Q queries, C candidates of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from shelfsense.models.cross_encoder import CrossEncoder, pair_input
from shelfsense_training.packed_forward import pack, packed_last
from shelfsense_training.progress import CONSOLE
from shelfsense_training.schedule import learning_rate

_EVEN = 1e-3
"""Spread of cosines below which they say nothing."""


@dataclass(frozen=True, slots=True)
class CrossEncoderSettings:
    """How the re-ranker is trained.

    Attributes:
        cosine_steps: steps that repeat cosines; 0 leaves them out.
        steps: steps on partners and negatives.
        queries: per step.
        negatives: of each query.
        rate: AdamW's peak learning rate.
        pairwise: the log-sum loss; binary cross-entropy where not.
        seed: of every draw.
    """

    cosine_steps: int = 60
    steps: int = 100
    queries: int = 24
    negatives: int = 5
    rate: float = 1e-4
    pairwise: bool = True
    seed: int = 0


@dataclass(frozen=True, slots=True)
class RankedExample:
    """A query with partners and others.

    Attributes:
        query: its row.
        partners: rows that mean the same, 1 or more.
        negatives: rows that do not.
    """

    query: int
    partners: tuple[int, ...]
    negatives: tuple[int, ...]


def log_sum_loss(positive: Tensor, negative: Tensor) -> Tensor:
    """Return log(1 + sum e^s) over negatives plus log(1 + sum e^-s) over partners.

    Args:
        positive: logits of the partners of one query.
        negative: logits of its negatives.
    """
    zero = positive.new_zeros(1)
    return torch.cat([zero, negative]).logsumexp(0) + torch.cat([zero, -positive]).logsumexp(0)


class CrossEncoderTraining:
    """One training.

    Args:
        model: trained in place.
        tokens: of every row, as the network reads a query alone.
        settings: how.
    """

    def __init__(self, model: CrossEncoder, tokens: Sequence[Sequence[int]], settings: CrossEncoderSettings) -> None:
        self.model = model
        self._tokens = tokens
        self._settings = settings
        model.backbone.encoder.embeddings.word_embeddings.weight.requires_grad_(requires_grad=False)

    def run(
        self, examples: Sequence[RankedExample], near: NDArray[np.int64], teacher: NDArray[np.floating[Any]]
    ) -> None:
        """Train on cosines, then on the examples.

        Args:
            examples: of training queries alone.
            near: (P, 2) rows of training queries near each other, whose cosines are repeated.
            teacher: (N, E) unit vectors, of those rows at least.
        """
        settings = self._settings
        random = np.random.default_rng(settings.seed)
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(parameters, lr=settings.rate, weight_decay=0.01, fused=True)
        self.model.train()
        size = settings.queries * (1 + settings.negatives)
        sample = _cosines(teacher, near[random.integers(len(near), size=2048)])
        for step in range(settings.cosine_steps):
            self._rate(optimizer, step, settings.cosine_steps)
            pairs = near[random.integers(len(near), size=size)]
            # e5's cosines lie in a narrow cone, tuned ones do not: what is repeated is how unusual one is.
            wanted = torch.from_numpy(2 * (_cosines(teacher, pairs) - sample.mean()) / max(float(sample.std()), _EVEN))
            loss = functional.smooth_l1_loss(self._logits(pairs.tolist()), wanted)
            self._update(optimizer, loss)
        CONSOLE.log(f"cross-encoder: cosines repeated to {float(loss.detach()) if settings.cosine_steps else 0:.3f}")
        total = 0.0
        for step in range(settings.steps):
            self._rate(optimizer, step, settings.steps)
            chosen = [examples[i] for i in random.choice(len(examples), size=settings.queries, replace=False)]
            loss = self._example_loss(chosen, random)
            self._update(optimizer, loss)
            total += float(loss.detach())
            if step % 40 == 39:
                CONSOLE.log(f"cross-encoder: step {step + 1}, loss {total / 40:.3f}")
                total = 0.0
        self.model.eval()

    def scores(self, pairs: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
        """Return the logits (P,) of pairs of rows."""
        found = np.empty(len(pairs), dtype=np.float32)
        order = sorted(range(len(pairs)), key=lambda i: len(self._tokens[pairs[i][0]]) + len(self._tokens[pairs[i][1]]))
        self.model.eval()
        with torch.no_grad():
            for start in range(0, len(order), 512):
                part = order[start : start + 512]
                found[part] = self._logits([pairs[i] for i in part]).numpy()
        return found

    def _example_loss(self, chosen: Sequence[RankedExample], random: np.random.Generator) -> Tensor:
        settings = self._settings
        pairs: list[tuple[int, int]] = []
        sizes = []
        for example in chosen:
            count = min(settings.negatives, len(example.negatives))
            partners = list(example.partners[:2])
            negatives = random.choice(example.negatives, size=count, replace=False).tolist() if count else []
            sizes.append((len(partners), len(negatives)))
            pairs += [(example.query, row) for row in (*partners, *negatives)]
        # Either may stand first: whether two queries mean the same has no direction.
        turned = random.random(len(pairs)) < 0.5
        logits = self._logits([(b, a) if turn else (a, b) for (a, b), turn in zip(pairs, turned, strict=True)])
        losses, start = [], 0
        for positives, negatives_count in sizes:
            mine = logits[start : start + positives + negatives_count]
            start += positives + negatives_count
            if settings.pairwise:
                losses.append(log_sum_loss(mine[:positives], mine[positives:]))
            else:
                wanted = torch.zeros(len(mine))
                wanted[:positives] = 1
                losses.append(functional.binary_cross_entropy_with_logits(mine, wanted, reduction="sum"))
        return torch.stack(losses).mean()

    def _logits(self, pairs: Sequence[Sequence[int]]) -> Tensor:
        batch = pack([pair_input(self._tokens[a], self._tokens[b]) for a, b in pairs])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            pooled = packed_last(self.model.backbone, batch)
        return self.model.score(pooled)

    def _rate(self, optimizer: torch.optim.Optimizer, step: int, steps: int) -> None:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, self._settings.rate, warmup=0.1, lowest=0.05)

    def _update(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        optimizer.step()


def _cosines(vectors: NDArray[np.floating[Any]], pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    product = vectors[pairs[:, 0]].astype(np.float32) * vectors[pairs[:, 1]].astype(np.float32)
    cosines: NDArray[np.float32] = product.sum(1)
    return cosines
