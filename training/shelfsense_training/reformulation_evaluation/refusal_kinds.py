"""What kind of gate a refusal comes from, for counting: reasons name words, and no two are alike."""

from __future__ import annotations

import re

from shelfsense.attribute_kinds import ATTRIBUTES

_KINDS = (
    ("negation", re.compile("^(does not exclude|excludes) ")),
    ("audience", re.compile("^(is for |does not say that it is for )")),
    ("opposite", re.compile("^says the opposite")),
    ("product type", re.compile("^means another product type")),
    *((kind, re.compile(f"^{kind} .* is missing")) for kind in ("number", "size", *ATTRIBUTES[1:])),
)


def refusal_kind(reason: str) -> str:
    """Return the kind of gate that gives a reason, empty for no reason; "other" for one not known here."""
    if not reason:
        return ""
    return next((kind for kind, pattern in _KINDS if pattern.search(reason)), "other")
