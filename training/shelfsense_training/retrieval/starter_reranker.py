"""The starter bundle's re-ranker: four layers of the student, taught on pairs of equal meaning in every locale.

Its negatives are texts that differ from the partner in one attribute, and partners of other meanings that the
retriever finds near. N texts, E embedding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from shelfsense.models.cross_encoder import CrossEncoder
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.backbones import keep_layers
from shelfsense_training.retrieval.cross_encoder_training import (
    CrossEncoderSettings,
    CrossEncoderTraining,
    RankedExample,
)
from shelfsense_training.retrieval.fold_run import CROSS_LAYERS
from shelfsense_training.retrieval.meaning_pairs import MeaningPair, MeaningPairs, Text
from shelfsense_training.retrieval.meaning_validation import encode

STARTER_CROSS_ENCODER = CrossEncoderSettings(cosine_steps=60, steps=320, queries=24, negatives=5, rate=1.2e-4)
PAIRS = 9000
_AT_ONCE = 60
_NEIGHBOURS = 6


def train_reranker(
    student: UnderstanderModel,
    tokenizer: QueryTokenizer,
    pairs: MeaningPairs,
    settings: CrossEncoderSettings = STARTER_CROSS_ENCODER,
    *,
    count: int = PAIRS,
) -> CrossEncoder:
    """Return the trained re-ranker.

    Args:
        student: the retriever whose candidates it will order.
        tokenizer: of both.
        pairs: that it learns from.
        settings: how.
        count: pairs drawn.
    """
    random = np.random.default_rng(settings.seed)
    drawn: list[MeaningPair] = []
    while len(drawn) < count:
        drawn += pairs.draw(random, _AT_ONCE)
    texts = list(dict.fromkeys(text for pair in drawn for text in (pair.query, pair.partner, *pair.near)))
    row = {text: i for i, text in enumerate(texts)}
    vectors = encode(student, tokenizer, texts)
    examples, near = _examples(drawn, row, vectors)
    torch.manual_seed(settings.seed)
    model = CrossEncoder(keep_layers(student.backbone, CROSS_LAYERS))
    tokens = [list(tokenizer.network_input(text, locale, truncate=True).ids) for text, locale in texts]
    CrossEncoderTraining(model, tokens, settings).run(examples, near, vectors)
    return model


def _examples(
    drawn: Sequence[MeaningPair], row: dict[Text, int], vectors: NDArray[np.float32]
) -> tuple[list[RankedExample], NDArray[np.int64]]:
    """Return each pair with its negatives, and pairs of rows near each other."""
    by_locale: dict[str, list[MeaningPair]] = defaultdict(list)
    for pair in drawn:
        by_locale[pair.partner[1]].append(pair)
    examples, near = [], []
    for members in by_locale.values():
        partners = np.array([row[pair.partner] for pair in members])
        cosines = vectors[[row[pair.query] for pair in members]] @ vectors[partners].T
        order = np.argsort(-cosines, axis=1)[:, : _NEIGHBOURS + 1]
        for n, pair in enumerate(members):
            others = [int(partners[i]) for i in order[n] if members[i].meaning != pair.meaning]
            negatives = [*(row[text] for text in pair.near), *others[:_NEIGHBOURS]]
            mine = row[pair.query]
            if negatives:
                examples.append(RankedExample(mine, (row[pair.partner],), tuple(negatives)))
            near += [(mine, other) for other in (row[pair.partner], *negatives)]
    return examples, np.array(near)
