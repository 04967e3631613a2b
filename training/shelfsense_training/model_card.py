"""The model card of a bundle, written from what its manifest and thresholds say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shelfsense.thresholds import Thresholds

LIMITS = (
    "Product types end at level 3 of the tree; a query for one model or size gets the type above it.",
    (
        "Real shoppers' queries were at hand in ten languages; in the others, quality rests on names and on the "
        "project's own lexicons, and thresholds on names or on the other languages (`composed`, `fallback`)."
    ),
    (
        "The judged queries come from one general marketplace and carry its noise: one judged category per row, "
        "others unknown."
    ),
    "Brands, works and fandoms that nobody wrote down for it are guessed from their spelling.",
    "Head queries are the project's own writing; their volume is an editorial rank, not a count.",
    (
        "Names of people, shops and services, and codes it never met, may get an accepted type: about one in seven "
        "of the texts of the golden set that name no product."
    ),
)


def model_card(
    version: str, facts: Mapping[str, Any], locales: Sequence[str], thresholds: Thresholds, backbone: Mapping[str, int]
) -> str:
    """Return the card as Markdown.

    Args:
        version: the bundle's own version.
        facts: the manifest's ``metrics``, ``training_data`` and ``licences``.
        locales: tags, ``und`` last.
        thresholds: of every locale.
        backbone: the manifest's entry.
    """
    metrics: Mapping[str, Mapping[str, Any]] = facts["metrics"].get("locales", {})
    lines = [
        f"# Model card: {version}",
        "",
        (
            f"DistilBERT, {backbone['layers']} layers x {backbone['width']}, {backbone['vocabulary']:,} pieces; int8 linear "
            "layers, activations scaled per token. Classification head over the product-type tree, embedding head for "
            "head queries."
        ),
        "",
        "## Data",
        "",
        *(f"- {line}" for line in facts["training_data"]),
        "",
        "## Licences",
        "",
        *(f"- {line}" for line in facts["licences"]),
        "",
        "## Figures per locale, and what they rest on",
        "",
        (
            "Real: held-out judged queries, best type of level 1 and level 2 acceptable. Names: held-out product names, "
            "best type of level 3 right. Thresholds: least probability accepted at levels 1 to 3, least reformulation "
            "score."
        ),
        "",
        "| locale | evidence | real queries | level 1 | level 2 | names | level 3 | thresholds | reformulation |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for tag in locales:
        entry = thresholds.by_locale[tag]
        found = metrics.get(tag, {})
        cells = [
            tag,
            entry.evidence,
            *(
                _shown(found.get(key))
                for key in ("real_queries", "real_level_1", "real_level_2", "names", "names_level_3")
            ),
            " ".join(f"{value:.2f}" if value <= 1 else "never" for value in entry.product_types),
            f"{entry.reformulation:.2f}" if entry.reformulation <= 1 else "never",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", "## Limits", "", *(f"- {line}" for line in LIMITS), ""])


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
