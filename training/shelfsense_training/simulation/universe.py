"""The queries that shoppers of one store know: texts, what they mean, how popular they are.

Q queries, K types per query at most.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.composition.composer import Composer
from shelfsense_training.simulation.behaviour import Behaviour
from shelfsense_training.simulation.meanings import Meanings, Word
from shelfsense_training.simulation.stores import Store

LEAST_SHARE = 0.15
"""A meaning that fewer shoppers have in mind is left out."""

MOST_MEANINGS = 3
_POPULARITY_SPREAD = 1.2  # standard deviation of log popularity, of types everywhere
_STORE_SPREAD = 0.6  # and of a store's own taste
_WORD_ZIPF = 0.8


@dataclass(frozen=True, slots=True)
class Universe:
    """The queries of one store, the most popular first.

    Attributes:
        texts: Q queries in model form, none twice.
        types: (Q, K) type numbers, -1 where a query has fewer meanings.
        shares: (Q, K) share of its shoppers who mean that type; rows sum to 1.
        popularity: (Q,) probability of a search; sums to 1.
        conflict: (Q,) whether the query is a conflict string or built on one.
        attributes: Q attribute words that were added to the word for the type, empty where none was.
    """

    texts: tuple[str, ...]
    types: NDArray[np.int32]
    shares: NDArray[np.float32]
    popularity: NDArray[np.float64]
    conflict: NDArray[np.bool_]
    attributes: tuple[str, ...]


class _Drawn(NamedTuple):
    """A text of the store: the word it is built on, the attribute word added, how often it was drawn."""

    word: Word
    attribute: str
    times: int


class UniverseMaker:
    """Makes every store's queries from the same meanings.

    Args:
        meanings: the words.
        types: ids of the types that are sold, in the order of their numbers.
        behaviour: shares of slips, attributes, conflicts.
        composer: adds attribute words and slips.
        seed: of every draw.
    """

    def __init__(
        self, meanings: Meanings, types: tuple[str, ...], behaviour: Behaviour, composer: Composer, *, seed: int
    ) -> None:
        self._meanings = meanings
        self._number = {identifier: i for i, identifier in enumerate(types)}
        self._behaviour = behaviour
        self._composer = composer
        self._seed = seed
        random = np.random.default_rng((seed, 1))
        self._popularity = np.exp(_POPULARITY_SPREAD * random.standard_normal(len(types)))  # (types,)

    def make(self, store: Store, position: int) -> Universe:
        """Return the queries of the store that stands at a position of the list of stores."""
        random = np.random.default_rng((self._seed, 2, position))
        taste = self._popularity * np.exp(_STORE_SPREAD * random.standard_normal(len(self._popularity)))
        taste *= random.random(len(taste)) < self._behaviour.carried
        conflicts = self._conflicts(store)
        for identifier in conflicts.values():  # what a store's conflict strings mean it sells
            number = self._number[identifier]
            taste[number] = max(taste[number], self._popularity[number])
        counted = self._draw(store, taste, set(conflicts), random)
        order = sorted(counted, key=lambda text: counted[text].times * random.random(), reverse=True)[: store.queries]
        plain = _zipf(len(order), self._behaviour) * (1 - self._behaviour.conflict_traffic)
        meant = {text: counted[text].word for text in order}
        varied, added = self._conflict_queries(store, conflicts)
        odd = _zipf(len(varied), self._behaviour) * self._behaviour.conflict_traffic
        texts = [*order, *varied]
        popularity = np.concatenate([plain, odd])
        rank = np.argsort(-popularity, kind="stable")
        types = np.full((len(texts), MOST_MEANINGS), -1, dtype=np.int32)
        shares = np.zeros((len(texts), MOST_MEANINGS), dtype=np.float32)
        for row, i in enumerate(rank.tolist()):
            text = texts[i]
            numbers, weights = (
                self._meant(meant[text], taste)
                if i < len(order)
                else (np.array([self._number[varied[text]]]), np.ones(1))
            )
            types[row, : len(numbers)] = numbers
            shares[row, : len(numbers)] = weights
        total = popularity.sum()
        attributes = [*(counted[text].attribute for text in order), *(added[text] for text in varied)]
        return Universe(
            tuple(texts[i] for i in rank),
            types,
            shares,
            popularity[rank] / total,
            (rank >= len(order)),
            tuple(attributes[i] for i in rank),
        )

    def _conflicts(self, store: Store) -> dict[str, str]:
        return {
            text: identifier
            for (text, locale), identifier in self._meanings.conflicts.items()
            if locale == store.locale and identifier in self._number
        }

    def _conflict_queries(self, store: Store, conflicts: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return conflict strings, plain and with further words, to the type they mean here and to the further word."""
        found: dict[str, str] = {}
        added: dict[str, str] = {}
        variants = round(6 + 8 * (store.traffic / 100) ** 0.3)
        for text, identifier in sorted(conflicts.items()):
            found[text] = identifier
            added[text] = ""
            for _ in range(variants):
                varied = self._composer.with_attribute(text, store.lexicon)
                found.setdefault(varied, identifier)
                added.setdefault(varied, _added(text, varied))
        keys = list(found)
        np.random.default_rng((self._seed, 3, len(keys))).shuffle(keys)
        return {key: found[key] for key in keys}, added

    def _draw(
        self, store: Store, taste: NDArray[np.float64], taken: set[str], random: np.random.Generator
    ) -> dict[str, _Drawn]:
        """Return texts with what they are built on, as first drawn, and how often they were drawn."""
        by_type: dict[int, list[Word]] = defaultdict(list)
        for word in self._meanings.words.get(store.lexicon, ()):
            if word.text not in taken:
                for identifier in word.types:
                    if identifier in self._number:
                        by_type[self._number[identifier]].append(word)
        sold = np.array([number for number in sorted(by_type) if taste[number] > 0])
        # Stores of one language agree on which words are the common ones.
        orders = {n: np.random.default_rng((self._seed, 4, n)).permutation(len(by_type[n])) for n in sold.tolist()}
        draws = random.choice(sold, size=3 * store.queries, p=taste[sold] / taste[sold].sum())
        found: dict[str, _Drawn] = {}
        for number, spin in zip(draws.tolist(), random.random(len(draws)).tolist(), strict=True):
            words = by_type[number]
            # The inverse of a Zipf-like distribution with exponent below 1: rank ~ spin^(1 / (1 - exponent)).
            rank = min(len(words) - 1, int(len(words) * spin ** (1 / (1 - _WORD_ZIPF))))
            word = words[orders[number][rank]]
            text, attribute = self._varied(word.text, store, random)
            known = found.get(text, _Drawn(word, attribute, 0))
            found[text] = known._replace(times=known.times + 1)
        return found

    def _varied(self, text: str, store: Store, random: np.random.Generator) -> tuple[str, str]:
        """Return the text as a shopper types it, and the attribute word that was added."""
        spin = random.random()
        longer = text
        if spin < self._behaviour.attributes:
            longer = self._composer.with_attribute(text, store.lexicon)
        return self._composer.with_slip(longer, store.lexicon, share=self._behaviour.slips), _added(text, longer)

    def _meant(self, word: Word, taste: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the types of a word that this store sells, the likeliest first, and their shares."""
        numbers = np.array([self._number[t] for t in word.types if t in self._number])
        weights = np.sqrt(taste[numbers])
        order = np.argsort(-weights, kind="stable")[:MOST_MEANINGS]
        numbers, weights = numbers[order], weights[order] / weights[order].sum()
        kept = weights >= LEAST_SHARE
        return numbers[kept], weights[kept] / weights[kept].sum()


def _added(text: str, longer: str) -> str:
    """Return what a text was lengthened by, at either end."""
    rest = longer.removesuffix(text) if longer.endswith(text) else longer.removeprefix(text)
    return rest.strip()


def _zipf(count: int, behaviour: Behaviour) -> NDArray[np.float64]:
    weights = (np.arange(count) + 1 + behaviour.zipf_offset) ** -behaviour.zipf
    scaled: NDArray[np.float64] = weights / weights.sum()
    return scaled
