"""Smaller backbones out of larger ones: fewer tokens, fewer layers."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shelfsense.models.backbone import Backbone


def trim_backbone(backbone: Backbone, source_ids: NDArray[np.int64], *, positions: int) -> Backbone:
    """Return a copy whose embeddings keep only some tokens and the first positions.

    Args:
        backbone: without locale tokens.
        source_ids: (V,) the old id of every new id.
        positions: longest sequence the copy can read.
    """
    trimmed = copy.deepcopy(backbone)
    embeddings = trimmed.encoder.embeddings
    words = embeddings.word_embeddings.weight.data[torch.from_numpy(source_ids)]
    embeddings.word_embeddings = nn.Embedding.from_pretrained(words, freeze=False, padding_idx=trimmed.pad_id)
    places = embeddings.position_embeddings.weight.data[:positions].clone()
    embeddings.position_embeddings = nn.Embedding.from_pretrained(places, freeze=False)
    embeddings.register_buffer("position_ids", torch.arange(positions).unsqueeze(0), persistent=False)
    trimmed.encoder.config.vocab_size = len(source_ids)
    trimmed.encoder.config.max_position_embeddings = positions
    return trimmed


def keep_layers(backbone: Backbone, layers: Sequence[int]) -> Backbone:
    """Return a copy with only the named layers, in the order given."""
    cut = copy.deepcopy(backbone)
    kept = [cut.encoder.transformer.layer[i] for i in layers]
    cut.encoder.transformer.layer = nn.ModuleList(kept)
    cut.encoder.transformer.n_layers = cut.encoder.config.n_layers = len(kept)
    return cut
