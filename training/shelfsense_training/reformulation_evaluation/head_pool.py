"""The heads of one locale, indexed in memory as a bundle's are, and asked as they are served.

Beside the service's own order stand the same order with the bundle's thresholds taken away, the order
without written-alike look-up, and the order that no gate touches. Knows nothing of what is right.
N index rows, E embedding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shelfsense.product_types import ProductTypes
from shelfsense.query import Options
from shelfsense.reformulation.agreement import letter_signs
from shelfsense.reformulation.attribute_spans import spans_to_text
from shelfsense.reformulation.gates import product_type_refusal
from shelfsense.reformulation.head_index import Head, HeadIndex
from shelfsense.reformulation.head_vectors import as_read, to_bytes
from shelfsense.reformulation.reformulator import Reformulator
from shelfsense.reformulation.vector_index import GraphSettings
from shelfsense.reformulation.word_gates import words_refusal
from shelfsense.reformulation.writing.match_form import match_form
from shelfsense.text import normal_form
from shelfsense.thresholds import Thresholds
from shelfsense.understanding import Reformulation
from shelfsense_training.reformulation_evaluation.answered import Answered, Answers

_OPTIONS = Options()
_ALL = Options(include_refused=True)


@dataclass(frozen=True, slots=True)
class Offer:
    """The head that is offered first.

    Attributes:
        query: the head, as its shop writes it.
        score: 0 to 1.
    """

    query: str
    score: float


class _NothingAlike(HeadIndex):
    """An index whose heads are found by vector and normal form alone: normalisation off."""

    def queries(self, locale: str) -> tuple[pa.StringArray, ...]:  # noqa: ARG002  the index's own signature
        return ()


class HeadPool:
    """Heads of one locale.

    Args:
        answers: of the bundle.
        texts: distinct heads, by normal form.
        locale: a tag of the bundle.
        typed: heads have the product type that the bundle accepts for them, as onboarding writes them; else
            none, as `index` does.

    Attributes:
        texts: as given.
        vectors: (N, E) as they are stored and read.
    """

    def __init__(self, answers: Answers, texts: Sequence[str], locale: str, *, typed: bool = True) -> None:
        found = answers.of(texts, locale, heads=True)
        self.texts = tuple(texts)
        self.locale = locale
        self.vectors = as_read(to_bytes(np.stack([each.embedding for each in found]))).astype(np.float32)
        self._types = answers.understander.network_types
        self._heads = {
            normal_form(each.text): Head(
                each.text,
                locale,
                1.0,
                product_type=each.type_id if typed else "",
                attributes="" if each.spans is None else spans_to_text(each.spans),
            )
            for each in found
        }
        self._rows = {form: row for row, form in enumerate(self._heads)}
        thresholds = answers.thresholds
        width, settings = self.vectors.shape[1], GraphSettings()
        full, plain = HeadIndex({}, width, settings), _NothingAlike({}, width, settings)
        self._indexes = (full, plain)
        for index in self._indexes:
            index.add(list(self._heads.values()), self.vectors)
        self._served = Reformulator(full, thresholds, self._types)
        self._open = Reformulator(full, _without(thresholds, locale), self._types)
        self._plain = Reformulator(plain, _without(thresholds, locale), self._types)

    def served(self, asked: Answered) -> Offer | None:
        """Return the head that the bundle accepts first."""
        return _first(self._served, asked)

    def offered(self, asked: Answered, *, normalised: bool = True) -> Offer | None:
        """Return the first head that no gate refuses, whatever the thresholds.

        Args:
            asked: the query.
            normalised: heads written alike are looked up.
        """
        return _first(self._open if normalised else self._plain, asked)

    def ungated(self, asked: Answered) -> list[Offer]:
        """Return the heads a query meets as they stand before any gate or threshold, best first."""
        found = self._open.judged(asked.asked, self.locale, asked.embedding, asked.probabilities, _ALL)
        return [_offer(each) for each in sorted(found, key=lambda each: (-each.score, each.query))]

    def nearest(self, vector: NDArray[np.float32], depth: int) -> list[int]:
        """Return the rows of the heads nearest to a vector (E,), nearest first; no look-up, no gate."""
        rows: list[int] = np.argsort(-(self.vectors @ vector), kind="stable")[:depth].tolist()
        return rows

    def row(self, text: str) -> int:
        """Return the row of a head."""
        return self._rows[normal_form(text)]

    def refusal(self, asked: Answered, text: str, *, types: bool = True) -> str:
        """Return why a gate refuses a head, empty where none does; one written as the query is meets no gate.

        Args:
            asked: the query.
            text: the head.
            types: the gate of product types counts.
        """
        if match_form(text, self.locale) == match_form(asked.text, self.locale):
            return ""
        return refusal(asked, self._heads[normal_form(text)], self._types, types=types)

    @contextmanager
    def without(self, text: str) -> Iterator[None]:
        """Take a head out of the index for a while."""
        form = normal_form(text)
        head, vector = self._heads[form], self.vectors[self._rows[form]]
        for index in self._indexes:
            index.remove(self.locale, text)
        yield
        for index in self._indexes:
            index.add([head], vector[None, :])


def refusal(asked: Answered, head: Head, product_types: ProductTypes, *, types: bool = True) -> str:
    """Return why a gate refuses a head of the query's own locale, empty where none does.

    Args:
        asked: the query.
        head: what is to stand for it.
        product_types: of the network.
        types: the gate of product types counts.
    """
    query = asked.asked
    found = words_refusal(
        query.text, query.locale, head.query, head.locale, spans=query.spans, attributes=head.attributes
    )
    if found or not types or not head.product_type:
        return found
    own = product_types.index[head.product_type]
    root = product_types.at_level(own, 1)
    overlap, _ = letter_signs(query.text, query.locale, head.query, head.locale)
    return product_type_refusal(float(asked.probabilities[root]), float(asked.probabilities[own]), overlap)


def _first(reformulator: Reformulator, asked: Answered) -> Offer | None:
    found = reformulator.reformulate(asked.asked, asked.embedding, asked.probabilities, _OPTIONS)
    return _offer(found[0]) if found else None


def _offer(found: Reformulation) -> Offer:
    return Offer(found.query, found.score)


def _without(thresholds: Thresholds, locale: str) -> Thresholds:
    """Return thresholds that let every score of a locale pass."""
    entry = replace(thresholds.by_locale[locale], reformulation=0.0)
    return replace(thresholds, by_locale={**thresholds.by_locale, locale: entry})
