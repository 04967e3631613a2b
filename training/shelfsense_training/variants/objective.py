"""The losses of the variants, on one batch.

B queries, L labels, V levels. Targets are shares (B, L) that sum to at most 1 within a level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from shelfsense_training.variants.recipe import Objective, Recipe

GAMMA_POSITIVE, GAMMA_NEGATIVE, CLIP = 1.0, 4.0, 0.05
"""Ridnik et al., "Asymmetric Loss for Multi-Label Classification", 2021."""

MASKED_ABOVE = 0.3
"""A label that the model finds this likely and the log does not name is unknown, not wrong."""

LAGRANGIAN_PRECISION = 0.8

MOST_NOISE = 0.5
"""Share of wrong labels that `Recipe.learn_noise` may come to, from a fifth of it.

A head that is wrong at first and sure of it would otherwise have all labels called wrong, and learn from none.
"""


class Loss(nn.Module):
    """The objective of a recipe.

    Args:
        recipe: what is minimised.
        levels: label indices (of a level) by level.
        prior: (L,) share of the training queries that mean each label, for logit adjustment.
    """

    prior: Tensor

    def __init__(self, recipe: Recipe, levels: Sequence[Tensor], prior: Tensor) -> None:
        super().__init__()
        self._recipe = recipe
        self._levels = list(levels)
        self.register_buffer("prior", prior.clamp_min(1e-6).log(), persistent=False)
        # Lagrange multipliers (one per level) live as logarithms, so that they stay above 0.
        learned = recipe.objective is Objective.LAGRANGIAN
        self.multiplier = nn.Parameter(torch.zeros(len(self._levels)), requires_grad=learned)
        # How much of `MOST_NOISE` there is, as log-odds: one for all levels, for a query is mislabelled as a whole.
        self.noise = nn.Parameter(torch.tensor(0.2).logit(), requires_grad=recipe.learn_noise)

    @property
    def wrong(self) -> Tensor:
        """The share of labels that are held to be some other query's."""
        return MOST_NOISE * self.noise.sigmoid()

    def forward(self, logits: Tensor, targets: Tensor, *, trusting: bool = False) -> Tensor:
        """Return the mean loss of logits (B, L) against shares (B, L).

        Args:
            logits: of the network.
            targets: what the labels say.
            trusting: all labels count as right, though the recipe learns noise. A network that knows nothing yet
                would find all of them unlikely, and a label that is held for wrong teaches nothing.
        """
        if self._recipe.adjust:
            logits = logits + self._recipe.adjust * self.prior
        match self._recipe.objective:
            case Objective.SOFTMAX:
                return self._softmax(logits, targets, trusting=trusting)
            case Objective.BINARY:
                return _binary(logits, targets).sum(-1).mean()
            case Objective.MASKED:
                unknown = (logits.detach().sigmoid() > MASKED_ABOVE) & (targets == 0)
                return _binary(logits, targets).masked_fill(unknown, 0.0).sum(-1).mean()
            case Objective.ASYMMETRIC:
                return _asymmetric(logits, targets).sum(-1).mean()
            case Objective.LAGRANGIAN:
                return self._lagrangian(logits, targets)

    def _softmax(self, logits: Tensor, targets: Tensor, *, trusting: bool) -> Tensor:
        """Cross-entropy within each level; what the shares leave of 1 belongs to "no product", whose logit is 0.

        A row that says nothing of a level is left out of it.
        """
        total = logits.new_zeros(())
        for members in self._levels:
            z, wanted = logits[:, members], targets[:, members]
            rows = wanted.sum(-1) > 0
            z, wanted = z[rows], wanted[rows]
            log_p = functional.pad(z, (0, 1)).log_softmax(-1)
            if self._recipe.learn_noise and not trusting:
                log_p = self._mislabelled(log_p, members)
            wanted = wanted / wanted.sum(-1, keepdim=True).clamp_min(1.0)
            rest = (1 - wanted.sum(-1, keepdim=True)).clamp_min(0.0)
            total = total - (torch.cat([wanted, rest], dim=-1) * log_p).sum() / len(logits)
        return total / len(self._levels)

    def _mislabelled(self, log_p: Tensor, members: Tensor) -> Tensor:
        """Return how likely each label is to be found at a query, where a share of them is some other query's.

        log((1 - e) p + e q), with e learned and q the labels' own frequencies: a label that the network finds
        unlikely then pulls at it no more than chance explains.

        Args:
            log_p: (B, members + 1) of the query's own labels, "no product" last.
            members: label indices of the level.
        """
        elsewhere = functional.pad(self.prior[members], (0, 1), value=float(self.prior.min())).log_softmax(-1)
        return torch.logaddexp(torch.log1p(-self.wrong) + log_p, self.wrong.log() + elsewhere)

    def _lagrangian(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Recall at a fixed precision (Eban et al., "Scalable Learning of Non-Decomposable Objectives", 2017).

        minimise over the model, maximise over m:  (1 + m) L+ + m p / (1 - p) L- - m |Y+|, where L+ and L-
        bound the missed and the wrongly accepted pairs from above by the logistic loss in bits.
        """
        total = logits.new_zeros(())
        odds = LAGRANGIAN_PRECISION / (1 - LAGRANGIAN_PRECISION)
        for k, members in enumerate(self._levels):
            z, wanted = logits[:, members], targets[:, members]
            missed = (functional.softplus(-z) * wanted).sum() / math.log(2)
            wrong = (functional.softplus(z) * (1 - wanted)).sum() / math.log(2)
            m = _ascending(self.multiplier[k]).exp().clamp_max(20.0)
            total = total + ((1 + m) * missed + m * odds * wrong - m * wanted.sum()) / len(logits)
        return total / len(self._levels)


def _binary(logits: Tensor, targets: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")


def _asymmetric(logits: Tensor, targets: Tensor) -> Tensor:
    likely = logits.sigmoid()
    unlikely = (1 - likely + CLIP).clamp_max(1.0)
    positive = targets * (1 - likely) ** GAMMA_POSITIVE * functional.logsigmoid(logits)
    negative = (1 - targets) * (1 - unlikely) ** GAMMA_NEGATIVE * unlikely.clamp_min(1e-8).log()
    return -(positive + negative)


def _ascending(value: Tensor) -> Tensor:
    """Return the value with its gradient turned round: a minimiser then climbs."""
    return 2 * value.detach() - value
