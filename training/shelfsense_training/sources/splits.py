"""Which side of an evaluation a text is on; decided by hash, so every run and machine agrees."""

from __future__ import annotations

import hashlib
from enum import StrEnum

from shelfsense.text import normal_form


class Split(StrEnum):
    """The three sides."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


def hash_bucket(key: str, buckets: int) -> int:
    """Return the first four bytes of sha256 over a key's UTF-8, modulo a number of buckets."""
    return int.from_bytes(hashlib.sha256(key.encode("utf-8")).digest()[:4], "big") % buckets


def split_of_query(text: str) -> Split:
    """Split by normalised query: buckets 0 and 1 of ten test, 2 validation, the rest training."""
    bucket = hash_bucket(normal_form(text), 10)
    if bucket < 2:
        return Split.TEST
    return Split.VALIDATION if bucket == 2 else Split.TRAIN


def split_of_name(category_id: str, locale: str) -> Split:
    """Split taxonomy names by (category, locale) cell: 2 % test, 1 % validation."""
    bucket = hash_bucket(f"cell|{category_id}|{locale}", 100)
    if bucket < 2:
        return Split.TEST
    return Split.VALIDATION if bucket == 2 else Split.TRAIN


def is_held_out_category(category_id: str) -> bool:
    """Return whether a category is kept out of training in every locale (1 % of them)."""
    return hash_bucket(f"category|{category_id}", 100) == 0
