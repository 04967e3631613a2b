"""Locale tags of every shape: right, strange, far too long, and none at all."""

from __future__ import annotations

import random

HOSTILE_LOCALES = (
    *("", "und", "de", "en-US", "zh-Hant-HK", "sr-Latn-RS", "de-1996", "en-u-ca-buddhist", "en-x-private", "x-only"),
    *("i-klingon", "art-lojban", "zh-min-nan", "en-a-bbb-a-ccc", "de-de-de", "a", "-", "--", "de-", "-de", "de--at"),
    *(
        "EN_us",
        "en us",
        "e n",
        "\0",
        "de\0",
        "d\u0435",
        "ｄｅ",
        "DE",
        "qaa",
        "zzz",
        "mul",
        "zxx",
        "mis",
        "root",
        "C",
        "POSIX",
    ),
    *(
        "en-u",
        "en-t-jp",
        "en-x",
        "x",
        "i",
        "de-" + "a" * 8,
        "de-" + "1" * 4,
        "a" * 64,
        "a" * 65,
        "de" * 512,
        "de-x-" + "a-" * 500,
    ),
    *(
        "../../etc/passwd",
        "%00",
        "en;q=0.8",
        "en,de",
        "\u202eed",
        "😀",
        "\ud800",
        "İ",
        "no-bok",
        "dt5-onq-en5",
        "ll-zal-2br-5k9it",
        "hy-arevela",
        "und-Latn-DE",
    ),
)
"""Tags that have their own place in the standard, or none."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_JOINED_BY = ("-", "-", "-", "_", "", "--", " ", ".")


def hostile_locale(chance: random.Random) -> str:
    """Return a tag: from the list, or subtags of any lengths joined by what may and may not join them."""
    if chance.random() < 0.4:
        return chance.choice(HOSTILE_LOCALES)
    subtags = (
        "".join(chance.choices(_LETTERS, k=chance.choice((1, 2, 3, 4, 5, 8, 9)))) for _ in range(chance.randint(1, 9))
    )
    tag = chance.choice(_JOINED_BY).join(subtags)
    return tag.upper() if chance.random() < 0.2 else tag
