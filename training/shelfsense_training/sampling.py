"""Which rows a batch is made of: fixed shares of the sources, rare types before common ones."""

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
    "judged": "judged",
}

GROUPS = ("judged", "own", "names")


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """Shares of a batch, and how far common types are held back.

    Attributes:
        judged_share: of real judged queries in the first part of a run, when names teach the words.
        late_judged_share: of real judged queries in the rest, when they teach how shoppers ask.
        late_from: share of the steps after which the rest begins.
        own_share: of the project's own lexicons.
        type_power: rows are drawn with probability ~ (rows of their type)^(power - 1); 1 takes the
            data as it is, 0 every type alike. Below 1, unknown words fall less to the largest class.
        shopper_locale_weight: names of locales that have judged queries are drawn so many times as often.
    """

    judged_share: float = 0.14
    late_judged_share: float = 0.30
    late_from: float = 0.35
    own_share: float = 0.10
    type_power: float = 0.5
    shopper_locale_weight: float = 1.0


class RowSampler:
    """Draws row numbers for batches.

    Args:
        rows: all training rows.
        settings: the shares.
    """

    def __init__(self, rows: Sequence[TrainingRow], settings: SamplingSettings) -> None:
        self._settings = settings
        shoppers = {row.locale for row in rows if row.source == "judged"}
        self._members: dict[str, NDArray[np.int64]] = {}
        self._cumulative: dict[str, NDArray[np.float64]] = {}
        for group in GROUPS:
            members = np.array([i for i, row in enumerate(rows) if GROUP_OF_SOURCE[row.source] == group])
            keys = [(rows[i].types or ["none"])[0] for i in members]
            counts = Counter(keys)
            power = settings.type_power if group == "names" else 1.0
            weights = np.array([rows[i].weight * counts[k] ** (power - 1) for i, k in zip(members, keys, strict=True)])
            if group == "names":
                more = settings.shopper_locale_weight
                weights *= np.array([more if rows[i].locale in shoppers else 1.0 for i in members])
            self._members[group] = members
            self._cumulative[group] = np.cumsum(weights / weights.sum())

    def draw(self, random: np.random.Generator, size: int, *, through: float = 0.0) -> NDArray[np.int64]:
        """Return row numbers for a batch, about in the shares asked for.

        Args:
            random: source of the draws.
            size: rows of the batch.
            through: how far the run is, 0 to 1.
        """
        settings = self._settings
        judged = settings.judged_share if through < settings.late_from else settings.late_judged_share
        counts = {"judged": round(size * judged), "own": round(size * settings.own_share)}
        counts["names"] = size - sum(counts.values())
        parts = []
        for group, count in counts.items():
            at = np.searchsorted(self._cumulative[group], random.random(count))
            parts.append(self._members[group][np.minimum(at, len(self._members[group]) - 1)])
        return np.concatenate(parts)
