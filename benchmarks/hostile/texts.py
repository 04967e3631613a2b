"""Texts of queries that look for trouble, as bytes: not all of them are UTF-8."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Iterable, Mapping

_PLANES = 17
_PLANE = 0x10000
_SURROGATES = range(0xD800, 0xE000)
_KILO = 1024

_INVISIBLE = "\u200b\u200c\u200d\u2060\u2063\ufeff\u00ad\u180e\u034f\u115f\u3164\ufe0f\U000e0001\U000e0020\U000e007f"
_BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
_SPACES = " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2003\u2007\u2028\u2029\u202f\u205f\u3000"
# NFKC makes of one of these up to 18 characters, or another case than lower-casing alone would.
_EXPANDING = "\ufdfa\ufdfb\u33ff\u3300\u321d\ufb03\u2a74\u01c4\u0130\u0345\u1e9e\ufb4f\u0958\u0344\u1fb7\u2126\uff21"
_COMBINING = "".join(map(chr, range(0x300, 0x370))) + "\u0483\u0e38\u0e48\u1dc0\u20d0\ufe20\u0f71\u0f72\u3099\u309a"
_DIGITS = "0123456789٠١٢٣۴۵०१२๐๑０１½⅓Ⅷ①㊿𝟘𝟗"
_UNITS = (
    "mm",
    "cm",
    "l",
    "liter",
    "kg",
    "inch",
    '"',
    "''",
    "mah",
    "xl",
    "size",
    "er pack",
    "個",
    "사이즈",
    "×",
    "in 1",
)
_NUMBERS = ("10.000", "1,5", "1.000.000,00", "0x10", "1e9", "１２", "-1", "½", "00", "9" * 60, "1/2", "3,000,000", "²")
_WORDS = ("ohne", "without", "sin", "sans", "senza", "uten", "bez", "なし", "없는", "无", "two", "zwei", "dreihundert")
_SPECIAL = (
    "<s>",
    "</s>",
    "<pad>",
    "<unk>",
    "<mask>",
    "▁",
    "##a",
    "[CLS]",
    "%s%n",
    "{0}",
    "';--",
    "../..",
    "${x}",
    "\\u0000",
)

HOSTILE_TEXTS = (
    *("", " ", "\0", "a\0b", "\ud800", "\udfff\ud800", "\U0010ffff", "\ufffe", "red shoes", "42 mm cable"),
    *("İI ıi", "ẞß", "ﷺ" * 341, "a" + "\u0301" * 500, "\u202e" + "abc", "\u200d" * 10, "\u200d", "\u200ca\u200c"),
    *("a" * 1024, "a " * 512, "ﬃ" * 340, "가" * 341, "</s><s>", "▁▁▁", "10.000 mah " * 40, "9" * 1024, "1 " * 64),
)
"""A few of every family, the same each time."""

Chance = random.Random


def plane(chance: Chance) -> bytes:
    """Return characters of one plane of Unicode, assigned or not, surrogates among them."""
    base = chance.randrange(_PLANES) * _PLANE
    return _text(chr(base + chance.randrange(_PLANE)) for _ in range(chance.randint(1, 40)))


def random_bytes(chance: Chance) -> bytes:
    """Return bytes that are UTF-8 by chance alone."""
    return chance.randbytes(chance.randint(1, 200))


def broken_utf8(chance: Chance) -> bytes:
    """Return UTF-8 with a byte changed, dropped or put in, an overlong form, or a surrogate."""
    data = bytearray(words(chance))
    place = chance.randrange(len(data))
    odd = (
        b"\xc0\x80",
        b"\xe0\x80\xaf",
        b"\xf4\x90\x80\x80",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xff",
        b"\x80",
        b"\xf8",
    )
    data[place : place + chance.randint(0, 2)] = chance.choice(odd)
    return bytes(data)


def surrogates(chance: Chance) -> bytes:
    """Return lone and paired surrogates, each in three bytes, among words."""
    return _text(chr(chance.choice(_SURROGATES)) if chance.random() < 0.5 else "a" for _ in range(20))


def combining(chance: Chance) -> bytes:
    """Return a letter under hundreds of marks, in any order."""
    return _text(["e", *chance.choices(_COMBINING, k=chance.randint(1, 500))])


def invisible(chance: Chance) -> bytes:
    """Return characters that show nothing, turn the direction or are spaces, with or without letters."""
    letters = "ab" if chance.random() < 0.5 else ""
    return _text(chance.choices(_INVISIBLE + _BIDI + _SPACES + letters, k=chance.randint(1, 120)))


def expanding(chance: Chance) -> bytes:
    """Return characters of which normal forms make many."""
    return _text(chance.choices(_EXPANDING, k=1) * chance.randint(1, 340))


def one_long_word(chance: Chance) -> bytes:
    """Return a word of up to two thousand bytes."""
    letter = chance.choice("aиあ가ก👟\u0915\u0640")
    return _text([letter * (chance.randint(1, 2 * _KILO) // len(letter.encode()))])


def at_the_edge(chance: Chance) -> bytes:
    """Return a text of about 64 tokens or about 1,024 bytes."""
    if chance.random() < 0.5:
        return _text([" ".join(chance.choices(("a", "x", "shoes", "1", "靴"), k=chance.randint(60, 68)))])
    size, letter = chance.randint(1020, 1028), chance.choice(" aéあ👟")
    return ("ab" + letter * size).encode()[:size]


def numbers(chance: Chance) -> bytes:
    """Return numbers of every script, units and words for numbers in a row."""
    parts = (*_NUMBERS, *_UNITS, *_WORDS)
    glue = chance.choice((" ", "", "-", "."))
    return _text([glue.join(chance.choices((*parts, *_DIGITS), k=chance.randint(1, 30)))])


def special(chance: Chance) -> bytes:
    """Return what means something to a tokenizer, a shell, a format or a data base."""
    return _text([" ".join(chance.choices(_SPECIAL, k=chance.randint(1, 12)))])


def words(chance: Chance) -> bytes:
    """Return letters of one script in words: harmless, but nobody's query."""
    first = chance.choice((0x61, 0x430, 0x5D0, 0x621, 0x905, 0xE01, 0x3042, 0x4E00, 0xAC00, 0x10A0, 0x1200))
    some = ("".join(chr(first + chance.randrange(26)) for _ in range(chance.randint(1, 9))) for _ in range(4))
    return _text([" ".join(some)])


def characters(chance: Chance) -> bytes:
    """Return assigned characters from anywhere below the private planes."""
    found = (chr(chance.randrange(0x32000)) for _ in range(60))
    return _text(each for each in found if unicodedata.category(each) not in {"Cn", "Cs"}) or b"a"


FAMILIES: Mapping[str, Callable[[Chance], bytes]] = {
    each.__name__.replace("_", " "): each
    for each in (
        *(plane, random_bytes, broken_utf8, surrogates, combining, invisible, expanding, one_long_word),
        *(at_the_edge, numbers, special, words, characters),
    )
}
"""Every family by its name."""


def hostile_text(chance: Chance) -> bytes:
    """Return a text of any family, now and then two of them in one."""
    text = chance.choice(list(FAMILIES.values()))(chance)
    return text + hostile_text(chance) if chance.random() < 0.1 else text


def _text(parts: Iterable[str]) -> bytes:
    return "".join(parts).encode("utf-8", "surrogatepass")
