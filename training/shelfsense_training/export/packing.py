"""The nodes that take a batch's padding out and, for attention alone, put it in again.

Layers, norms and activations work on each token by itself, so they run over the real tokens of a batch, one
after the other: (N, D). Attention needs the queries apart, padded to the longest. Indices that are computed once
say where each token is; splitting queries, keys and values, parting the heads and padding are then one gather.

B queries, T tokens of the longest, N real tokens of all, D width, H heads, P slots of a batch, B x T.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shelfsense_training.export.graph import FLOAT, INT64, GraphBuilder

HEADS = "attention.heads"
"""Initialiser: (H,) int64, the heads from 0 on."""

_MASKED = -1e9


@dataclass(frozen=True, slots=True)
class Packing:
    """Names of what says where a batch's tokens are.

    Attributes:
        token_ids: (N,) int64.
        positions: (N,) int64 of each in its query.
        rows: (B, T) int64, which of the N each slot holds; some real one where it is padding.
        is_token: (B, 1, T) float32, 0 on padding.
        tokens: (B, 1) float32, how many tokens each query has.
        masked: (B, H, T, T) float32, what is added to attention's scores.
        query, key, value: (B, H, T) int64, the heads of each slot among the N x 3 x H of a layer.
        context: (N, H) int64, the heads of each token among the B x H x T that attention gives.
    """

    token_ids: str
    positions: str
    rows: str
    is_token: str
    tokens: str
    masked: str
    query: str
    key: str
    value: str
    context: str


def pack(graph: GraphBuilder, pad_id: int, heads: int) -> Packing:
    """Add the indices of a batch; the graph reads ``token_ids`` (B, T), padded behind with the pad id."""
    shape = graph.node("Shape", "token_ids")
    longest = graph.node("Shape", "token_ids", start=1, end=2)  # (1,)
    flat = graph.node("Reshape", "token_ids", graph.integers(-1))  # (P,)
    real = graph.node("Not", graph.node("Equal", flat, graph.constant("pad", np.array(pad_id))))
    slots = graph.node("Squeeze", graph.node("NonZero", real), graph.integers(0))  # (N,)
    positions = graph.node("Mod", slots, longest)
    real = graph.node("Reshape", real, shape)  # (B, T)
    rows = _rows(graph, real, shape)
    is_token = graph.node("Cast", real, to=FLOAT)
    query, key, value = _head_places(graph, rows, heads)
    return Packing(
        token_ids=graph.node("Gather", flat, slots),
        positions=positions,
        rows=rows,
        is_token=graph.node("Unsqueeze", is_token, graph.integers(1)),
        tokens=graph.node("ReduceSum", is_token, graph.integers(1), keepdims=1),
        masked=_masked(graph, real, longest, heads),
        query=query,
        key=key,
        value=value,
        context=_context_places(graph, slots, positions, longest, heads),
    )


def _masked(graph: GraphBuilder, real: str, longest: str, heads: int) -> str:
    """Spread the mask once: adding it row by row in every layer takes longer than adding tensors of one shape."""
    masked = graph.node("Where", real, graph.number(0.0), graph.number(_MASKED))
    masked = graph.node("Unsqueeze", masked, graph.integers(1, 2))  # (B, 1, 1, T)
    return str(graph.node("Expand", masked, graph.node("Concat", graph.integers(1, heads), longest, longest, axis=0)))


def _rows(graph: GraphBuilder, real: str, shape: str) -> str:
    """Number the tokens through the batch; padding has the number of the token before it."""
    ones = graph.node("Reshape", graph.node("Cast", real, to=INT64), graph.integers(-1))
    last = graph.node("CumSum", ones, graph.constant("zero", np.array(0)))
    return str(graph.node("Reshape", graph.node("Sub", last, graph.constant("one", np.array(1))), shape))


def _head_places(graph: GraphBuilder, rows: str, heads: int) -> tuple[str, str, str]:
    """A layer's (N, 3 D) is (N x 3 x H) heads: of each token those of its query, then key, then value."""
    each = graph.constant(HEADS, np.arange(heads))
    by_head = graph.node("Unsqueeze", each, graph.integers(0, 2))  # (1, H, 1)
    first = graph.node("Mul", graph.node("Unsqueeze", rows, graph.integers(1)), graph.integers(3 * heads))
    query = graph.node("Add", first, by_head)  # (B, H, T)
    return query, *(str(graph.node("Add", query, graph.integers(part * heads))) for part in (1, 2))


def _context_places(graph: GraphBuilder, slots: str, positions: str, longest: str, heads: int) -> str:
    """Head h of position t of query b is (b x H + h) x T + t of attention's (B, H, T); b x T + t is its slot."""
    query_start = graph.node("Mul", graph.node("Sub", slots, positions), graph.integers(heads))
    first = graph.node("Unsqueeze", graph.node("Add", query_start, positions), graph.integers(1))  # (N, 1)
    return str(graph.node("Add", first, graph.node("Mul", graph.constant(HEADS, np.arange(heads)), longest)))
