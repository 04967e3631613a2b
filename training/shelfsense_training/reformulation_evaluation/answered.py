"""Queries as a bundle answers them: vector, types and attributes, by the engine that will serve them.

What is asked twice is answered once: parts share most of their heads.
L product types, E embedding, T tokens, K kinds of attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from shelfsense.query import Query
from shelfsense.reformulation.attribute_spans import LEAST_PROBABILITY, Spans, attribute_spans
from shelfsense.reformulation.reformulator import Asked
from shelfsense.thresholds import THRESHOLDS, Thresholds
from shelfsense.tokenizer import QueryTokenizer
from shelfsense.type_ranking import TypeRanking
from shelfsense.understander import Prepared, Understander
from shelfsense_training.bundle_building import TOKENIZER, answer_queries

_AT_ONCE = 1024  # rows of (L,) probabilities held at a time


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """A query and what a bundle makes of it.

    Attributes:
        prepared: the query.
        embedding: (E,) unit length.
        attributes: (T, K) of its tokens; None where the bundle cannot tell.
        spans: the attributes it names; None where the bundle cannot tell.
        type_id: the deepest product type accepted, empty where none is.
        probabilities: (L,) as the gates read them; (0,) of a head, of which nobody asks them.
    """

    prepared: Prepared
    embedding: NDArray[np.float32]
    attributes: NDArray[np.float32] | None
    spans: Spans | None
    type_id: str
    probabilities: NDArray[np.float32]

    @property
    def text(self) -> str:
        """As typed."""
        return self.prepared.query.text

    @property
    def locale(self) -> str:
        """The bundle's locale that answers."""
        return self.prepared.locale

    @property
    def asked(self) -> Asked:
        """The query, as a reformulator takes it."""
        spans = None if self.spans is None else partial(_same, self.spans)
        return Asked(self.text, self.prepared.model_text, self.locale, self.prepared.known, spans)


class Answers:
    """Answers queries of one bundle, each once.

    Args:
        understander: of the bundle.

    Attributes:
        understander: as given.
        thresholds: of the network's own tree.
        has_attributes: whether the network has an attribute head.
    """

    def __init__(self, understander: Understander) -> None:
        self.understander = understander
        manifest = understander.bundle.manifest
        self.has_attributes = bool(manifest.get("attributes"))
        # Of the network's own tree, which heads go by, whatever a shop's tree the bundle maps it to.
        self.thresholds = Thresholds.from_json(understander.bundle.read(THRESHOLDS))
        self._ranking = TypeRanking(understander.network_types, self.thresholds)
        self._tokenizer = QueryTokenizer.from_json(
            understander.bundle.read(TOKENIZER), understander.locales, max_tokens=manifest["backbone"]["max_tokens"]
        )
        self._known: dict[tuple[str, str, bool], Answered] = {}

    def of(self, texts: Sequence[str], locale: str, *, heads: bool = False) -> list[Answered]:
        """Return the answers to texts of a locale, in their order.

        Args:
            texts: queries, repeated or not.
            locale: a tag of the bundle.
            heads: they will be offered, not asked.

        Raises:
            InvalidQuery: for the first text that is no valid query.
        """
        missing = list(dict.fromkeys(text for text in texts if (text, locale, heads) not in self._known))
        for start in range(0, len(missing), _AT_ONCE):
            self._answer(missing[start : start + _AT_ONCE], locale, heads=heads)
        return [self._known[text, locale, heads] for text in texts]

    def spans(self, answered: Answered, least: float = LEAST_PROBABILITY) -> Spans:
        """Return the attributes that a query names, counted from a probability on; none without an attribute head."""
        if answered.attributes is None:
            return ()
        text = answered.prepared.model_text
        return attribute_spans(text, self._tokenizer.offsets(text), answered.attributes, least)

    def _answer(self, texts: Sequence[str], locale: str, *, heads: bool) -> None:
        queries = [Query(text, locale, truncate=True) for text in texts]
        output = answer_queries(self.understander, queries)
        for query, row in zip(queries, output.rows(), strict=True):
            prepared = self.understander.prepare(query)
            spans = None if row.attributes is None else self.understander.attribute_spans(prepared, row.attributes)
            ranked = self._ranking.rank(row.probabilities, prepared.locale, 1, known=prepared.known)
            type_id = next((each.id for each in ranked.best if each.accepted), "")
            # A copy, or a row would hold the whole batch.
            raised = np.zeros(0, dtype=np.float32) if heads else ranked.probabilities.copy()
            self._known[query.text, locale, heads] = Answered(
                prepared, row.embedding.copy(), row.attributes, spans, type_id, raised
            )


def _same(spans: Spans) -> Spans:
    return spans
