"""What words mean in each language and store: the simulator's lexicon.

The project's own queries and head lists, the product names of the taxonomy where the data folder has
it, and the conflict strings, which mean another type in another store.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shelfsense.locales import language_of
from shelfsense.product_types import ProductTypes
from shelfsense.text import model_form
from shelfsense_training.composition.name_parts import name_parts
from shelfsense_training.sources.lexicon import FOLDER, read_asked, read_heads, read_product_names, read_tails
from shelfsense_training.sources.taxonomy import Taxonomy

DEPTH = 3


@dataclass(frozen=True, slots=True)
class Word:
    """A text and the types it may mean, in one language.

    Attributes:
        text: in model form.
        types: ids, the first being the one it was written for.
    """

    text: str
    types: tuple[str, ...]


class Meanings:
    """The words of every lexicon, by type.

    Args:
        product_types: the default tree.
        words: lexicon locale to words, in a fixed order.
        conflicts: (text, store locale) to the type meant there.
    """

    def __init__(
        self,
        product_types: ProductTypes,
        words: Mapping[str, Sequence[Word]],
        conflicts: Mapping[tuple[str, str], str],
    ) -> None:
        self.product_types = product_types
        self.words = words
        self.conflicts = conflicts

    @classmethod
    def load(cls, product_types: ProductTypes, taxonomy: Taxonomy | None) -> Meanings:
        """Read the project's lexicons, and the taxonomy's names where there is a taxonomy."""
        level = {node.id: int(product_types.level[i]) for i, node in enumerate(product_types.nodes)}
        found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))

        def add(locale: str, text: str, types: Iterable[str]) -> None:
            form = model_form(text, language_of(locale))
            for identifier in types:
                if form and level.get(identifier) == DEPTH and identifier not in found[locale][form]:
                    found[locale][form].append(identifier)

        for query in read_asked():
            add(query.locale, query.text, query.type_ids)
        for entry in (*read_heads(), *read_tails(), *read_product_names()):
            add(entry.locale, entry.text, (entry.type_id,))
        for name in taxonomy.names() if taxonomy else ():
            for part in name_parts(name.names[-1], language_of(name.locale)):
                add(name.locale, part, (name.type_id,))
        words = {
            locale: [Word(text, tuple(types)) for text, types in texts.items() if types]
            for locale, texts in found.items()
        }
        return cls(product_types, words, read_conflicts(FOLDER / "conflicts.tsv"))

    def best_covered_types(self, lexicons: Iterable[str], count: int) -> tuple[str, ...]:
        """Return the so many types that the most lexicons, and then the most words, speak of, in the tree's order."""
        spoken: Counter[str] = Counter()
        words: Counter[str] = Counter()
        for lexicon in lexicons:
            here = Counter(identifier for word in self.words.get(lexicon, ()) for identifier in word.types)
            spoken.update(here.keys())
            words.update(here)
        wanted = set(self.conflicts.values())
        ranked = sorted(spoken, key=lambda t: (t in wanted, spoken[t], words[t], t), reverse=True)
        return tuple(sorted(ranked[:count], key=self.product_types.index.__getitem__))


def read_conflicts(path: Path) -> dict[tuple[str, str], str]:
    """Return (text, store locale) to product type of the conflict strings."""
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (model_form(row["text"], language_of(row["locale"])), row["locale"]): row["product_type_id"]
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        }


class ConflictStrings:
    """The conflict strings, to find in queries that are built on them.

    Args:
        strings: in model form.
    """

    def __init__(self, strings: Iterable[str]) -> None:
        self._longest_first = sorted(strings, key=len, reverse=True)

    @classmethod
    def load(cls) -> ConflictStrings:
        """Read the project's own."""
        return cls({text for text, _ in read_conflicts(FOLDER / "conflicts.tsv")})

    def within(self, query: str) -> str:
        """Return the longest conflict string that stands in a query as whole words, empty where none does."""
        return next((text for text in self._longest_first if f" {text} " in f" {query} "), "")
