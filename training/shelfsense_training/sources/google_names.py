"""Names that another public taxonomy gives to the same categories, in 21 locales.

Shopify's tree grew out of Google's, so a leaf name that is unique in both trees names the same
goods; its localized names are then further words for the type.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from shelfsense.locales import Locales
from shelfsense.text import normal_form
from shelfsense_training.sources.taxonomy import PATH_SEPARATOR, CategoryName


def read_google_names(folder: Path, names: list[CategoryName], locales: Locales) -> list[CategoryName]:
    """Return localized names of Google's categories that match a Shopify category by English name.

    Args:
        folder: the data folder.
        names: Shopify's names; their splits decide: a cell held out there stays held out here.
        locales: the bundle locales that Google's tags are resolved to.
    """
    by_name = _unique({n.category_id: n.names[-1] for n in names if n.locale == "en"})
    cells = {(n.category_id, n.locale): n for n in names}
    table = pq.read_table(folder / "google_taxonomy" / "categories.parquet").to_pydict()
    english = {str(i): path.split(PATH_SEPARATOR)[-1] for i, path in enumerate(table["en-US"]) if path}
    matched = {int(row): by_name[form] for form, row in _unique(english).items() if form in by_name}
    found = []
    for tag, paths in table.items():
        if tag == "category_id":
            continue
        locale = locales.resolve(tag).tag
        for row, category in matched.items():
            cell = cells.get((category, locale))
            if cell is not None and paths[row]:
                leaf = tuple(paths[row].split(PATH_SEPARATOR))
                found.append(CategoryName(category, locale, leaf, cell.type_id, cell.split, cell.unseen_category))
    return found


def _unique(names: dict[str, str]) -> dict[str, str]:
    """Return normal form to key for the names that occur once."""
    counts = Counter(normal_form(name) for name in names.values())
    return {normal_form(name): key for key, name in names.items() if counts[normal_form(name)] == 1}
