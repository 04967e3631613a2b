"""Held-out phrasings and the heads near them: what a reformulation's score and thresholds are fixed on.

The index is made as misleading as a shop's: beside every head stand heads that differ from it in one
attribute. Every phrasing is asked as it stands and written otherwise once, and every held-out written pair's
query as it stands, with its head in the index and with that head taken out. Nothing here was trained on as a
pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from shelfsense.engines.engine import EngineOutput
from shelfsense.query import Query
from shelfsense.reformulation.agreement import (
    BY_LETTERS,
    LEAST_LETTERS,
    SCORED,
    WHOLE,
    agreement,
    letter_signs,
    type_odds,
)
from shelfsense.reformulation.attribute_spans import spans_from_text, spans_to_text
from shelfsense.reformulation.compared_form import compared_form
from shelfsense.reformulation.gates import product_type_refusal
from shelfsense.reformulation.letter_index import LetterIndex
from shelfsense.reformulation.word_gates import words_refusal
from shelfsense.reformulation.writing.gram_overlap import gram_overlap
from shelfsense.reformulation.writing.match_form import match_form
from shelfsense.thresholds import AgreementWeights
from shelfsense.understander import Understander
from shelfsense_training.bundle_building import answer_queries
from shelfsense_training.calibration.scored_pairs import ScoredPairs
from shelfsense_training.composition.contrast import Contrasts
from shelfsense_training.composition.variation import Variation
from shelfsense_training.pairs import is_held_out_pair, is_held_out_writing
from shelfsense_training.progress import progress_bar
from shelfsense_training.sources.lexicon import LexiconEntry, WrittenPair, read_heads, read_tails, read_written_pairs

_CONTRASTS = 4
"""Heads put beside every head."""

_LIKELY = 0.5
"""Probability from which on a written head is held to be of a type."""


@dataclass(frozen=True, slots=True)
class NearHeads:
    """The heads near one phrasing that no gate refuses, nearest first.

    Attributes:
        cosine: of each.
        overlap: of the letters, 0 to 1.
        surplus: of one's letters over the other's, 0 to 1.
        type_odds: that the phrasing means the head's type, as `agreement.type_odds` has it.
        right: whether it is the phrasing's own head.
    """

    cosine: NDArray[np.float64]
    overlap: NDArray[np.float64]
    surplus: NDArray[np.float64]
    type_odds: NDArray[np.float64]
    right: NDArray[np.bool_]


def held_out_phrasings(understander: Understander) -> dict[str, list[NearHeads]]:
    """Return, by locale, what stands near each held-out phrasing, by the engine that will serve it.

    Args:
        understander: of the bundle, whatever heads and thresholds it has.
    """
    heads, tails = read_heads(), [tail for tail in read_tails() if is_held_out_pair(tail)]
    pairs = read_written_pairs()
    locales = sorted({tail.locale for tail in tails} & set(understander.locales.tags))
    found = {}
    with progress_bar() as bar:
        task = bar.add_task("held-out phrasings", total=len(locales), figure="")
        for locale in locales:
            ours = [head for head in heads if head.locale == locale]
            asked = [tail for tail in tails if tail.locale == locale]
            written = [pair for pair in pairs if pair.locale == locale]
            found[locale] = _Locale(understander, ours, written, locale).near(asked)
            bar.advance(task)
    return found


def fit_agreement(phrasings: dict[str, list[NearHeads]]) -> AgreementWeights:
    """Return the logistic model that tells a phrasing's own head from the others near it, over all locales."""
    every = [near for each in phrasings.values() for near in each if len(near.cosine)]
    cosine, overlap, surplus, odds = (np.concatenate([getattr(near, name) for near in every]) for name in _SIGNS)
    right = np.concatenate([near.right for near in every])
    signs = np.stack([cosine, overlap, cosine * overlap, surplus, odds, overlap >= WHOLE], axis=1)  # (pairs, 6)
    # Unpenalised but for a trace: six weights on tens of thousands of pairs.
    fitted = LogisticRegression(C=100.0, max_iter=1000).fit(signs, right)
    found = dict(
        zip(("cosine", "overlap", "both", "surplus", "type_odds", "whole"), map(float, fitted.coef_[0]), strict=True)
    )
    return AgreementWeights(**found, shift=float(fitted.intercept_[0]))


def scored_phrasings(phrasings: dict[str, list[NearHeads]], weights: AgreementWeights | None) -> dict[str, ScoredPairs]:
    """Return, by locale, the best head of every phrasing, with its own head there and with it gone."""
    found = {}
    for locale, each in phrasings.items():
        scores, right = [], []
        for near in each:
            rated = near.cosine if weights is None else _scores(weights, near)
            for kept in (np.ones_like(near.right), ~near.right):
                if kept.any():
                    best = np.flatnonzero(kept)[rated[kept].argmax()]
                    scores.append(rated[best])
                    right.append(near.right[best])
        found[locale] = ScoredPairs(np.array(scores, dtype=np.float32), np.array(right, dtype=np.bool_))
    return found


_SIGNS = ("cosine", "overlap", "surplus", "type_odds")


def _scores(weights: AgreementWeights, near: NearHeads) -> NDArray[np.float64]:
    rows = zip(*(getattr(near, name).tolist() for name in _SIGNS), strict=True)
    return np.array([agreement(weights, *row) for row in rows])


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A head of the index.

    Attributes:
        text: as shoppers type it.
        means: the needs and written heads that it stands for; none where it was put beside one.
        type_id: its product type, empty where none is known.
    """

    text: str
    means: frozenset[str]
    type_id: str


class _Locale:
    """The index of one locale: heads, what differs from them in one attribute, and the written pairs' heads."""

    def __init__(
        self, understander: Understander, heads: Sequence[LexiconEntry], pairs: Sequence[WrittenPair], locale: str
    ) -> None:
        self._understander = understander
        self._locale = locale
        self._pairs = [pair for pair in pairs if is_held_out_writing(pair)]
        self._wrong = {_meaning(pair): frozenset(pair.near) for pair in pairs}
        self._heads = self._candidates(heads, pairs)
        texts = [head.text for head in self._heads]
        output = self._answer(texts)
        self._vectors = output.embeddings
        self._attributes = self._spans(texts, output)
        self._forms = [compared_form(text, locale) for text in texts]
        self._letters = LetterIndex.of(self._forms)

    def _candidates(self, heads: Sequence[LexiconEntry], pairs: Sequence[WrittenPair]) -> list[_Candidate]:
        found: dict[str, _Candidate] = {}  # by the words of its compared form

        def put(text: str, meaning: str, type_id: str) -> None:
            # In synonyms or another order it would be as right as the one that is there.
            form = " ".join(sorted(compared_form(text, self._locale).split()))
            known = found.setdefault(form, _Candidate(text, frozenset(), type_id))
            if meaning:
                found[form] = replace(known, means=known.means | {meaning})

        for head in heads:
            put(head.text, head.concept, head.type_id)
        types = dict(zip(pairs, self._likely_types([pair.head for pair in pairs]), strict=True)) if pairs else {}
        for pair in pairs:
            put(pair.head, _meaning(pair), types[pair])
        contrasts = Contrasts.from_lexicon()
        for head in heads:
            for contrast in contrasts.contrasts(head.text, self._locale, _CONTRASTS):
                # Of what is left where a word was dropped nobody knows the type.
                if not contrast.kind.endswith("dropped"):
                    put(contrast.text, "", head.type_id)
        near = [text for pair in pairs for text in pair.near]
        for text, type_id in zip(near, self._likely_types(near), strict=True):
            put(text, "", type_id)
        return list(found.values())

    def _likely_types(self, texts: Sequence[str]) -> list[str]:
        """Return the deepest type that the network holds likely for each text, empty where none is."""
        if not texts:
            return []
        types = self._understander.network_types
        found = []
        for row in types.coherent(self._answer(texts).probabilities):
            likely = ""
            for members in types.by_level.values():
                best = int(members[row[members].argmax()])
                likely = types.nodes[best].id if row[best] >= _LIKELY else likely
            found.append(likely)
        return found

    def near(self, tails: Sequence[LexiconEntry]) -> list[NearHeads]:
        variation = Variation.from_lexicon()
        asked = [(tail.text, tail.concept) for tail in tails]
        asked += [(v.text, tail.concept) for tail in tails for v in variation.variants(tail.text, self._locale)]
        asked += [(pair.query, _meaning(pair)) for pair in self._pairs]
        output = self._answer([text for text, _ in asked])
        probabilities = self._understander.network_types.coherent(output.probabilities)
        cosines = output.embeddings @ self._vectors.T
        nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :SCORED]
        attributes = self._spans([text for text, _ in asked], output)
        return [
            self._near(
                text,
                meaning,
                attributes[i],
                list(dict.fromkeys([*nearest[i].tolist(), *self._by_letters(text)])),
                cosines[i],
                probabilities[i],
            )
            for i, (text, meaning) in enumerate(asked)
        ]

    def _by_letters(self, text: str) -> list[int]:
        form = compared_form(text, self._locale)
        overlaps = [
            (gram_overlap(form, self._forms[row]), row) for row, _ in self._letters.nearest(form, 3 * BY_LETTERS)
        ]
        best = sorted((each for each in overlaps if each[0] >= LEAST_LETTERS), key=lambda each: -each[0])
        return [row for _, row in best[:BY_LETTERS]]

    def _near(
        self,
        text: str,
        meaning: str,
        attributes: str,
        nearest: Sequence[int],
        cosines: NDArray[np.float32],
        probabilities: NDArray[np.float32],
    ) -> NearHeads:
        types = self._understander.network_types
        rows = []
        for h in nearest:
            head = self._heads[h]
            mine, refused = 0.5, ""
            letters = letter_signs(text, self._locale, head.text, self._locale)
            if head.type_id:
                own = types.index[head.type_id]
                mine = float(probabilities[own])
                refused = product_type_refusal(float(probabilities[types.at_level(own, 1)]), mine, letters[0])
            spans = partial(spans_from_text, attributes) if attributes else None
            refused = refused or words_refusal(
                text, self._locale, head.text, self._locale, spans=spans, attributes=self._attributes[h]
            )
            # Written alike is found without a score.
            if not refused and match_form(text, self._locale) != match_form(head.text, self._locale):
                # Two people may have written one need: a head of the very same words is right, but for one that
                # was put beside this very pair to be wrong.
                same = letters[0] >= WHOLE and head.text not in self._wrong.get(meaning, ())
                right = meaning in head.means or same
                rows.append((float(cosines[h]), *letters, type_odds(mine), right))
        table = np.array(rows, dtype=np.float64).reshape(-1, 5)
        return NearHeads(table[:, 0], table[:, 1], table[:, 2], table[:, 3], table[:, 4] > 0)

    def _answer(self, texts: Sequence[str]) -> EngineOutput:
        return answer_queries(self._understander, [Query(text, self._locale, truncate=True) for text in texts])

    def _spans(self, texts: Sequence[str], output: EngineOutput) -> list[str]:
        if output.attributes is None:
            return [""] * len(texts)
        prepared = [self._understander.prepare(Query(text, self._locale, truncate=True)) for text in texts]
        return [
            spans_to_text(self._understander.attribute_spans(each, found))
            for each, found in zip(prepared, output.attributes, strict=True)
        ]


def _meaning(pair: WrittenPair) -> str:
    return f"written|{pair.head}"
