"""How a variant is trained: every choice that an ablation turns, each a field.

Source of `PAPER`: Tigunova, Ricatte, Eraisha, "Transfer Learning for E-commerce Query Product Type
Prediction" (arXiv 2410.07121): binary cross-entropy, Adam 8e-5, dropout 0.001, batch 2^11.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Variant(StrEnum):
    """The three variants of design section 4."""

    NON_UNIFIED = "non-unified"
    AGNOSTIC = "agnostic"
    AWARE = "aware"


class Objective(StrEnum):
    """What a step minimises; formulas in `objective`."""

    BINARY = "binary"
    SOFTMAX = "softmax"
    MASKED = "masked"
    ASYMMETRIC = "asymmetric"
    LAGRANGIAN = "lagrangian"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to train.

    Attributes:
        objective: the loss.
        encoder_rate: peak learning rate of the encoder.
        head_rate: of the classification head and the locale tokens.
        batch: queries per step.
        passes: over the training queries, at most.
        patience: validations without a better figure after which training stops; 0: it goes to the end of its
            schedule and keeps its last weights, for where validation queries are too few to choose by.
        dropout: within the encoder and before the head.
        weight_decay: 0 makes AdamW the paper's Adam.
        constant_rate: keep the rate after warm-up; else it falls as a cosine.
        und_share: training queries that get `und` for their locale (aware only; design: 0.1 to 0.2).
        soft: train on the shares of a query's types; else each kept type is wholly right.
        adjust: tau of long-tail logit adjustment (Menon et al., 2021); 0 is none.
        names_first: the head starts from the types' names by linear discriminant analysis.
        locale_power: locales are drawn in proportion to (their queries)^power; 1 takes them as they are.
        adapters: rank of a residual per locale on the pooled query; 0 is none.
        correction: share of a query's target that moves to what the model has come to believe of it
            (self-adaptive training, Huang et al., 2020); 0 is none.
        correct_from: passes before targets move, or noise is learnt.
        learn_noise: learn what share of the labels is wrong, and let that share, not the network, answer for
            them (forward correction, Patrini et al., 2017); softmax only.
        neighbours: share of a query's target that the labels of like queries have; 0 is none. Of unified models.
        held_out_passes: a locale that comes later learns gently, and passes over its labels as often as held-out
            quarters of them find best; else a fixed number of times.
    """

    objective: Objective = Objective.SOFTMAX
    encoder_rate: float = 5e-4
    head_rate: float = 2e-3
    batch: int = 256
    passes: float = 6.0
    patience: int = 3
    dropout: float = 0.1
    weight_decay: float = 0.01
    constant_rate: bool = False
    und_share: float = 0.15
    soft: bool = True
    adjust: float = 0.0
    names_first: bool = False
    locale_power: float = 1.0
    adapters: int = 0
    correction: float = 0.0
    correct_from: float = 1.0
    learn_noise: bool = False
    neighbours: float = 0.0
    held_out_passes: bool = False


PAPER = Recipe(
    objective=Objective.BINARY,
    encoder_rate=8e-5,
    head_rate=8e-5,
    batch=2048,
    passes=40,
    dropout=0.001,
    weight_decay=0.0,
    constant_rate=True,
    und_share=0.0,
    soft=False,
)
"""The paper's recipe. Its batch sees each query so seldom changed that it needs many more passes."""

OURS = Recipe()
"""Softmax within the level with "no product" beside the types, soft targets, a rate that falls."""
