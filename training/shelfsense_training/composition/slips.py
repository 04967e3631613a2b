"""The slips of a hand on a keyboard: typos, missing diacritics, lost or added spaces."""

from __future__ import annotations

import random
import unicodedata

# Letters that carry their mark in one code point and do not decompose.
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ё": "е"})
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_MARKED_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")


def without_diacritics(text: str) -> str:
    """Return Latin, Greek and Cyrillic letters without their marks; other scripts keep theirs."""
    kept = []
    for character in text.translate(_PLAIN):
        parts = unicodedata.normalize("NFD", character)
        marked = len(parts) > 1 and unicodedata.name(parts[0], "").startswith(_MARKED_SCRIPTS)
        kept.append(parts[0] if marked else character)
    return "".join(kept)


def german_ascii(text: str) -> str:
    """Return the text with umlauts spelt in two letters, as on a foreign keyboard."""
    return text.translate(_GERMAN)


def typo(text: str, draw: random.Random) -> str:
    """Return the text with one letter dropped, doubled or swapped with its neighbour.

    Only words of five letters or more are touched, never their first letter, and never digits.
    """
    words = text.split(" ")
    long_words = [i for i, word in enumerate(words) if len(word) >= 5 and word.isalpha()]
    if not long_words:
        return text
    chosen = draw.choice(long_words)
    word = words[chosen]
    at = draw.randrange(1, len(word) - 1)
    kind = draw.randrange(3)
    if kind == 0:
        word = word[:at] + word[at + 1 :]
    elif kind == 1:
        word = word[:at] + word[at] + word[at:]
    else:
        word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    words[chosen] = word
    return " ".join(words)


def slip(text: str, language: str, draw: random.Random) -> str:
    """Return the text with one kind of slip that its language knows."""
    if not any(unicodedata.name(c, "").startswith(_MARKED_SCRIPTS) for c in text):
        return text.replace(" ", "") if language in {"ko", "ja", "th"} and " " in text else text
    kind = draw.randrange(3)
    if kind == 0:
        return typo(text, draw)
    if kind == 1 and language == "de":
        return german_ascii(text)
    return without_diacritics(text)
