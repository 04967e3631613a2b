"""The head index of an onboarded locale: its most searched queries, beside every other locale's heads as they were."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.product_types import ProductTypes
from shelfsense.reformulation.head_files import (
    HEADS,
    VECTORS,
    VECTORS_INT8,
    Head,
    head_index_files,
    read_head_files,
)
from shelfsense_training.onboarding.accepted_type import best_type
from shelfsense_training.onboarding.serving_figures import Served
from shelfsense_training.onboarding.store_sample import StoreSample


def store_heads(
    sample: StoreSample, served: Served, meant: dict[str, int], locale: str, product_types: ProductTypes
) -> tuple[list[Head], NDArray[np.float32]]:
    """Return the heads of a locale and their vectors (N, E).

    A head's product type is what judges said, else the deepest type that the bundle accepts; else none,
    and the product-type gate lets it pass.

    Args:
        sample: the queries of the store.
        served: what the new bundle answers to them.
        meant: text of a judged query to the one type, by index, that it means.
        locale: of the heads.
        product_types: the tree.
    """
    rows = np.flatnonzero(sample.is_head)
    heads = []
    for i in rows.tolist():
        text = sample.texts[i]
        kind = meant[text] if text in meant else best_type(served, i, product_types)[0]
        name = product_types.nodes[kind].id if text in meant or served.accepted[i, kind] else ""
        attributes = served.attributes[i] if served.attributes else ""
        heads.append(Head(text, locale, float(sample.volumes[i]), product_type=name, attributes=attributes))
    return heads, served.embeddings[rows]


def head_files(bundle: Bundle, heads: list[Head], vectors: NDArray[np.float32], locale: str) -> dict[str, bytes]:
    """Return the files of a head index in which a locale has these heads and all others have theirs, to the bit.

    Args:
        bundle: whose heads are kept, those of the locale itself aside.
        heads: of the locale; may be none.
        vectors: (N, E) of them.
        locale: its tag.
    """
    kept: list[Head] = []
    parts: list[NDArray[np.float16]] = [vectors.astype(np.float16)]
    if bundle.has(HEADS):
        table, theirs = read_head_files(bundle)
        others = [i for i, tag in enumerate(table.column("locale").to_pylist()) if tag != locale]
        kept = [Head(**row) for row in table.take(others).to_pylist()]
        parts.append(theirs[others])
    stored_as = VECTORS if bundle.has(VECTORS) else VECTORS_INT8
    return head_index_files([*heads, *kept], np.concatenate(parts), stored_as=stored_as)
