"""What a query needs: the types it means and the variant it asks for. The truth of reformulation.

Two queries of a store mean the same when they have the same need: slips of one query, synonyms for one
type with the same attribute word. A word for two types ("cap": hats or bottle tops) is another need than
a word for one of them. Words that shoppers add without meaning other products ("buy", "cheap") are no
variant. Knows nothing of products (`variants`).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from shelfsense.errors import InputRefused
from shelfsense_training.simulation.universe import Universe
from shelfsense_training.sources.lexicon import FOLDER

_IDLE_KINDS = {"quality", "intent"}


@dataclass(frozen=True, slots=True)
class NeedHabits:
    """How variants of a type's products matter. Shares and probabilities are 0 to 1.

    Attributes:
        fewest: products that a store has of a variant somebody asks for, at least.
        most: and at most.
        popularity: exponent; the r-th product of a type is shown and bought in proportion to r^-popularity.
        matching: of the products of the type that a page shows for an attribute, those that carry it; the
            engine draws the rest from the whole type.
        click_other_variant: click on a product that is looked at, of the type meant in a variant not asked for.
    """

    fewest: int = 4
    most: int = 8
    popularity: float = 1.0
    matching: float = 0.7
    click_other_variant: float = 0.04

    def __post_init__(self) -> None:
        """Refuse what has no meaning.

        Raises:
            InputRefused: naming the habit and its range.
        """
        if not 1 <= self.fewest <= self.most:
            raise InputRefused(f"fewest is {self.fewest} and most {self.most}; choose 1 <= fewest <= most")
        for name in ("matching", "click_other_variant"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputRefused(f"{name} is {getattr(self, name)}; choose a share from 0 to 1")


def asked_variants(universe: Universe, lexicon: str) -> tuple[str, ...]:
    """Return the variant that each query asks for, empty where any will do.

    Args:
        universe: of a store.
        lexicon: the locale whose words it speaks.
    """
    idle = _idle_words(lexicon)
    return tuple("" if word in idle else word for word in universe.attributes)


def needs_of(universe: Universe, variants: Sequence[str], types: Sequence[str]) -> list[str]:
    """Return the need of each query: its types, the likeliest first, joined by ``+``, a slash, and the variant.

    Args:
        universe: of a store.
        variants: of `asked_variants`.
        types: ids of the types, by number.
    """
    return [
        "+".join(types[number] for number in row if number >= 0) + "/" + variant
        for row, variant in zip(universe.types.tolist(), variants, strict=True)
    ]


def _idle_words(lexicon: str) -> set[str]:
    with (FOLDER / "attributes.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["word"] for row in rows if row["locale"] == lexicon and row["kind"] in _IDLE_KINDS}
