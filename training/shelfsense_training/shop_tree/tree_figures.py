"""What a fitted tree reaches on its shop's test side, at the thresholds that were fixed before."""

from __future__ import annotations

from typing import Any

import numpy as np

from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import Thresholds
from shelfsense.type_ranking import type_thresholds
from shelfsense_training.evaluation.scoring import accepted_types
from shelfsense_training.shop_tree.tree_thresholds import JudgedScores


def tree_figures(tree: ProductTypes, judged: JudgedScores, thresholds: Thresholds) -> dict[str, Any]:
    """Return, per level, over the queries with a right type of it: queries, top 1, precision and recall.

    Precision is null where nothing was accepted. Intervals and locales are `evaluate`'s.
    """
    tags = list(judged.locales)
    cuts = {tag: type_thresholds(tree, thresholds.by_locale[tag]) for tag in set(tags)}
    rows = np.stack([cuts[tag] for tag in tags])  # (N, S)
    accepted = accepted_types(tree, judged.probabilities, rows, np.ones(len(tags), dtype=np.bool_))
    found: dict[str, Any] = {}
    for level, members in tree.by_level.items():
        right = judged.right[:, members]
        asked = right.any(axis=1)
        if not asked.any():
            continue
        right, taken = right[asked], accepted[:, members][asked]
        best = judged.probabilities[:, members][asked].argmax(axis=1)
        hits = int((right & taken).sum())
        found[str(level)] = {
            "queries": int(asked.sum()),
            "top_1": round(float(right[np.arange(len(best)), best].mean()), 4),
            "precision": round(hits / int(taken.sum()), 4) if taken.any() else None,
            "recall": round(hits / int(right.sum()), 4),
        }
    return found
