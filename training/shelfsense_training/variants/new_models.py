"""Fresh networks for a study: layers of the pretrained teacher under a new head."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from shelfsense.models.backbone import Backbone
from shelfsense.models.locale_adapters import LocaleAdapters
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.backbones import keep_layers
from shelfsense_training.variants.query_set import StudyData
from shelfsense_training.variants.recipe import Recipe
from shelfsense_training.variants.variant_training import Vocabulary

SMALL = (0, 11)
"""The layers of the preset `small`: the teacher's first and last."""

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
        return model
