"""How simulated shoppers and the simulated search engine behave: every constant of the noise, in one place.

Frozen before any model was trained on what comes out; a change here changes every simulated figure.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The engine's mistakes and the shoppers' habits. Shares and probabilities are 0 to 1.

    Attributes:
        zipf: exponent of query popularity, rank r drawn as 1 / (r + zipf_offset)^zipf.
        zipf_offset: flattens the first ranks.
        page: products of a page.
        pages: pages the engine has of a query.
        turned: sessions that look at a later page.
        meant: products of a page that are of a type the query means.
        sibling: of another type below the same parent.
        complement: of what is used with it (a case with a phone).
        overexposed: queries of which a wrong type holds the top of the page.
        overexposed_slots: how many products of it stand there.
        shuffle: standard deviation of a product's place from one session to the next, in places.
        examination: exponent; place k is looked at with probability k^-examination.
        click_meant: click on a product that is looked at, of the type this shopper means.
        click_sibling: of a sibling type.
        click_complement: of its complement.
        click_other: of any other.
        cart_meant: into the cart after a click on the type meant.
        cart_other: after a click on another.
        purchase: bought, of what is in the cart.
        bought_too: a complement bought in a session that bought, without having been shown.
        slips: queries typed with a slip.
        attributes: queries with a further word ("red", "for men").
        carried: types that a store sells at all.
        conflict_traffic: searches for strings that mean something else in another store.
    """

    zipf: float = 0.95
    zipf_offset: float = 5.0
    page: int = 8
    pages: int = 2
    turned: float = 0.15
    meant: float = 0.60
    sibling: float = 0.15
    complement: float = 0.10
    overexposed: float = 0.12
    overexposed_slots: int = 3
    shuffle: float = 1.0
    examination: float = 0.7
    click_meant: float = 0.32
    click_sibling: float = 0.05
    click_complement: float = 0.08
    click_other: float = 0.015
    cart_meant: float = 0.30
    cart_other: float = 0.08
    purchase: float = 0.5
    bought_too: float = 0.25
    slips: float = 0.06
    attributes: float = 0.5
    carried: float = 0.92
    conflict_traffic: float = 0.04
