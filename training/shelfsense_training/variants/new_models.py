"""Fresh networks for a study: layers of the pretrained teacher under a new head."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from shelfsense.models.backbone import Backbone
from shelfsense.models.locale_adapters import LocaleAdapters
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.backbones import keep_layers
from shelfsense_training.distillation import E5_PREFIX
from shelfsense_training.head_initialisation import set_discriminant
from shelfsense_training.packed_forward import pack, packed_last, packed_pooled
from shelfsense_training.variants.query_set import QuerySet, StudyData
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
        teacher: the pretrained backbone, its vocabulary trimmed, or one distilled from it.
        tokenizer: of that vocabulary.
    """

    def __init__(self, teacher: Backbone, tokenizer: QueryTokenizer) -> None:
        self._teacher = teacher
        self._tokenizer = tokenizer

    def vocabulary(self, data: StudyData) -> Vocabulary:
        """Return the special tokens of networks for a study's locales."""
        return Vocabulary(self._tokenizer.bos, self._tokenizer.eos, self._teacher.text_vocabulary, len(data.locales))

    def new(self, data: StudyData, recipe: Recipe, *, seed: int, layers: Sequence[int] = SMALL) -> UnderstanderModel:
        """Return a network with pretrained layers; head, locale tokens and adapters are fresh.

        Args:
            data: whose labels and locales it gets.
            recipe: adapters, and what the head starts from.
            seed: of fresh weights.
            layers: of the teacher; all where there are none to choose from.
        """
        torch.manual_seed(seed)
        backbone = keep_layers(self._teacher, layers)
        # Frozen in every run: one copy of the words serves all networks in memory.
        backbone.encoder.embeddings.word_embeddings = self._teacher.encoder.embeddings.word_embeddings
        backbone.add_locale_tokens(len(data.locales))
        if self._teacher.locale_embeddings is not None and backbone.locale_embeddings is not None:
            # It has read with locale tokens before: those of new locales start as what it knows of none.
            backbone.locale_embeddings.weight.data[:] = self._teacher.locale_embeddings.weight.data[-1]
        model = UnderstanderModel(backbone, len(data.labels), _EMBEDDING, data.levels.tolist())
        if recipe.adapters:
            rows = [*range(1, len(data.locales) + 1), 0]
            model.adapters = LocaleAdapters(backbone.width, rows, rank=recipe.adapters)
        if recipe.names_first:
            self._start_from_names(model, data)
        return model

    def vectors(self, queries: QuerySet) -> NDArray[np.float32]:
        """Return what the teacher makes of queries (N, D), untrained."""
        prefix = self._tokenizer.encode(E5_PREFIX)
        sequences = [[self._tokenizer.bos, *prefix, *t.tolist(), self._tokenizer.eos] for t in queries.tokens]
        order = np.argsort([len(s) for s in sequences], kind="stable")
        found = np.zeros((len(sequences), self._teacher.width), dtype=np.float32)
        self._teacher.eval()
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            for start in range(0, len(order), _ASKED_AT_ONCE):
                rows = order[start : start + _ASKED_AT_ONCE]
                found[rows] = packed_last(self._teacher, pack([sequences[i] for i in rows])).float().numpy()
        return found

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
