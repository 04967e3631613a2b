"""What a part of a query can say of the product, in the order of the attribute head's outputs."""

from __future__ import annotations

ATTRIBUTES = ("other", "unit", "color", "brand", "material", "product number", "quantity")
"""What a token can belong to; all but the first may not change between a query and its reformulation."""
