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


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """Shares of a batch, and how far common types are held back.

    Attributes:
        judged_share: of real judged queries; few, so each returns often.
        own_share: of the project's own lexicons.
        type_power: rows are drawn with probability ~ (rows of their type)^(power - 1); 1 takes the
            data as it is, 0 every type alike. Below 1, unknown words fall less to the largest class.
    """

    judged_share: float = 0.14
    own_share: float = 0.10
    type_power: float = 0.5


class RowSampler:
    """Draws row numbers for batches.

    Args:
        rows: all training rows.
        settings: the shares.
    """

    def __init__(self, rows: Sequence[TrainingRow], settings: SamplingSettings) -> None:
        self._shares = {
            "judged": settings.judged_share,
            "own": settings.own_share,
            "names": 1 - settings.judged_share - settings.own_share,
        }
        self._members: dict[str, NDArray[np.int64]] = {}
        self._cumulative: dict[str, NDArray[np.float64]] = {}
        for group in self._shares:
            members = np.array([i for i, row in enumerate(rows) if GROUP_OF_SOURCE[row.source] == group])
            keys = [(rows[i].types or ["none"])[0] for i in members]
            counts = Counter(keys)
            power = settings.type_power if group == "names" else 1.0
            weights = np.array([rows[i].weight * counts[k] ** (power - 1) for i, k in zip(members, keys, strict=True)])
            self._members[group] = members
            self._cumulative[group] = np.cumsum(weights / weights.sum())

    def draw(self, random: np.random.Generator, size: int) -> NDArray[np.int64]:
        """Return row numbers for a batch, about in the shares asked for."""
        parts = []
        left = size
        for group, share in self._shares.items():
            count = left if group == "names" else round(size * share)
            left -= count
            at = np.searchsorted(self._cumulative[group], random.random(count))
            parts.append(self._members[group][np.minimum(at, len(self._members[group]) - 1)])
        return np.concatenate(parts)
