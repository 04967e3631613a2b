"""The model card of a bundle that was fitted to a shop's tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import Thresholds

LIMITS = (
    "The judged queries are the shop's own: types without any were learnt from their names alone.",
    "It has no head queries; their thresholds were never fixed for this encoder, so only equal words are accepted.",
)


def tree_card(version: str, tree: ProductTypes, facts: Mapping[str, Any], thresholds: Thresholds) -> str:
    """Return the card as Markdown.

    Args:
        version: the bundle's own version.
        tree: what it answers.
        facts: the manifest's ``metrics``, ``training_data`` and ``licences``.
        thresholds: of every locale.
    """
    queries: Mapping[str, int] = facts["metrics"]["queries"]
    real = [tag for tag, entry in thresholds.by_locale.items() if entry.evidence == "real"]
    lines = [
        f"# Model card: {version}",
        "",
        f"Fitted to {tree.label_space}: {len(tree):,} types, {tree.depth} levels.",
        (
            f"Judged queries: {queries['train']:,} trained on, {queries['validation']:,} to calibrate and fix thresholds, "
            f"{queries['test']:,} for the figures."
        ),
        f"Thresholds rest on a locale's own queries in: {', '.join(real) or 'none'}; elsewhere on those of the others.",
        "",
        "| level | test queries | best type right | precision of accepted | recall |",
        "|---|---|---|---|---|",
    ]
    for level, found in facts["metrics"]["levels"].items():
        precision = "" if found["precision"] is None else f"{found['precision']:.3f}"
        lines.append(f"| {level} | {found['queries']:,} | {found['top_1']:.3f} | {precision} | {found['recall']:.3f} |")
    for title, key in (("Data", "training_data"), ("Licences", "licences")):
        lines += ["", f"## {title}", "", *(f"- {line}" for line in facts[key])]
    return "\n".join([*lines, "", "## Limits", "", *(f"- {line}" for line in LIMITS), ""])
