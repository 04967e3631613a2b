"""Fresh networks for a study: layers of the pretrained teacher under a new head."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch

from shelfsense.models.backbone import Backbone
from shelfsense.models.locale_adapters import LocaleAdapters
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.backbones import keep_layers
from shelfsense_training.head_initialisation import set_discriminant
from shelfsense_training.packed_forward import pack, packed_pooled
from shelfsense_training.variants.query_set import StudyData
from shelfsense_training.variants.recipe import Recipe, Variant
from shelfsense_training.variants.variant_training import Vocabulary, inputs

SMALL = (0, 11)
"""The layers of the preset `small`: the teacher's first and last."""

_QUERIES_PER_TYPE = 8
_ASKED_AT_ONCE = 512
_EMBEDDING = 8
"""Width of the embedding head, which a study does not use."""


class NewModels:
    """Makes networks that differ in nothing but their seed.

    Args:
        teacher: the pretrained backbone, its vocabulary trimmed.
        tokenizer: of that vocabulary.
    """

    def __init__(self, teacher: Backbone, tokenizer: QueryTokenizer) -> None:
        self._teacher = teacher
        self._tokenizer = tokenizer

    def vocabulary(self, data: StudyData) -> Vocabulary:
        """Return the special tokens of networks for a study's locales."""
        return Vocabulary(self._tokenizer.bos, self._tokenizer.eos, self._teacher.text_vocabulary, len(data.locales))

    def new(self, data: StudyData, recipe: Recipe, *, seed: int, layers: Sequence[int] = SMALL) -> UnderstanderModel:
        """Return a network with pretrained layers; head, locale tokens and adapters are fresh."""
        torch.manual_seed(seed)
        backbone = keep_layers(self._teacher, layers)
        # Frozen in every run: one copy of the words serves all networks in memory.
        backbone.encoder.embeddings.word_embeddings = self._teacher.encoder.embeddings.word_embeddings
        backbone.add_locale_tokens(len(data.locales))
        model = UnderstanderModel(backbone, len(data.labels), _EMBEDDING, data.levels.tolist())
        if recipe.adapters:
            rows = [*range(1, len(data.locales) + 1), 0]
            model.adapters = LocaleAdapters(backbone.width, rows, rank=recipe.adapters)
        if recipe.names_first:
            self._start_from_names(model, data)
        return model

    def _start_from_names(self, model: UnderstanderModel, data: StudyData) -> None:
        """Set the head from the types' names and, for the spread around them, some training queries of each."""
        first = data.train.types[:, 0]
        order = np.random.default_rng(0).permutation(len(first))
        place = np.zeros(len(first), dtype=np.int64)  # of a query among those of its type
        seen: Counter[int] = Counter()
        for row in order.tolist():
            place[row] = seen[int(first[row])]
            seen[int(first[row])] += 1
        rows = np.flatnonzero(place < _QUERIES_PER_TYPE)
        vocabulary = self.vocabulary(data)
        names = [[vocabulary.bos, vocabulary.und, *self._tokenizer.encode(n), vocabulary.eos] for n in data.names]
        sequences = [*names, *inputs(data.train.take(rows), vocabulary, Variant.AWARE)]
        labels = np.concatenate([np.arange(len(names)), first[rows].astype(np.int64)])
        model.eval()
        with torch.no_grad():
            parts = [
                packed_pooled(model, pack(sequences[start : start + _ASKED_AT_ONCE])).numpy()
                for start in range(0, len(sequences), _ASKED_AT_ONCE)
            ]
        table = [{"id": label, "parent_id": "", "name": label} for label in data.labels]
        set_discriminant(model, np.concatenate(parts), labels, ProductTypes.from_table("study", table))
