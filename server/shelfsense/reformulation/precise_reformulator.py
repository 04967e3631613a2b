"""The precise mode: a re-ranker, not the cosine, says which of the nearest heads mean the same.

What the gates refuse stays refused. Between `shortlist` and `choose` stands the re-ranker, of which nothing is
known here but its logits. L product types, E embedding, P candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shelfsense.precise_score import PreciseScore
from shelfsense.query import Options
from shelfsense.reformulation.head import HeadMatch
from shelfsense.reformulation.reformulator import Asked, Reformulator, below, best, of_match
from shelfsense.thresholds import Thresholds
from shelfsense.understanding import Reformulation

MOST_CANDIDATES = 16
"""Heads that are re-ranked for one query, per tier of locales: each costs a run over both texts."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A head that is to be re-ranked.

    Attributes:
        match: the head; its score is the cosine.
        refusal: why a gate refused it; it is scored only to be shown.
    """

    match: HeadMatch
    refusal: str


@dataclass(frozen=True, slots=True)
class Tier:
    """Locales that are searched together.

    Attributes:
        settled: heads of which no re-ranker is asked: of the same words, or of a locale without a precise score.
        candidates: the others.
    """

    settled: tuple[Reformulation, ...]
    candidates: tuple[Candidate, ...]


class PreciseReformulator:
    """Finds heads that say what a query says, in two passes.

    Args:
        first: finds heads, and gates them.
        thresholds: of the same bundle.
    """

    def __init__(self, first: Reformulator, thresholds: Thresholds) -> None:
        self._first = first
        self._scores: Mapping[str, PreciseScore] = {
            tag: entry.precise for tag, entry in thresholds.by_locale.items() if entry.precise
        }

    def applies(self, locale: str, options: Options) -> bool:
        """Return whether precise mode is asked for and has an effect on a query of a locale."""
        if not options.precise or not options.max_reformulations:
            return False
        tiers = self._first.tiers(locale, cross_locale=options.cross_locale)
        return any(tag in self._scores for tier in tiers for tag in tier)

    def shortlist(
        self, asked: Asked, embedding: NDArray[np.float32], probabilities: NDArray[np.float32], options: Options
    ) -> tuple[Tier, ...]:
        """Return what there is to choose from.

        The nearest heads that pass the gates are candidates whatever their cosine, `MOST_CANDIDATES` of each
        tier at most; where `options.include_refused` asks for them, as many refused ones follow as may be
        shown. A locale without a precise score answers as `Reformulator` does.

        Args:
            asked: the query.
            embedding: (E,) unit length.
            probabilities: (L,) parents at least as likely as their children.
            options: how much to answer.
        """
        tiers: list[Tier] = []
        for tags in self._first.tiers(asked.locale, cross_locale=options.cross_locale):
            settled: list[Reformulation] = []
            near: list[HeadMatch] = []
            for tag in tags:
                if tag not in self._scores:
                    settled += self._first.judged(asked, tag, embedding, probabilities, options)
                    continue
                exact = self._first.exact(asked, tag)
                settled += [of_match(match, match.score) for match in exact]
                least = self._scores[tag].least if self._scores[tag].least > 1 and not options.include_refused else 0.0
                near += self._first.nearest(asked, tag, embedding, options, least=least, beside=exact)
            tiers.append(Tier(tuple(settled), self._gated(asked, near, probabilities, options)))
            if any(each.accepted for each in settled):
                break
        return tuple(tiers)

    def choose(self, tiers: Sequence[Tier], logits: Sequence[float], options: Options) -> list[Reformulation]:
        """Return the reformulations of one query, as `Reformulator` orders them, by the re-ranker's score.

        Args:
            tiers: what `shortlist` returned.
            logits: (P,) of all candidates, tier after tier.
            options: how much to answer.
        """
        found: list[Reformulation] = []
        remaining = iter(logits)
        for tier in tiers:
            found += tier.settled
            found += [self._scored(each, logit) for each, logit in zip(tier.candidates, remaining, strict=False)]
            if any(each.accepted for each in found):
                break
        return best(found, options)

    def _gated(
        self, asked: Asked, near: list[HeadMatch], probabilities: NDArray[np.float32], options: Options
    ) -> tuple[Candidate, ...]:
        passed: list[Candidate] = []
        refused: list[Candidate] = []
        for match in sorted(near, key=lambda match: -match.score):  # of several locales
            refusal = self._first.gated(asked, match, probabilities)
            (refused if refusal else passed).append(Candidate(match, refusal))
            if len(passed) == MOST_CANDIDATES:
                break
        return (*passed, *refused[: options.max_reformulations if options.include_refused else 0])

    def _scored(self, candidate: Candidate, logit: float) -> Reformulation:
        match, precise = candidate.match, self._scores[candidate.match.locale]
        score = precise.of(logit, match.score)
        return of_match(match, score, candidate.refusal or below(score, precise.least, match.locale))
