"""What shoppers do in a store: searches, what they see, click, put into the cart and buy.

N sessions, P products of a page. One session is one search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.simulation.behaviour import Behaviour
from shelfsense_training.simulation.catalogue import Catalogue, Relations, ResultLists
from shelfsense_training.simulation.universe import Universe
from shelfsense_training.simulation.variants import Variants

ACTIONS = ("search", "impression", "click", "cart", "purchase")
SEARCH, IMPRESSION, CLICK, CART, PURCHASE = range(5)


@dataclass(frozen=True, slots=True)
class Events:
    """Events of one store, session by session and in the order they happened.

    Attributes:
        session: (E,) number of the session.
        query: (E,) number of the query.
        action: (E,) index into `ACTIONS`.
        product: (E,) number of the product, -1 where there is none.
        position: (E,) place on the page, from 1; 0 where there is none.
    """

    session: NDArray[np.int64]
    query: NDArray[np.int64]
    action: NDArray[np.int8]
    product: NDArray[np.int64]
    position: NDArray[np.int32]


class _Part(NamedTuple):
    """Events of one action: session, product and position of each."""

    session: NDArray[np.int64]
    action: int
    product: NDArray[np.int64]
    position: NDArray[np.int64]


class Shoppers:
    """The shoppers of one store.

    Args:
        universe: what they search for.
        catalogue: what the store sells.
        lists: what its engine shows.
        relations: of the types.
        behaviour: their habits.
        variants: what products of a type differ in, where shoppers mind; none where they take any.
    """

    def __init__(
        self,
        universe: Universe,
        catalogue: Catalogue,
        lists: ResultLists,
        relations: Relations,
        behaviour: Behaviour,
        variants: Variants | None = None,
    ) -> None:
        self._universe = universe
        self._catalogue = catalogue
        self._lists = lists
        self._relations = relations
        self._behaviour = behaviour
        self._variants = variants
        self._shares = universe.shares.cumsum(1)
        self._popularity = universe.popularity.cumsum()

    def visit(self, sessions: int, first: int, random: np.random.Generator) -> Events:
        """Return the events of so many sessions, numbered from the first."""
        habits = self._behaviour
        size = habits.page
        query = np.searchsorted(self._popularity, random.random(sessions) * self._popularity[-1])  # (N,)
        meant = self._meant(query, random)
        page = np.where(random.random(sessions) < habits.turned, random.integers(1, habits.pages, size=sessions), 0)
        place = np.arange(size) + habits.shuffle * random.standard_normal((sessions, size))
        slot = page[:, None] * size + np.argsort(place, axis=1)  # (N, P)
        types = self._lists.types[query[:, None], slot]
        products = self._lists.products[query[:, None], slot]
        position = page[:, None] * size + np.arange(1, size + 1)  # (N, P)
        # On a later page the first product is looked at as the first of a page is.
        looked = random.random((sessions, size)) < np.arange(1, size + 1) ** -habits.examination
        right = types == meant[:, None]
        appeal = self._appeal(types, meant)
        if self._variants is not None:
            other = right & self._variants.unasked(query, products)
            appeal[other] = self._variants.habits.click_other_variant
            right &= ~other
        clicked = looked & (random.random((sessions, size)) < appeal)
        cart = clicked & (random.random((sessions, size)) < np.where(right, habits.cart_meant, habits.cart_other))
        bought = cart & (random.random((sessions, size)) < habits.purchase)
        too = np.flatnonzero(bought.any(1) & (random.random(sessions) < habits.bought_too))
        extra = self._catalogue.pick(self._relations.complement[meant[too]], random)

        searched = np.arange(sessions)
        shown = np.ones((sessions, size), dtype=np.bool_)
        parts = [_Part(searched, SEARCH, np.full(sessions, -1), np.zeros(sessions, dtype=np.int64))]
        for kind, done in ((IMPRESSION, shown), (CLICK, clicked), (CART, cart), (PURCHASE, bought)):
            row, column = np.nonzero(done)
            parts.append(_Part(row, kind, products[row, column], position[row, column]))
        parts.append(_Part(too, PURCHASE, extra, np.zeros(len(too), dtype=np.int64)))
        session = np.concatenate([p.session for p in parts])
        action = np.concatenate([np.full(len(p.session), p.action, dtype=np.int8) for p in parts])
        order = np.lexsort((action, session))
        return Events(
            (session + first)[order],
            query[session][order],
            action[order],
            np.concatenate([p.product for p in parts])[order],
            np.concatenate([p.position for p in parts])[order].astype(np.int32),
        )

    def _meant(self, query: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int32]:
        """Return the type (N,) that each shopper has in mind."""
        cumulative = self._shares[query]
        chosen = (random.random(len(query))[:, None] * cumulative[:, -1:] > cumulative).sum(1)
        meant: NDArray[np.int32] = self._universe.types[query, chosen]
        return meant

    def _appeal(self, types: NDArray[np.int32], meant: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the probability (N, P) of a click on a product that is looked at."""
        habits = self._behaviour
        appeal = np.full(types.shape, habits.click_other)
        near = (types[:, :, None] == self._relations.siblings[meant][:, None, :]).any(-1)
        appeal[near] = habits.click_sibling
        appeal[types == self._relations.complement[meant][:, None]] = habits.click_complement
        appeal[types == meant[:, None]] = habits.click_meant
        return appeal
