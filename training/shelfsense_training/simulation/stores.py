"""The stores of a simulated shop: locales of very unequal size.

The shares follow no shop's figures; they are a staircase from 100 to 1, with several stores of one
language, so that the smallest can borrow from a large one of their own language or have none.
"""

from __future__ import annotations

from dataclasses import dataclass

_LARGEST_UNIVERSE = 60_000
_UNIVERSE_POWER = 0.6
"""Distinct queries grow more slowly than traffic (Heaps' law of vocabularies, about this power)."""


@dataclass(frozen=True, slots=True)
class Store:
    """One store.

    Attributes:
        locale: its BCP 47 tag.
        lexicon: the locale whose lexicon it speaks.
        traffic: searches, as a share of the largest store's, in percent.
    """

    locale: str
    lexicon: str
    traffic: float

    @property
    def queries(self) -> int:
        """Distinct queries its shoppers know."""
        return int(_LARGEST_UNIVERSE * float(self.traffic / 100) ** _UNIVERSE_POWER)


STORES = (
    Store("en-US", "en", 100),
    Store("de-DE", "de", 45),
    Store("ja-JP", "ja", 40),
    Store("en-GB", "en", 38),
    Store("fr-FR", "fr", 28),
    Store("it-IT", "it", 22),
    Store("es-ES", "es", 18),
    Store("en-IN", "en", 14),
    Store("en-CA", "en", 11),
    Store("es-MX", "es", 9),
    Store("pt-BR", "pt-BR", 7),
    Store("en-AU", "en", 5.5),
    Store("ar-AE", "ar-SA", 4.5),
    Store("nl-NL", "nl", 3.5),
    Store("tr-TR", "tr", 2.8),
    Store("pl-PL", "pl", 2.2),
    Store("sv-SE", "sv", 1.7),
    Store("en-SG", "en", 1.4),
    Store("de-AT", "de", 1.2),
    Store("fr-BE", "fr", 1),
)
"""The largest first."""


def stores_with_most(count: int) -> tuple[Store, ...]:
    """Return so many stores, the largest and the smallest kept and the rest spread evenly between."""
    if count >= len(STORES):
        return STORES
    step = (len(STORES) - 1) / max(1, count - 1)
    return tuple(STORES[round(i * step)] for i in range(count))
