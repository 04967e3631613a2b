"""Which rows a batch is made of: fixed shares of the sources, each gone through in passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.training_rows import TrainingRow

GROUP_OF_SOURCE = {
    "name": "names",
    "composed": "names",
    "google": "names",
    "lexicon": "own",
    "head": "own",
    "tail": "own",
    "asked": "asked",
    "judged": "judged",
    "nothing": "nothing",
}

GROUPS = ("judged", "asked", "own", "nothing", "names")


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """Shares of a batch, and how far common types are held back.

    The rest of a batch are names, or, where there are none, more of the largest share.

    Attributes:
        judged_share: of real judged queries, which teach how shoppers ask.
        asked_share: of queries of our own, written as shoppers ask.
        own_share: of the heads, their rarer phrasings and the lexicons of unnamed locales.
        nothing_share: of texts that mean no product.
        type_power: names are drawn with probability ~ (names of their type)^(power - 1); 1 takes the
            data as it is, 0 every type alike. Below 1, unknown words fall less to the largest class.
        shopper_locale_weight: names of locales that have judged queries are drawn so many times as often.
    """

    judged_share: float = 0.1
    asked_share: float = 0.2
    own_share: float = 0.1
    nothing_share: float = 0.02
    type_power: float = 0.5
    shopper_locale_weight: float = 1.0


class RowSampler:
    """Draws row numbers for batches.

    Every group is gone through in passes, each in a new random order: within a pass a row comes as
    often as its weight says, give or take one, where independent draws would leave a third unseen.

    Args:
        rows: all training rows.
        settings: the shares.
        seed: of the orders.
    """

    def __init__(self, rows: Sequence[TrainingRow], settings: SamplingSettings, *, seed: int = 0) -> None:
        self._seed = seed
        shoppers = {row.locale for row in rows if row.source == "judged"}
        self._passes: dict[str, Passes] = {}
        for number, group in enumerate(GROUPS):
            members = np.array([i for i, row in enumerate(rows) if GROUP_OF_SOURCE[row.source] == group], dtype=int)
            weights = np.array([rows[i].weight for i in members])
            if group == "names":
                counts = Counter(rows[i].types[0] for i in members)
                weights *= np.array([counts[rows[i].types[0]] ** (settings.type_power - 1.0) for i in members])
                more = settings.shopper_locale_weight
                weights *= np.array([more if rows[i].locale in shoppers else 1.0 for i in members])
            if len(members):
                self._passes[group] = Passes(members, weights, (seed, number))
        shares = {
            "judged": settings.judged_share,
            "asked": settings.asked_share,
            "own": settings.own_share,
            "nothing": settings.nothing_share,
        }
        self._shares = {group: share for group, share in shares.items() if group in self._passes}

    def draw(self, step: int, size: int) -> NDArray[np.int64]:
        """Return the row numbers of one step's batch, about in the shares asked for."""
        counts = {group: round(size * share) for group, share in self._shares.items()}
        rest = "names" if "names" in self._passes else max(counts, key=counts.__getitem__)
        counts[rest] = counts.get(rest, 0) + size - sum(counts.values())
        return np.concatenate([self._passes[group].take(step * count, count) for group, count in counts.items()])


class Passes:
    """Endless passes over weighted members.

    Args:
        members: what is drawn.
        weights: how often each, relative to the others.
        seed: of the orders.
    """

    def __init__(self, members: NDArray[np.int64], weights: NDArray[np.float64], seed: tuple[int, int]) -> None:
        self._members = members
        self._weights = weights
        self._seed = seed
        self._current = -1
        self._drawn = members

    def take(self, first: int, count: int) -> NDArray[np.int64]:
        """Return draws ``first`` to ``first + count - 1``."""
        parts = []
        while count:
            number, at = divmod(first, len(self._members))
            some = self._pass(number)[at : at + count]
            parts.append(some)
            first, count = first + len(some), count - len(some)
        return np.concatenate(parts) if parts else self._members[:0]

    def _pass(self, number: int) -> NDArray[np.int64]:
        """Return the members of one pass: systematic draws along a random order."""
        if number != self._current:
            random = np.random.default_rng((*self._seed, number))
            order = random.permutation(len(self._members))
            cumulative = np.cumsum(self._weights[order])
            points = (np.arange(len(order)) + random.random()) / len(order) * cumulative[-1]
            at = np.minimum(np.searchsorted(cumulative, points, side="right"), len(order) - 1)
            # Copies of a heavy row lie side by side; a batch should not be full of one row.
            self._drawn = self._members[order[at][random.permutation(len(at))]]
            self._current = number
        return self._drawn
