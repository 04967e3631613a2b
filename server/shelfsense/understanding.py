"""One answer of Shelfsense, in plain Python: product types and reformulations.

The parts of an answer are named tuples, which are made in a third of the time of a frozen dataclass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class ProductType(NamedTuple):
    """A product type the query may mean.

    Attributes:
        id: the node's id in the bundle's tree.
        path: English names from the root to the node.
        level: depth in the tree, 1 = root.
        probability: calibrated, 0 to 1; at least that of any of its children.
        threshold: the least probability accepted at this level in this locale.
        accepted: whether the probability reaches the threshold, or the shop's own rules accept it.
    """

    id: str
    path: tuple[str, ...]
    level: int
    probability: float
    threshold: float
    accepted: bool


class Reformulation(NamedTuple):
    """A head query that may say the same.

    Attributes:
        query: the head query as its shop writes it.
        locale: the bundle locale whose head it is.
        score: 0 to 1, higher is closer; comparable within a locale.
        accepted: whether it passed every gate and the locale's threshold.
        volume: searches, in the unit of the head list.
        volume_is_estimate: the volume is an editorial rank, not a count.
        refusal: why it was not accepted; empty when accepted.
    """

    query: str
    locale: str
    score: float
    accepted: bool
    volume: float
    volume_is_estimate: bool
    refusal: str


@dataclass(frozen=True, slots=True)
class Understanding:
    """The answer for one query.

    Attributes:
        product_types: the top k of each level, deepest level first, then by probability.
        reformulations: best first.
        locale_used: the bundle locale that answered, or ``und``.
        truncated: the text was cut before it was read.
        bundle_version: the bundle that answered.
        overrides: names of the shop's own rules that changed the answer.
    """

    product_types: tuple[ProductType, ...]
    reformulations: tuple[Reformulation, ...]
    locale_used: str
    truncated: bool
    bundle_version: str
    overrides: tuple[str, ...] = ()
