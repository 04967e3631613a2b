"""From a query to the head queries that may stand for it.

Neighbours by vector and by letters, then the locale's threshold, then the gates. Knows nothing of the network.
L product types, E embedding.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shelfsense.errors import BundleRefused
from shelfsense.locales import language_of
from shelfsense.product_types import ProductTypes
from shelfsense.query import Options
from shelfsense.reformulation.agreement import (
    BY_LETTERS,
    LEAST_LETTERS,
    SCORED,
    LeastCosines,
    agreement,
    least_cosine,
    letter_signs,
    type_odds,
)
from shelfsense.reformulation.attribute_spans import LazySpans
from shelfsense.reformulation.compared_form import compared_form
from shelfsense.reformulation.gates import product_type_refusal
from shelfsense.reformulation.head_files import HEADS
from shelfsense.reformulation.head_index import HeadIndex, HeadMatch
from shelfsense.reformulation.near_letters import NearLetters, same_words
from shelfsense.reformulation.word_gates import words_refusal
from shelfsense.reformulation.written_alike import WrittenAlike
from shelfsense.text import normal_form
from shelfsense.thresholds import Thresholds
from shelfsense.understanding import Reformulation

_FEWEST_NEIGHBOURS = 32
_NEIGHBOURS_PER_ANSWER = 4  # gates refuse some


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be reformulated.

    Attributes:
        text: the normal form of what the shopper typed.
        model_text: as the network read it.
        locale: a tag of the bundle, or ``und``.
        known: whether the network knows any token of it; where not, its vector means nothing.
        spans: finds the attributes that it names; None where the network cannot tell.
    """

    text: str
    model_text: str
    locale: str
    known: bool = True
    spans: LazySpans | None = None


class Reformulator:
    """Finds heads that say what a query says.

    Args:
        heads: the head index.
        thresholds: of the same bundle.
        product_types: of the same bundle.

    Raises:
        BundleRefused: when a head's locale has no threshold, or its product type is not in the tree.
    """

    def __init__(self, heads: HeadIndex, thresholds: Thresholds, product_types: ProductTypes) -> None:
        self._heads = heads
        self._alike = WrittenAlike(heads)
        self._letters = NearLetters(heads)
        # In the precision of the wire, so that a client comparing score and threshold agrees.
        self._threshold = {tag: float(np.float32(t.reformulation)) for tag, t in thresholds.by_locale.items()}
        self._weights = thresholds.agreement
        # What has the very same words may score whatever its cosine; it is found by its letters, and asked apart.
        other = None if self._weights is None else replace(self._weights, whole=0.0)
        self._least_cosine = {tag: least_cosine(other, least) for tag, least in self._threshold.items()}
        reach = {least: LeastCosines(other, least) for least in set(self._threshold.values())}
        self._least_by_odds = {tag: reach[least] for tag, least in self._threshold.items()}
        self._places: dict[str, tuple[int, int]] = {}  # type id to the indices of its level-1 ancestor and itself
        for tag in heads.locales:
            if tag not in self._threshold:
                raise BundleRefused(HEADS, f"has heads of {tag}, which is no locale of the bundle", "drop those heads")
        for name in filter(None, heads.product_types):
            if name not in product_types.index:
                fact = f"names the product type {name}, which product_types.json lacks"
                raise BundleRefused(HEADS, fact, "write the head index again for this tree")
            own = product_types.index[name]
            self._places[name] = product_types.at_level(own, 1), own

    def reformulate(
        self, asked: Asked, embedding: NDArray[np.float32], probabilities: NDArray[np.float32], options: Options
    ) -> list[Reformulation]:
        """Return the reformulations of one query, by score, then by volume.

        A head with the same words in the query's own language, however they are written, is accepted with
        score 1. Refused heads
        come only where `options.include_refused` asks for them, and never take an accepted one's place.
        With `options.cross_locale`, locales of the same language, then all others, are searched while
        nothing is accepted, each under its own threshold. What `options.precise` asks for is
        `PreciseReformulator`'s.

        Args:
            asked: the query.
            embedding: (E,) unit length.
            probabilities: (L,) parents at least as likely as their children.
            options: how much to answer.
        """
        if options.max_reformulations == 0:
            return []
        found: list[Reformulation] = []
        for tier in self.tiers(asked.locale, cross_locale=options.cross_locale):
            for locale in tier:
                found += self.judged(asked, locale, embedding, probabilities, options)
            if any(each.accepted for each in found):
                break
        return best(found, options)

    def tiers(self, locale: str, *, cross_locale: bool) -> Iterator[list[str]]:
        """Return the locales to search, the next ones only where nothing of those before was accepted."""
        yield [locale]
        if cross_locale:
            others = [tag for tag in self._heads.locales if tag != locale]
            yield [tag for tag in others if _same_language(tag, locale)]
            yield [tag for tag in others if not _same_language(tag, locale)]

    def judged(
        self,
        asked: Asked,
        locale: str,
        embedding: NDArray[np.float32],
        probabilities: NDArray[np.float32],
        options: Options,
    ) -> list[Reformulation]:
        """Return the heads of one locale, accepted or refused; arguments as of `reformulate`."""
        exact = self.exact(asked, locale)
        # What the threshold will refuse is worth its string only where it is to be shown.
        threshold, shown = self._threshold[locale], options.include_refused
        least = 0.0 if shown else self._least_cosine[locale]
        near = self.candidates(asked, locale, embedding, options, least=least, beside=exact)
        found = [of_match(match, match.score) for match in exact]
        for match in near:
            odds = type_odds(float(probabilities[self._places[match.product_type][1]])) if match.product_type else 0.0
            if not shown and match.score < self._least_by_odds[locale].of(odds) and not _same_words(asked, match):
                continue
            score = self._score(asked, match, odds)
            if shown or score >= threshold:
                refusal = below(score, threshold, locale) or self.gated(asked, match, probabilities)
                found.append(of_match(match, score, refusal))
        return found

    def exact(self, asked: Asked, locale: str) -> list[HeadMatch]:
        """Return the heads of a locale that have the words of the query, however they are written."""
        # Across languages equal words are no proof: an English gift is a German poison.
        if not _same_language(locale, asked.locale):
            return []
        # The network's form lowers a Turkish I as Turkish does; the normal form, as a brand name wants it.
        forms = normal_form(asked.text), asked.model_text
        return self._heads.exact(locale, forms) + self._alike.find(asked.text, locale, beside=forms)

    def nearest(
        self,
        asked: Asked,
        locale: str,
        embedding: NDArray[np.float32],
        options: Options,
        *,
        least: float,
        beside: Collection[HeadMatch],
    ) -> list[HeadMatch]:
        """Return the heads of a locale whose vectors are nearest, nearest first, their score the cosine.

        Args:
            asked: the query.
            locale: a tag of the bundle.
            embedding: (E,) unit length.
            options: how much to answer.
            least: cosine that a head needs; above 1 there is none.
            beside: heads that were found already.
        """
        if not asked.known or least > 1:
            return []
        k = max(_FEWEST_NEIGHBOURS, _NEIGHBOURS_PER_ANSWER * options.max_reformulations)
        return self._heads.search(locale, embedding, k, least=least, beside=beside)

    def candidates(
        self,
        asked: Asked,
        locale: str,
        embedding: NDArray[np.float32],
        options: Options,
        *,
        least: float,
        beside: Collection[HeadMatch],
    ) -> list[HeadMatch]:
        """Return the heads that are scored: the nearest by vector and, of the query's language, by letters.

        Arguments as of `nearest`. Where the bundle's score is the cosine, letters say nothing.
        """
        near = self.nearest(asked, locale, embedding, options, least=least, beside=beside)
        if self._weights is None:
            return near
        # Fewer than were asked for: what is not among them has too low a cosine for any other words than the same.
        complete = len(near) < SCORED and least > 0
        near = near[:SCORED]
        if not asked.known or not _same_language(locale, asked.locale):
            return near
        rows = {match.row for match in (*near, *beside)}
        if complete:
            alike = self._letters.of_same_words(asked.text, locale)
        else:
            alike = self._letters.find(asked.text, locale, BY_LETTERS, LEAST_LETTERS)
        return near + [
            match
            for match in self._heads.scored(locale, alike, embedding)
            if match.row not in rows and (match.score >= least or _same_words(asked, match))
        ]

    def gated(self, asked: Asked, match: HeadMatch, probabilities: NDArray[np.float32]) -> str:
        """Return why a head that is near may not stand for the query all the same; empty where it may."""
        refusal = words_refusal(
            asked.text, asked.locale, match.query, match.locale, spans=asked.spans, attributes=match.attributes
        )
        if not refusal and match.product_type:
            root, own = self._places[match.product_type]
            overlap, _ = letter_signs(asked.text, asked.locale, match.query, match.locale)
            refusal = product_type_refusal(float(probabilities[root]), float(probabilities[own]), overlap)
        return refusal

    def _score(self, asked: Asked, match: HeadMatch, odds: float) -> float:
        if self._weights is None:
            return match.score
        overlap, surplus = letter_signs(asked.text, asked.locale, match.query, match.locale)
        return float(np.float32(agreement(self._weights, match.score, overlap, surplus, odds)))


def below(score: float, threshold: float, locale: str) -> str:
    """Return why a score is not accepted in a locale; empty where it is."""
    if threshold > 1:
        return f"no threshold held the target precision in {locale}"
    return f"below the threshold {threshold:.3g}" if score < threshold else ""


def of_match(match: HeadMatch, score: float, refusal: str = "") -> Reformulation:
    """Return a head as the reformulation that it is, accepted unless there is a refusal."""
    return Reformulation(
        query=match.query,
        locale=match.locale,
        score=score,
        accepted=not refusal,
        volume=match.volume,
        volume_is_estimate=match.volume_is_estimate,
        refusal=refusal,
    )


def best(found: Sequence[Reformulation], options: Options) -> list[Reformulation]:
    """Return as many as are asked for, by score, then by volume; a refused one never takes an accepted one's place."""
    most = options.max_reformulations
    kept = sorted((each for each in found if each.accepted), key=_best_first)[:most]
    if options.include_refused:
        refused = sorted((each for each in found if not each.accepted), key=_best_first)
        kept = sorted([*kept, *refused[: most - len(kept)]], key=_best_first)
    return kept


def _same_words(asked: Asked, match: HeadMatch) -> bool:
    return same_words(compared_form(asked.text, asked.locale), compared_form(match.query, match.locale))


def _same_language(tag: str, other: str) -> bool:
    return language_of(tag) == language_of(other)


def _best_first(answer: Reformulation) -> tuple[float, float, str]:
    return -answer.score, -answer.volume, answer.query
