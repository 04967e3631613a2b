"""Finds e-mail addresses, phone and card numbers in queries: they go into no index, report or model.

Errs towards finding: a head lost to it costs little. Bar codes and part numbers, runs of digits without a
mark of a phone number, stay.
"""

from __future__ import annotations

import re
import unicodedata

_EMAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+\.[^\W\d_]{2,}")
_NUMBER = re.compile(r"(?<![\w.,])\+?\(?\d(?:[\s().\-/]{0,2}\d){7,18}(?![\w])")
_CARD_LENGTHS = range(15, 20)
_PHONE_LENGTHS = range(9, 16)
_GROUPS_OF_PHONE = 3
_UNMARKED_PHONE = 10


def personal_data(text: str) -> str:
    """Return ``e-mail``, ``card`` or ``phone`` for the first that a query holds, else an empty text."""
    folded = "".join(_ascii_digit(c) for c in unicodedata.normalize("NFKC", text))
    if _EMAIL.search(folded):
        return "e-mail"
    kinds = [_kind(match.group()) for match in _NUMBER.finditer(folded)]
    return next(filter(None, kinds), "")


def _kind(number: str) -> str:
    digits = re.sub(r"\D", "", number)
    groups = re.findall(r"\d+", number)
    if len(digits) in _CARD_LENGTHS and digits[0] in "23456" and _luhn(digits):
        return "card"
    if len(digits) not in _PHONE_LENGTHS:
        return ""
    if number.startswith("+") or digits.startswith("00"):
        return "phone"
    if digits.startswith("0") and len(digits) <= (11 if len(groups) == 1 else 13):  # 12 in a run is a bar code
        return "phone"
    return "phone" if len(groups) >= _GROUPS_OF_PHONE and len(digits) >= _UNMARKED_PHONE else ""


def _luhn(digits: str) -> bool:
    """Return whether the check digit of a card number holds (ISO/IEC 7812-1, annex B)."""
    doubled = [int(d) * (2 if i % 2 else 1) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _ascii_digit(character: str) -> str:
    value = unicodedata.digit(character, None)
    return character if value is None else str(value)
