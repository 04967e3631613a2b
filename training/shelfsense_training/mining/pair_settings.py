"""The settings of pair mining: one row that the SQL reads, each figure with its reason."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import pyarrow as pa

from shelfsense.errors import InputRefused


@dataclass(frozen=True, slots=True)
class PairSettings:
    """What counts as acquired, and which pairs are kept.

    Attributes:
        purchase_weight, cart_weight, click_weight: of one session that went so far with an item; an item is a full
            member of its query's set from one purchase's weight on.
        only_found: whether items count only where the session clicked them or an event names their place; anything
            else (a complement bought beside) does not answer the query. Off for logs of orders alone.
        min_common: items in common; one is chance.
        min_share: items that are a smaller part of all that a query's shoppers took are accidents: a much searched
            query would else collect everything, and resemble everything.
        min_similarity: pairs below are dropped; low, because importance weighs what stays.
        hub_share: an item acquired after a larger share of a locale's queries tells none of them apart, and its
            pairs of queries grow with the square of it.
        hub_least: queries up to which no item is a hub, however few the queries are.
        deviations: of Wilson's bound; 1.96 bounds from below in 39 cases of 40.
        full_exposure: sessions of the less searched query from which exposure no longer takes importance away; e is
            the natural logarithm.
    """

    purchase_weight: float = 1.0
    cart_weight: float = 0.5
    click_weight: float = 0.0
    only_found: bool = True
    min_common: int = 2
    min_share: float = 0.02
    min_similarity: float = 0.2
    hub_share: float = 0.02
    hub_least: int = 50
    deviations: float = 1.96
    full_exposure: float = math.e

    def __post_init__(self) -> None:
        """Refuse what has no meaning.

        Raises:
            InputRefused: naming the setting and its range.
        """
        for name in ("min_share", "min_similarity", "hub_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputRefused(f"{name} is {getattr(self, name)}; choose a share from 0 to 1")
        for name in ("cart_weight", "click_weight"):
            if not 0 <= getattr(self, name) <= self.purchase_weight:
                raise InputRefused(f"{name} is {getattr(self, name)}; choose 0 to the weight of a purchase")
        for name, least in (("purchase_weight", 0), ("deviations", 0), ("full_exposure", 1)):
            if not least < getattr(self, name) < math.inf:
                raise InputRefused(f"{name} is {getattr(self, name)}; choose a number above {least}")
        for name in ("min_common", "hub_least"):
            if getattr(self, name) < 1:
                raise InputRefused(f"{name} is {getattr(self, name)}; choose 1 or more")

    def table(self) -> pa.Table:
        """Return the row the SQL reads."""
        return pa.Table.from_pylist([asdict(self) | {"only_found": int(self.only_found)}])
