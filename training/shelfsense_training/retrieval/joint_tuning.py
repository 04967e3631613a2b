"""The network learns what means the same and what an attribute is, and keeps its product types.

Every step reads labelled rows, pairs with near texts, and tagged queries in one pass. The embedding head
reads all layers: it starts as the least-squares map of their pooled states to the teacher's vectors, so
nothing that learning product types drove out of the last layer has to be learnt again.

B texts, E embedding, K kinds of attributes.
"""

from __future__ import annotations

import random as plain_random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.composition.synonym_writing import rewritten
from shelfsense_training.distillation import distillation_loss
from shelfsense_training.fine_tuning import LONGEST, TeacherVectors
from shelfsense_training.objectives import TargetTable, judged_wrong_loss, level_agreement, level_cross_entropy
from shelfsense_training.packed_forward import pack, packed_forward
from shelfsense_training.retrieval.meaning_loss import meaning_loss
from shelfsense_training.retrieval.meaning_pairs import MeaningPair, MeaningPairs
from shelfsense_training.retrieval.tagged_queries import UNTOLD, ComposedSpans, TaggedQuery, tagged_tokens
from shelfsense_training.sampling import RowSampler, SamplingSettings
from shelfsense_training.training_loop import TrainingLoop
from shelfsense_training.training_rows import TrainingRow

DISTILLATION_TEMPERATURE = 0.05


@dataclass(frozen=True, slots=True)
class JointSettings:
    """How the network is tuned.

    Attributes:
        steps: optimiser steps.
        batch: labelled rows per step.
        pairs: pairs per step; each brings its near texts.
        tagged: tagged queries per step, half of them with human spans.
        encoder_rate: AdamW's peak learning rate of the encoder.
        head_rate: of the heads and locale tokens.
        und_share: share of texts that get ``und`` in place of their locale.
        level_weights: of the cross-entropy within the levels.
        wrong_weight: of the loss on types judged wrong.
        teacher_weight: of the teacher's vectors.
        pair_weight: of the loss on pairs.
        tag_weight: of the loss on attributes.
        agreement_weight: of a query's types learning from those of the text that means the same.
        reworded_share: share of the labelled rows that are read with a word in a synonym, where they have one.
        temperature: of the loss on pairs.
        encoder_dropout: within the encoder's layers.
        sampling: of the labelled rows.
        seed: of every draw.
    """

    steps: int = 1000
    batch: int = 112
    pairs: int = 56
    tagged: int = 40
    encoder_rate: float = 1.2e-4
    head_rate: float = 6e-4
    und_share: float = 0.15
    level_weights: tuple[float, ...] | None = (0.4, 0.5, 0.4)
    wrong_weight: float = 0.1
    teacher_weight: float = 1.0
    pair_weight: float = 0.5
    tag_weight: float = 0.5
    agreement_weight: float = 0.0
    reworded_share: float = 0.0
    temperature: float = 0.05
    encoder_dropout: float = 0.1
    sampling: SamplingSettings = field(
        default_factory=lambda: SamplingSettings(
            judged_share=0.12, asked_share=0.35, own_share=0.06, nothing_share=0.03, shopper_locale_weight=1.5
        )
    )
    seed: int = 3


@dataclass(frozen=True, slots=True)
class JointData:
    """What the network is tuned on.

    Attributes:
        rows: labelled rows.
        teacher: known vectors.
        pairs: of equal meaning.
        tagged: with human spans.
        composed: with attribute words put beside heads.
    """

    rows: Sequence[TrainingRow]
    teacher: TeacherVectors
    pairs: MeaningPairs
    tagged: Sequence[TaggedQuery]
    composed: ComposedSpans


class JointTuning:
    """One run; resumes from its checkpoint.

    Args:
        model: with an attribute head; trained in place.
        tokenizer: of its vocabulary.
        product_types: the tree of its labels.
        data: what it is tuned on.
        settings: how.
    """

    def __init__(
        self,
        model: UnderstanderModel,
        tokenizer: QueryTokenizer,
        product_types: ProductTypes,
        data: JointData,
        settings: JointSettings,
    ) -> None:
        self.model = model
        self._tokenizer = tokenizer
        self._data = data
        self._settings = settings
        self._levels = [torch.from_numpy(product_types.by_level[k]) for k in sorted(product_types.by_level)]
        self._targets = TargetTable(product_types)
        self._sampler = RowSampler(data.rows, settings.sampling, seed=settings.seed)
        self._und = tokenizer.locale_id("und")
        for layer in model.backbone.encoder.transformer.layer:
            layer.ffn.dropout.p = layer.attention.dropout.p = settings.encoder_dropout
        model.backbone.encoder.embeddings.word_embeddings.weight.requires_grad_(requires_grad=False)

    def run(self, checkpoint: Path, validate: Callable[[UnderstanderModel], str], *, every: int = 200) -> None:
        """Train to the last step, saving every 100 and validating every so many.

        Args:
            checkpoint: file of the training state.
            validate: says how good the model is, in a line for the log.
            every: steps between validations.
        """
        loop = TrainingLoop(
            "joint tuning",
            self._settings.steps,
            self._settings.seed,
            save_every=100,
            validate_every=every,
            lowest_rate=0.02,
        )
        loop.run(self.model, self._optimizer(), self._losses, checkpoint, validate)

    def _optimizer(self) -> torch.optim.Optimizer:
        settings = self._settings
        encoder = [p for p in self.model.backbone.encoder.parameters() if p.requires_grad]
        inside = {id(p) for p in encoder}
        heads = [p for p in self.model.parameters() if p.requires_grad and id(p) not in inside]
        groups = [
            {"params": encoder, "peak": settings.encoder_rate, "lr": settings.encoder_rate},
            {"params": heads, "peak": settings.head_rate, "lr": settings.head_rate},
        ]
        return torch.optim.AdamW(groups, weight_decay=0.01, fused=True)

    def _losses(self, step: int, random: np.random.Generator) -> dict[str, Tensor]:
        settings = self._settings
        rows = self._reworded([self._data.rows[i] for i in self._sampler.draw(step, settings.batch)], random)
        pairs = self._data.pairs.draw(random, settings.pairs)
        texts = [(row.text, row.locale) for row in rows] + _texts(pairs)
        sequences = [
            list(self._tokenizer.network_input(text, locale, truncate=True).ids[:LONGEST]) for text, locale in texts
        ]
        tagged, kinds = self._tagged(random)
        sequences += tagged
        for i in np.flatnonzero(random.random(len(sequences)) < settings.und_share):
            sequences[i][1] = self._und
        batch = pack(sequences)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = packed_forward(self.model, batch)
        logits = output.logits.float()[: len(rows)]
        vectors = functional.normalize(output.embeddings.float(), dim=-1)
        targets = self._targets.targets(rows)
        meant = slice(len(rows), len(texts))
        return {
            "types": level_cross_entropy(logits, targets, self._levels, settings.level_weights),
            "wrong": judged_wrong_loss(self.model.classification.log_odds(logits), targets) * settings.wrong_weight,
            "teacher": self._teacher_loss(texts, vectors) * settings.teacher_weight,
            "pairs": meaning_loss(vectors[meant], pairs, settings.temperature) * settings.pair_weight,
            "tags": self._tag_loss(output.attributes, batch.back, len(texts), kinds, batch.lengths)
            * settings.tag_weight,
            **self._agreement(output.logits[meant].float(), pairs),
        }

    def _reworded(self, rows: Sequence[TrainingRow], random: np.random.Generator) -> list[TrainingRow]:
        share = self._settings.reworded_share
        if not share:
            return list(rows)
        draw = plain_random.Random(int(random.integers(2**31)))  # noqa: S311 - augmentation, not a secret
        return [
            replace(row, text=rewritten(row.text, row.locale, draw)) if draw.random() < share else row for row in rows
        ]

    def _agreement(self, logits: Tensor, pairs: Sequence[MeaningPair]) -> dict[str, Tensor]:
        """Return the loss of the queries' types on their partners', nothing where it has no weight."""
        # Queries that share products are often of sister types.
        sure = [i for i, pair in enumerate(pairs) if not pair.meaning.startswith("shared|")]
        if not self._settings.agreement_weight or not sure:
            return {}
        queries, partners = logits[sure], logits[[len(pairs) + i for i in sure]]
        loss = level_agreement(queries, partners, self._levels, self._settings.level_weights)
        return {"agreement": loss * self._settings.agreement_weight}

    def _tagged(self, random: np.random.Generator) -> tuple[list[list[int]], list[list[int]]]:
        draw = plain_random.Random(int(random.integers(2**31)))  # noqa: S311 - composition, not a secret
        half = self._settings.tagged // 2
        queries = [self._data.tagged[i] for i in random.integers(len(self._data.tagged), size=half)]
        queries += [self._data.composed.draw(draw) for _ in range(self._settings.tagged - half)]
        found = [tagged_tokens(query, self._tokenizer, most=LONGEST) for query in queries]
        return [ids for ids, _ in found], [kinds for _, kinds in found]

    def _tag_loss(
        self, logits: Tensor | None, back: Tensor, first: int, kinds: Sequence[Sequence[int]], lengths: Tensor
    ) -> Tensor:
        """Return the cross-entropy of the tagged queries' tokens; `logits` (S, K) are in the packed order."""
        assert logits is not None
        starts = (lengths.cumsum(0) - lengths).long()
        wanted = torch.full((len(logits),), UNTOLD, dtype=torch.long)
        for number, known in enumerate(kinds):
            start = int(starts[back[first + number]])
            wanted[start : start + len(known)] = torch.tensor(known)
        return functional.cross_entropy(logits.float(), wanted, ignore_index=UNTOLD)

    def _teacher_loss(self, texts: Sequence[tuple[str, str]], vectors: Tensor) -> Tensor:
        known = [(b, self._data.teacher.row[text]) for b, text in enumerate(texts) if text in self._data.teacher.row]
        if len(known) < 2:
            return vectors.new_zeros(())
        places, rows = zip(*known, strict=True)
        wanted = torch.from_numpy(self._data.teacher.vectors[list(rows)].astype(np.float32))
        return distillation_loss(vectors[list(places)], wanted, DISTILLATION_TEMPERATURE)


def _texts(pairs: Sequence[MeaningPair]) -> list[tuple[str, str]]:
    """Return queries, then partners, then near texts, in the order that `meaning_loss` reads."""
    return [p.query for p in pairs] + [p.partner for p in pairs] + [text for p in pairs for text in p.near]
