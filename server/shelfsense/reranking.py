"""Puts queries and the heads found for them before the re-ranker. P candidates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from shelfsense.engines.reranker import Reranker
from shelfsense.errors import EngineUnavailable
from shelfsense.locales import language_of
from shelfsense.pair_input import pair_input
from shelfsense.reformulation.head import HeadMatch
from shelfsense.reformulation.precise_reformulator import Tier
from shelfsense.text import model_form
from shelfsense.tokenizer import QueryTokenizer

Pair: TypeAlias = Sequence[int]
"""Token ids of a query and a head, as the re-ranker reads them."""

_AT_ONCE = 64  # pairs; more are no faster, and each takes memory


@dataclass(frozen=True, slots=True)
class Shortlist:
    """The heads of one query that the re-ranker is to choose from.

    Attributes:
        tiers: the heads.
        pairs: P token sequences, of the query and each candidate; there may be none.
    """

    tiers: tuple[Tier, ...]
    pairs: tuple[Pair, ...]

    @property
    def tokens(self) -> int:
        """Tokens of all pairs, padding counted."""
        return len(self.pairs) * max(map(len, self.pairs), default=0)


@dataclass(frozen=True, slots=True)
class Reranked:
    """A shortlist, and what the re-ranker says of it.

    Attributes:
        shortlist: as it was.
        logits: (P,) float32.
    """

    shortlist: Shortlist
    logits: NDArray[np.float32]


class Reranking:
    """Asks a re-ranker about queries and heads.

    Args:
        reranker: of the bundle.
        tokenizer: of the same bundle.
    """

    def __init__(self, reranker: Reranker, tokenizer: QueryTokenizer) -> None:
        self._reranker = reranker
        self._tokenizer = tokenizer

    def pairs(self, token_ids: Sequence[int], locale: str, heads: Iterable[HeadMatch]) -> tuple[Pair, ...]:
        """Return the pairs of one query with each head.

        Args:
            token_ids: what the network reads for the query.
            locale: the query's, resolved; a store that was onboarded later is read as one of its language.
            heads: found for it.
        """
        start, _, *rest = token_ids
        known = self._reranker.locales
        query = [start, self._tokenizer.vocabulary_size + known.token(known.resolve(locale).tag), *rest]
        return tuple(pair_input(query, self._head(head)) for head in heads)

    def rerank(self, shortlists: Sequence[Shortlist]) -> list[Reranked]:
        """Run the re-ranker on 1 or more shortlists. One caller at a time.

        Raises:
            EngineUnavailable: when the re-ranker fails, or answers what is no number.
        """
        pairs = [pair for shortlist in shortlists for pair in shortlist.pairs]
        order = sorted(range(len(pairs)), key=lambda i: len(pairs[i]))  # a batch costs what its longest costs
        logits = np.empty(len(pairs), dtype=np.float32)
        for first in range(0, len(order), _AT_ONCE):
            rows = order[first : first + _AT_ONCE]
            logits[rows] = self._reranker.scores([pairs[i] for i in rows])
        if not np.isfinite(logits).all():
            raise EngineUnavailable("the re-ranker answered a value that is no number; load another bundle")
        parts = np.split(logits, np.cumsum([len(each.pairs) for each in shortlists])[:-1])
        return [Reranked(*each) for each in zip(shortlists, parts, strict=True)]

    def _head(self, head: HeadMatch) -> tuple[int, ...]:
        text = model_form(head.query, language_of(head.locale))
        return self._tokenizer.network_input(text, head.locale, truncate=True).ids
