"""Codes that name no product: order and tracking numbers, keys hit at random, pieces of hashes."""

from __future__ import annotations

import random
import string

_ROWS_OF_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def random_code(draw: random.Random) -> str:
    """Return one code in lower case, never of a form that model numbers have."""
    kind = draw.randrange(5)
    if kind == 0:  # order and customer numbers are longer than any model number's digits
        return "".join(draw.choices(string.digits, k=draw.randint(8, 16)))
    if kind == 1:
        return "#" + "".join(draw.choices(string.digits, k=draw.randint(5, 9)))
    if kind == 2:
        return "".join(draw.choices("0123456789abcdef", k=draw.choice((16, 24, 32))))
    if kind == 3:
        row = draw.choice(_ROWS_OF_KEYS)
        return "".join(draw.choices(row, k=draw.randint(5, 11)))
    letters = "".join(draw.choices(string.ascii_lowercase, k=2))
    return letters + "".join(draw.choices(string.digits, k=9)) + draw.choice(("cn", "de", "gb", "fr", "sg"))
