"""A text taken into words, numbers and signs; nothing of a number is ever lost.

The parts are the same however the text was spaced and punctuated. Knows letters of no language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_INVISIBLE = {"Cf", "Cs", "Co", "Cn"}
_KEPT_SIGNS = "%#@&"
_DROPPED = "™℠®©\ufe0e\ufe0f"
_DASHES = "‐‑‒–—―−﹘﹣－"
_MARKS = {
    "’": "'",
    "‘": "'",
    "ʼ": "'",
    "`": "'",
    "´": "'",
    "“": '"',
    "”": '"',
    "„": '"',
    "″": '"',
    "⁄": "/",
    "∕": "/",
    "٫": ".",
    "٬": ",",
}
_MOST_REMEMBERED = 20_000

_INCHES = re.compile(r"(?<=\d)\s?(?:\"|''|′′)")
_PRIMES = re.compile(r"(?<=\d)\s?'")
_TIMES = re.compile(r"(?<=\d)\s?[×✕*]\s?(?=\d)")
_WITHIN = re.compile(r"(?<=[^\s\d])'(?=[^\W\d_])")
_POSSESSIVE = re.compile(r"(?<=[^\s\d])'s(?![^\s.,:/-])")
# A dash or a point before a number is its sign only where nothing else stands before it.
_PART = re.compile(r"(?:(?<!\S)[-.])?\d+(?:(?:[.,:/-]|\s-\s)\d+)*|[^\s\d\-'\".,:/]+")


class _Characters(dict[int, str]):
    """What each character becomes; filled as characters are met."""

    def __init__(self, become: Callable[[str], str]) -> None:
        super().__init__()
        self._become = become

    def __missing__(self, code: int) -> str:
        value = self._become(chr(code))
        if len(self) < _MOST_REMEMBERED:  # hostile input must not fill the memory
            self[code] = value
        return value


def _visible(character: str) -> str:
    if unicodedata.category(character) in _INVISIBLE or character in _DROPPED:
        return ""
    composed = _nfkc(character)
    # "½" and "²" are numbers in themselves: beside a digit they would become part of it.
    apart = not character.isdecimal() and any(map(str.isdecimal, composed))
    return f" {composed} " if apart else character


def _sign(character: str) -> str:
    category = unicodedata.category(character)
    if character in _MARKS:
        return _MARKS[character]
    if character in _DASHES:
        return "-"
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category[0] in "LMN" or character in "-'\".,:/*×′":
        return character
    if category[0] == "S" or character in _KEPT_SIGNS:
        return f" {character} "
    return " "


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


_VISIBLE = _Characters(_visible)
_SIGNS = _Characters(_sign)


def parts_of(text: str, *, eliding: bool = False) -> list[str]:
    """Return the words, numbers and signs of a text in order, in lower case.

    A number keeps its separators ("1,5", "10-12", "1/2") and its sign; letters beside digits are parts
    of their own, so that "500ml" and "500 ml" are written alike, and "2 500" stays two numbers.
    Digits of every script become ASCII, inch marks the word "inch".

    Args:
        text: any text.
        eliding: an apostrophe ends a word ("d'olive"); else it stands within one ("men's").
    """
    folded = text.lower() if text.isascii() else _composed(text)
    folded = folded.translate(_SIGNS)
    if '"' in folded or "'" in folded or "′" in folded:
        folded = _PRIMES.sub(" ′ ", _INCHES.sub(" inch ", folded)).replace("′", " ′ ")
        folded = _WITHIN.sub(" " if eliding else "", _POSSESSIVE.sub("s", folded))
    if "*" in folded or "×" in folded:
        folded = _TIMES.sub(" x ", folded).replace("*", " ").replace("×", " × ")
    parts = _PART.findall(folded)
    if " - " in folded:
        parts = [re.sub(r"\s", "", part) for part in parts]
    # A mark without its letter would settle on the word before it.
    return parts if folded.isascii() else _times_told([part for part in map(_with_letter, parts) if part])


def _composed(text: str) -> str:
    """Fold width and case; composing again after lower-casing is what makes folding twice change nothing."""
    return _nfkc(_nfkc(text.translate(_VISIBLE)).lower().replace("i̇", "i"))


def _times_told(parts: list[str]) -> list[str]:
    """Write a sign for times between two numbers as an x; told by the parts, whatever stood between them."""
    if "×" not in parts:
        return parts
    around = zip(parts, ("", *parts), (*parts[1:], ""), strict=False)
    return [
        "x" if part == "×" and before[-1:].isdecimal() and after[:1].isdecimal() else part
        for part, before, after in around
    ]


def _with_letter(part: str) -> str:
    while part and unicodedata.combining(part[0]):
        part = part[1:]
    return part
