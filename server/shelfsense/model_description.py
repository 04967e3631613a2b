"""What a loaded bundle is and promises, in plain Python."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LocaleDescription:
    """A locale of a bundle, and what its promises rest on.

    Attributes:
        locale: BCP 47 tag, or ``und``.
        evidence: ``real``, ``composed`` or ``fallback``, of the product-type thresholds.
        thresholds: least probability accepted, element 0 for level 1; above 1: never accepted.
        reformulation_threshold: least score accepted; above 1: never accepted.
        reformulation_evidence: ``real``, ``composed`` or ``fallback``.
        heads: head queries of the locale.
    """

    locale: str
    evidence: str
    thresholds: tuple[float, ...]
    reformulation_threshold: float
    reformulation_evidence: str
    heads: int


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """What a loaded bundle is and promises.

    Attributes:
        bundle_version: the bundle's own version.
        label_space: the name of the product-type tree.
        locales: in the bundle's order, ``und`` last.
        embedding_width: E.
        product_type_target_precision: what accepted product types promise, 0 to 1.
        reformulation_target_precision: what accepted reformulations promise, 0 to 1.
    """

    bundle_version: str
    label_space: str
    locales: tuple[LocaleDescription, ...]
    embedding_width: int
    product_type_target_precision: float
    reformulation_target_precision: float
