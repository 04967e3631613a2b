"""The Shopify taxonomy: the default product-type tree, and localized names as queries for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow.parquet as pq

from shelfsense.product_types import ProductTypes
from shelfsense_training.sources.splits import Split, is_held_out_category, split_of_name

DEPTH = 3
LABEL_SPACE = "shopify-2025-08-depth-3"
PATH_SEPARATOR = " > "


@dataclass(frozen=True, slots=True)
class CategoryName:
    """One category's name in one locale.

    Attributes:
        category_id: the taxonomy's id, of any depth.
        locale: the taxonomy's tag.
        names: localized names from the root to the category.
        type_id: the category itself or its ancestor at depth 3.
        split: the side of its (category, locale) cell; test also for categories held out everywhere.
        unseen_category: the category is held out in every locale.
    """

    category_id: str
    locale: str
    names: tuple[str, ...]
    type_id: str
    split: Split
    unseen_category: bool


class Taxonomy:
    """The taxonomy's table, read once.

    Args:
        folder: the data folder that holds ``shopify_taxonomy/``.
    """

    def __init__(self, folder: Path) -> None:
        table = pq.read_table(folder / "shopify_taxonomy" / "categories.parquet")
        self.locales = tuple(n for n in table.column_names if n not in {"category_id", "parent_id", "depth", "is_leaf"})
        self._columns: dict[str, list[str]] = table.to_pydict()
        self._rows = range(table.num_rows)

    @cached_property
    def product_types(self) -> ProductTypes:
        """The default tree: every category to depth 3, with English names."""
        c = self._columns
        return ProductTypes.from_table(
            LABEL_SPACE,
            (
                {
                    "id": c["category_id"][i],
                    "parent_id": c["parent_id"][i] or "",
                    "name": c["en"][i].split(PATH_SEPARATOR)[-1],
                }
                for i in self._rows
                if int(c["depth"][i]) <= DEPTH
            ),
        )

    @cached_property
    def type_of(self) -> dict[str, str]:
        """Every category id to its own or its depth-3 ancestor's."""
        c = self._columns
        parent = {c["category_id"][i]: c["parent_id"][i] for i in self._rows}
        found = {}
        for category in parent:
            current = category
            while current not in self.product_types.index:
                current = parent[current]
            found[category] = current
        return found

    def names(self) -> list[CategoryName]:
        """Return every category's name in every locale."""
        c = self._columns
        found = []
        for i in self._rows:
            category = c["category_id"][i]
            unseen = is_held_out_category(category) and int(c["depth"][i]) > DEPTH
            for locale in self.locales:
                path = c[locale][i]
                if not path:
                    continue
                side = Split.TEST if unseen else split_of_name(category, locale)
                parts = tuple(path.split(PATH_SEPARATOR))
                found.append(CategoryName(category, locale, parts, self.type_of[category], side, unseen))
        return found


def attribute_values(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Return attribute values by locale and attribute id, attributes keyed by their English name.

    The values of one ``value_id`` share an attribute in every locale, so the English name is the key.
    """
    table = pq.read_table(folder / "shopify_taxonomy" / "attribute_values.parquet").to_pydict()
    english = {
        v: a for v, loc, a in zip(table["value_id"], table["locale"], table["attribute"], strict=True) if loc == "en"
    }
    found: dict[str, dict[str, list[str]]] = {}
    for value_id, locale, value in zip(table["value_id"], table["locale"], table["value"], strict=True):
        if value_id in english and value:
            found.setdefault(locale, {}).setdefault(english[value_id], []).append(value)
    return found
