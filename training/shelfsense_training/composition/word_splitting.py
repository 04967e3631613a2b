"""A compound parted into words of a vocabulary."""

from __future__ import annotations

from collections.abc import Container

_SHORTEST = 3
_LINKS = ("", "s", "n", "en", "es")


def split_word(word: str, vocabulary: Container[str], *, linking: bool = False) -> tuple[str, str] | None:
    """Return the two words a compound is made of, None where the vocabulary does not show them.

    Args:
        word: of letters only, else nothing is found.
        vocabulary: in lower case.
        linking: German letters between the words ("arbeitsschuhe") may stand after the first.
    """
    if any(map(str.isdecimal, word)):
        return None
    shortest = _SHORTEST if word.isascii() or word[0] < "\u0e00" else 2
    lower = word.lower()
    for at in range(shortest, len(word) - shortest + 1):
        if lower[at:] not in vocabulary:
            continue
        for link in _LINKS if linking else ("",):
            if lower[:at].endswith(link) and lower[: at - len(link)] in vocabulary:
                return word[:at], word[at:]
    return None
