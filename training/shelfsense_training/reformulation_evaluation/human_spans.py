"""Real queries with attributes marked by people: which of two that are near each other differ in one.

Spans are compared as sets of (kind, words), plurals folded, whatever their order in the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from shelfsense.attribute_kinds import ATTRIBUTES
from shelfsense.reformulation.writing.match_form import spaced_words
from shelfsense_training.retrieval.tagged_queries import TaggedQuery

NamedSpan = tuple[str, frozenset[str]]
"""A kind of `ATTRIBUTES` and the words of a span, plurals folded."""

_LOCALE = "en"


@dataclass(frozen=True, slots=True)
class MarkedQuery:
    """A query and what people say it names.

    Attributes:
        text: in model form.
        spans: its attributes.
    """

    text: str
    spans: frozenset[NamedSpan]

    @classmethod
    def of(cls, query: TaggedQuery) -> MarkedQuery:
        """Return a marked query of a tagged one; neighbours of one kind are one span."""
        spans = []
        for kind, run in groupby(zip(query.kinds, query.pieces, strict=True), key=lambda each: each[0]):
            if kind > 0:
                spans.append((ATTRIBUTES[kind], _words(query.space.join(piece for _, piece in run))))
        return cls(query.text, frozenset(span for span in spans if span[1]))


def differing_kinds(one: MarkedQuery, other: MarkedQuery) -> frozenset[str]:
    """Return the kinds of the spans that only one of two queries has; none where they name the same."""
    return frozenset(kind for kind, _ in one.spans ^ other.spans)


def distinct(queries: Sequence[TaggedQuery]) -> list[MarkedQuery]:
    """Return the queries, each text once."""
    return list({query.text: MarkedQuery.of(query) for query in queries}.values())


def _words(text: str) -> frozenset[str]:
    return frozenset(_singular(word) for word in spaced_words(text, _LOCALE).split() if any(map(str.isalnum, word)))


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
