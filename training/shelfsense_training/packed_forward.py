"""The student's forward pass over a batch without padding: what a training step runs.

Linear layers, norms and activations see the batch's tokens as one matrix; attention goes through the
queries of one length at a time. Queries are three to thirty tokens long, so a padded batch spends a
third of its arithmetic on nothing, and torch's fused attention is slow at such lengths on a CPU. Same weights and same answers as `UnderstanderModel.forward` (a test holds both together).

B queries, S tokens of the whole batch, b queries of T tokens, D width, H heads, K kinds of attributes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shelfsense.models.backbone import Backbone
from shelfsense.models.understander_model import ModelOutput, UnderstanderModel


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """A batch of token sequences laid end to end, the shortest first.

    Attributes:
        tokens: (S,) int64.
        positions: (S,) int64, each token's place in its own sequence.
        owners: (S,) int64, which sequence of the packed order it belongs to.
        lengths: (B,) float32, in the packed order.
        back: (B,) int64, where each sequence of the caller's order stands in the packed one.
        runs: (sequences, tokens of each) of neighbours that are equally long.
    """

    tokens: Tensor
    positions: Tensor
    owners: Tensor
    lengths: Tensor
    back: Tensor
    runs: tuple[tuple[int, int], ...]


def pack(sequences: Sequence[Sequence[int]]) -> PackedBatch:
    """Lay token sequences end to end, the shortest first."""
    lengths = np.array([len(s) for s in sequences])
    order = np.argsort(lengths, kind="stable")
    sizes = lengths[order]
    starts = np.cumsum(sizes) - sizes
    tokens = np.concatenate([np.asarray(sequences[i], dtype=np.int64) for i in order])
    widths, counts = np.unique(sizes, return_counts=True)
    return PackedBatch(
        torch.from_numpy(tokens),
        torch.from_numpy(np.arange(len(tokens)) - np.repeat(starts, sizes)),
        torch.from_numpy(np.repeat(np.arange(len(order)), sizes)),
        torch.from_numpy(sizes.astype(np.float32)),
        torch.from_numpy(np.argsort(order)),
        tuple(zip(counts.tolist(), widths.tolist(), strict=True)),
    )


def packed_forward(model: UnderstanderModel, batch: PackedBatch) -> ModelOutput:
    """Answer a packed batch, in the order its sequences were given in; attributes (S, K) in the packed order."""
    locale_tokens = batch.tokens[batch.positions == 1][batch.back]  # (B,)
    states = _encode(model.backbone, batch)
    pooled = _side_by_side(model, states, batch)
    return model.answer(pooled, locale_tokens, torch.cat([states[model.middle], states[-1]], dim=-1))


def packed_states(model: UnderstanderModel, batch: PackedBatch) -> Tensor:
    """Return what the embedding head reads, (B, layers x D), in the order the sequences were given in."""
    return _side_by_side(model, _encode(model.backbone, batch), batch)


def packed_pooled(model: UnderstanderModel, batch: PackedBatch) -> Tensor:
    """Return the last layer's pooled queries (B, D) of a packed batch, in the order its sequences were given in."""
    return packed_last(model.backbone, batch)


def packed_last(backbone: Backbone, batch: PackedBatch) -> Tensor:
    """Return the last layer's pooled sequences (B, D) of a packed batch, in the order they were given in."""
    return _pooled(_encode(backbone, batch)[-1].float(), batch)


def _side_by_side(model: UnderstanderModel, states: list[Tensor], batch: PackedBatch) -> Tensor:
    return torch.cat([_pooled(state.float(), batch) for state in states[-model.embedding.states :]], dim=-1)


def _pooled(hidden: Tensor, batch: PackedBatch) -> Tensor:
    """Average the hidden states (S, D) of each sequence: (B, D), in the caller's order."""
    sums = hidden.new_zeros(len(batch.lengths), hidden.shape[1]).index_add(0, batch.owners, hidden)
    return (sums / batch.lengths[:, None])[batch.back]


def _encode(backbone: Backbone, batch: PackedBatch) -> list[Tensor]:
    """Return the hidden states (S, D) after every layer."""
    embeddings = backbone.encoder.embeddings
    words = embeddings.word_embeddings(batch.tokens.clamp_max(backbone.text_vocabulary - 1))
    if backbone.locale_embeddings is not None:
        is_locale = batch.tokens >= backbone.text_vocabulary
        locale = backbone.locale_embeddings((batch.tokens - backbone.text_vocabulary).clamp_min(0))
        words = torch.where(is_locale[:, None], locale, words)
    hidden: Tensor = words + embeddings.position_embeddings(batch.positions)
    hidden = embeddings.dropout(embeddings.LayerNorm(hidden))
    states = []
    for layer in backbone.encoder.transformer.layer:
        hidden = layer.sa_layer_norm(_attention(layer.attention, hidden, batch.runs) + hidden)
        hidden = layer.output_layer_norm(layer.ffn(hidden) + hidden)
        states.append(hidden)
    return states


def _attention(attention: Any, hidden: Tensor, runs: Sequence[tuple[int, int]]) -> Tensor:
    """Return the attention output (S, D) of the packed hidden states (S, D)."""
    heads = attention.n_heads
    sizes = [count * width for count, width in runs]
    projected = [part(hidden).split(sizes) for part in (attention.q_lin, attention.k_lin, attention.v_lin)]
    scale = 1 / math.sqrt(hidden.shape[1] // heads)
    mixed = []
    for (count, width), *states in zip(runs, *projected, strict=True):
        query, key, value = (x.view(count, width, heads, -1).transpose(1, 2) for x in states)  # (b, H, T, D / H)
        scores = (query @ key.transpose(-1, -2)).float() * scale
        weights = attention.dropout(scores.softmax(-1)).to(value.dtype)
        mixed.append((weights @ value).transpose(1, 2).reshape(count * width, -1))
    output: Tensor = attention.out_lin(torch.cat(mixed))
    return output
