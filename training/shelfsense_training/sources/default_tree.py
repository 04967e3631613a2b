"""The default product-type tree, as the starter bundle of this checkout carries it.

The same 1,704 types that `Taxonomy.product_types` reads from the data folder (a test holds both
together), for what has to run without that folder.
"""

from __future__ import annotations

from pathlib import Path

from shelfsense.product_types import ProductTypes

_FILE = Path(__file__).resolve().parents[3] / "bundles" / "starter" / "product_types.json"


def default_product_types() -> ProductTypes:
    """Return the tree of the starter bundle."""
    return ProductTypes.from_json(_FILE.read_bytes())
