"""One question to Shelfsense, in plain Python: the query and what to answer."""

from __future__ import annotations

from dataclasses import dataclass

from shelfsense.errors import InvalidQuery

DEFAULT_TOP_K = 5
MAX_TOP_K = 100
DEFAULT_REFORMULATIONS = 3
MAX_REFORMULATIONS = 50


@dataclass(frozen=True, slots=True)
class Query:
    """What a shopper typed, and in which store.

    Attributes:
        text: up to 1 KiB of UTF-8 and 64 tokens.
        locale: the store's BCP 47 tag; empty when unknown.
        truncate: cut a longer text and mark the answer, instead of refusing it.
    """

    text: str
    locale: str = ""
    truncate: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """How much to answer.

    Attributes:
        top_k: product types of each level, 1 to 100.
        max_reformulations: head queries, 0 to 50.
        precise: let a re-ranker choose among the nearest head queries, where the bundle has one and a precise
            score for the locale; slower.
        cross_locale: where the locale has no head for the need, look in sister locales.
        include_refused: also return reformulations that a gate or the threshold refused, with the reason.

    Raises:
        InvalidQuery: naming the field, when a number is out of range.
    """

    top_k: int = DEFAULT_TOP_K
    max_reformulations: int = DEFAULT_REFORMULATIONS
    precise: bool = False
    cross_locale: bool = False
    include_refused: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.top_k <= MAX_TOP_K:
            raise InvalidQuery("top_k", f"is {self.top_k}; send 1 to {MAX_TOP_K}, or leave it out for {DEFAULT_TOP_K}")
        if not 0 <= self.max_reformulations <= MAX_REFORMULATIONS:
            raise InvalidQuery(
                "max_reformulations",
                f"is {self.max_reformulations}; send 0 to {MAX_REFORMULATIONS}, "
                f"or leave it out for {DEFAULT_REFORMULATIONS}",
            )

    @property
    def key(self) -> tuple[int, ...]:
        """Every option in order: options with equal keys ask for the same."""
        return self.top_k, self.max_reformulations, self.precise, self.cross_locale, self.include_refused
