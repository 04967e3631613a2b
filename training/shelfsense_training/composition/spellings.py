"""One spelling habit at a time, language by language: kana, width, letter forms, plural, space before a unit."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import lru_cache

import jaconv

from shelfsense_training.composition.attribute_words import read_attribute_terms
from shelfsense_training.composition.hindi_spelling import latin_hindi
from shelfsense_training.composition.slips import german_ascii, without_diacritics

Spelling = Callable[[str, random.Random], str]
"""Takes a text and a source of draws; returns the text unchanged where the habit does not apply."""

_UNIT = re.compile(r"(?<=\d)(\s?)(ml|l|cl|g|kg|mg|mm|cm|m|gb|tb|w|v|mah|oz|lb|inch|zoll)(?![^\W\d_])", re.IGNORECASE)
_KATAKANA = re.compile("[ァ-ヺー]{2,}")
_HIRAGANA = re.compile("[ぁ-ゖー]{3,}")
_KANA_SCRIPT_CHANGE = re.compile(
    "(?<=[ァ-ヺー])(?=[\u4e00-\u9fff])|(?<=[\u4e00-\u9fff])(?=[ァ-ヺ])|(?<=[ァ-ヺー])(?=[a-z])|(?<=[a-z])(?=[ァ-ヺ])"
)
_LAST_LENGTH = re.compile("(?<=[ァ-ヺ]{3})ー(?![ァ-ヺー])")
_ENGLISH_PLURAL = re.compile(r"(?<=[^\W\d_]{3}[bcdfgklmnprtw])s(?!\S)")
_NO_PLURAL = {
    "kids",
    "mens",
    "womens",
    "glass",
    "less",
    "pants",
    "jeans",
    "shorts",
    "leggings",
    "scissors",
    "headphones",
}


def everywhere(language: str) -> list[tuple[str, Spelling]]:
    """Return the habits of shoppers of every language, as (kind, habit)."""
    ways: list[tuple[str, Spelling]] = [("unit", _unit_space)]
    if language not in {"ja", "zh", "th", "ko", "hi", "ar"}:
        ways.append(("marks", _without_marks))
    return ways


def _without_marks(text: str, draw: random.Random) -> str:
    del draw
    return without_diacritics(text)


def _umlauts(text: str, draw: random.Random) -> str:
    del draw
    return german_ascii(text)


def _unit_space(text: str, draw: random.Random) -> str:
    del draw
    return _UNIT.sub(lambda match: match[2] if match[1] else f" {match[2]}", text)


def _kana(text: str, draw: random.Random) -> str:
    """Write one katakana word in hiragana, or one hiragana word in katakana."""
    words = [*_KATAKANA.finditer(text), *_HIRAGANA.finditer(text)]
    if not words:
        return text
    chosen = draw.choice(words)
    swap = jaconv.kata2hira if _KATAKANA.fullmatch(chosen[0]) else jaconv.hira2kata
    return f"{text[: chosen.start()]}{swap(chosen[0])}{text[chosen.end() :]}"


def _width(text: str, draw: random.Random) -> str:
    """Narrow the katakana, or widen Latin letters; digits stay as they are."""
    if draw.random() < 0.6:
        return str(jaconv.z2h(text, kana=True, ascii=False, digit=False))
    return str(jaconv.h2z(text, kana=False, ascii=True, digit=False))


def _script_spaces(text: str, draw: random.Random) -> str:
    if " " in text:
        return re.sub(r"(?<=\D) (?=\D)", "", text)
    places = [match.start() for match in _KANA_SCRIPT_CHANGE.finditer(text)]
    if not places:
        return text
    at = draw.choice(places)
    return f"{text[:at]} {text[at:]}"


def _length(text: str, draw: random.Random) -> str:
    del draw
    return _LAST_LENGTH.sub("", text)


def _nukta(text: str, draw: random.Random) -> str:
    del draw
    for marked, plain in (("क़", "क"), ("ख़", "ख"), ("ग़", "ग"), ("ज़", "ज"), ("ड़", "ड"), ("ढ़", "ढ"), ("फ़", "फ")):
        text = text.replace(marked, plain)
    return text.replace("\u093c", "")


def _nasal(text: str, draw: random.Random) -> str:
    """Write a nasal by its mark or by its letter, "हिंदी" or "हिन्दी"."""
    del draw
    if "ँ" in text:
        return text.replace("ँ", "ं")
    spelt = re.sub("ं(?=[त-ध])", "न्", re.sub("ं(?=[प-भ])", "म्", text))
    return spelt if spelt != text else re.sub("न्(?=[त-ध])|म्(?=[प-भ])", "ं", text)


def _some_latin(text: str, draw: random.Random) -> str:
    """Write Hindi in Latin letters: all of it, or one word, as mixed queries do."""
    words = text.split(" ")
    if draw.random() < 0.7 or len(words) == 1:
        return latin_hindi(text, draw)
    at = draw.randrange(len(words))
    words[at] = latin_hindi(words[at], draw)
    return " ".join(words)


def _alefs(text: str, draw: random.Random) -> str:
    del draw
    return re.sub("[أإآ]", "ا", text)


def _endings(text: str, draw: random.Random) -> str:
    del draw
    return re.sub(r"ى(?!\S)", "ي", re.sub(r"ة(?!\S)", "ه", text))


def _article(text: str, draw: random.Random) -> str:
    """Drop the article of one word, or give it to the last one."""
    words = text.split(" ")
    with_it = [i for i, word in enumerate(words) if word.startswith("ال") and len(word) >= 6]
    if with_it:
        at = draw.choice(with_it)
        words[at] = words[at][2:]
    elif (
        len(words) == 1 and len(words[0]) >= 4 and "\u0600" <= words[0][0] <= "\u06ff" and not words[0].startswith("ا")
    ):
        words[0] = f"ال{words[0]}"
    return " ".join(words)


def _thai_am(text: str, draw: random.Random) -> str:
    del draw
    return re.sub("([่-๋]?)ำ", "ํ\\1า", text)


def _no_spaces(text: str, draw: random.Random) -> str:
    del draw
    return re.sub(r"(?<=\D) (?=\D)", "", text)


def _english_plural(text: str, draw: random.Random) -> str:
    del draw
    words = text.split(" ")
    last = words[-1]
    if last.lower() in _NO_PLURAL | _english_attributes() or not last.isalpha() or not last.isascii() or len(last) < 4:
        return text
    if last.endswith("s"):
        words[-1] = _ENGLISH_PLURAL.sub("", last)
    elif last[-1] in "bcdfgklmnprtw" or (last[-1] == "e" and not last.endswith("ee")):
        words[-1] = f"{last}s"
    return " ".join(words)


@lru_cache(maxsize=1)
def _english_attributes() -> frozenset[str]:
    return frozenset(term.word for term in read_attribute_terms()["en"])


def _romance_plural(text: str, draw: random.Random) -> str:
    """Add or drop the plural of a query of one word; in longer ones other words would have to agree."""
    del draw
    if " " in text or not text.isalpha() or len(text) < 5:
        return text
    if text.endswith("s"):
        return text[:-1] if text[-2] in "aeo" else text
    return f"{text}s" if text[-1] in "aeo" else text


SPELLINGS: dict[str, tuple[tuple[str, Spelling], ...]] = {
    "ja": (("kana", _kana), ("width", _width), ("space", _script_spaces), ("length", _length)),
    "zh": (("space", _no_spaces),),
    "th": (("space", _no_spaces), ("sara am", _thai_am)),
    "hi": (("nukta", _nukta), ("nasal", _nasal), ("latin", _some_latin), ("latin", _some_latin)),
    "ar": (("alef", _alefs), ("ending", _endings), ("article", _article)),
    "de": (("umlaut", _umlauts),),
    "en": (("plural", _english_plural),),
    "es": (("plural", _romance_plural),), "fr": (("plural", _romance_plural),), "pt": (("plural", _romance_plural),),
}  # fmt: skip
"""Habits of one language's shoppers, as (kind, habit); one listed twice is drawn twice as often."""
