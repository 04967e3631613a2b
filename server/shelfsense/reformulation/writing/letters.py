"""Letters folded as one language's shoppers write them, and the few rules that look at more than one letter.

Works on the parts of a text joined by single spaces. Digits pass unchanged.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from jaconv import kata2hira

from shelfsense.reformulation.writing.languages import AND, FOLDING, KEPT, KEPT_WORDS, LETTERS

# Latin letters that carry their mark in one code point and do not decompose.
_UNDECOMPOSED = {"ø": "o", "ł": "l", "đ": "d", "ı": "i", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ħ": "h"}
_COMBINING = range(0x0300, 0x0370)

# French drops every mark but a last é, which makes "rosé" of "rose"; these are no other word without it.
_FRENCH_E_FREE = {"bebe", "cafe", "tele", "canape", "cle", "the", "sante", "velo", "bebes", "cafes", "canapes", "cles", "thes"}  # fmt: skip

_KANA = "ぁ-ゖー"
_LAST_LENGTH = re.compile(rf"(?<=[ぁ-ゖ]{{4}})ー+(?![{_KANA}])")
_SMALL_VOWELS = str.maketrans("ぁぃぅぇぉ", "あいうえお")
_V_ROW = (("ゔぁ", "ば"), ("ゔぃ", "び"), ("ゔぇ", "べ"), ("ゔぉ", "ぼ"), ("ゔ", "ぶ"))
_OLD_KANA = str.maketrans("ゐゑヷヸヹヺ", "いえばびべぼ")
_COUNTER = re.compile(r"(?<=\d )[ゖゕけ](?=月|国|所|年)")

_THAI_AM = re.compile("([่-๋]?)ํ([่-๋]?)า")

_NASALS = tuple(
    (re.compile(f"{nasal}\u094d(?=[{stops}])"), "ं")
    for nasal, stops in (("ङ", "क-घ"), ("ञ", "च-झ"), ("ण", "ट-ढ"), ("न", "त-ध"), ("म", "प-भ"))
)
_GLIDES = ((re.compile(r"ये(?!\S)"), "ए"), (re.compile(r"यी(?!\S)"), "ई"))

# Words that begin as if with the article: electronic, diamond, aluminium, German, album, machine ...
_NO_ARTICLE = ("الكترون", "الماس", "المنيوم", "المان", "البوم", "الالات", "الاسك", "اله", "الات", "اليكس", "اللي")

_SINGLE_LETTER = re.compile(r"(?<!\S)(?<!\d )([tevux]) (?=[^\W\d_]{3})")

# Between words only: "h & m" is a name.
_AMPERSAND = re.compile(r"(?<=[^\W\d_]{2}) & (?=[^\W\d_]{2})")

_TONES = {0x0300, 0x0301, 0x0303, 0x0309, 0x0323}


class _Letters(dict[int, str]):
    """Each letter as one language's shoppers may write it; filled as letters are met."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._own = LETTERS.get(language, {})
        self._kept = KEPT.get(language, "")
        self._folding = language in FOLDING
        self._greek = language == "el"
        self._japanese = language == "ja"

    def __missing__(self, code: int) -> str:
        value = self._folded(chr(code))
        if len(self) < 20_000:  # hostile input must not fill the memory
            self[code] = value
        return value

    def _folded(self, letter: str) -> str:
        if letter in self._own:
            return self._own[letter]
        if not self._folding or letter in self._kept:
            return letter
        if ord(letter) in _COMBINING:
            return ""
        if letter in _UNDECOMPOSED:
            return _UNDECOMPOSED[letter]
        if self._japanese:
            return str(kata2hira(letter)).translate(_OLD_KANA)
        return self._base(letter)

    def _base(self, letter: str) -> str:
        name = unicodedata.name(letter, "")
        if not name.startswith(("LATIN ", "GREEK ") if self._greek else "LATIN "):
            return letter
        base = unicodedata.normalize("NFD", letter)[0]
        return self._own.get(base, base)


@lru_cache(maxsize=64)
def _letters(language: str) -> _Letters:
    return _Letters(language)


def fold_letters(parts: list[str], language: str) -> str:
    """Return the parts joined by spaces, their letters folded as far as words stay themselves.

    Args:
        parts: of `parts_of`.
        language: whose writing is followed (`writing_of`).
    """
    text = " ".join(parts)
    if text.isascii():
        return _finished(text, language)
    if language == "vi":
        return " ".join(map(_tone_last, text.split(" ")))
    table = _letters(language)
    kept = KEPT_WORDS.get(language)
    if kept is not None:
        text = " ".join(part if part in kept else part.translate(table) for part in text.split(" "))
    elif language == "fr":
        text = " ".join(_french(part, table) for part in text.split(" "))
    else:
        text = text.translate(table)
    rule = _RULES.get(language)
    return _finished(rule(text) if rule else text, language)


def _finished(text: str, language: str) -> str:
    if "&" in text and language in AND:
        text = _AMPERSAND.sub(f" {AND[language]} ", text)
    if language == "en":
        # "t shirt", "e bike", "v neck": the letter belongs to the word, which a hyphen or nothing would show.
        joined = 1
        while joined:
            text, joined = _SINGLE_LETTER.subn(r"\1", text)
    return text


def _french(word: str, table: _Letters) -> str:
    folded = word.translate(table)
    if not word.endswith(("é", "és")) or folded in _FRENCH_E_FREE or len(folded) != len(word):
        return folded
    at = len(word) - (1 if word.endswith("é") else 2)
    return f"{folded[:at]}é{folded[at + 1 :]}"


def _tone_last(word: str) -> str:
    """Move a Vietnamese tone behind its syllable: "hòa" and "hoà" are one word."""
    if word.isascii():
        return word
    apart = unicodedata.normalize("NFD", word)
    tones = [c for c in apart if ord(c) in _TONES]
    if len(tones) != 1:
        return word
    return unicodedata.normalize("NFC", "".join(c for c in apart if ord(c) not in _TONES) + tones[0])


def _japanese(text: str) -> str:
    for old, new in _V_ROW:
        text = text.replace(old, new)
    return _COUNTER.sub("か", text).translate(_SMALL_VOWELS)


def without_last_length(text: str) -> str:
    """Drop the long-vowel mark that ends a run of kana: technical words are written with and without it.

    Only after four kana: of shorter words it makes others ("カバー" is a cover, "カバ" a hippopotamus).
    """
    return _LAST_LENGTH.sub("", text)


def _devanagari(text: str) -> str:
    for nasal, anusvara in _NASALS:
        text = nasal.sub(anusvara, text)
    for glide, vowel in _GLIDES:
        text = glide.sub(vowel, text)
    return text


def _arabic(text: str) -> str:
    return " ".join(_without_article(part) for part in text.split(" "))


def _without_article(word: str) -> str:
    while word.startswith("ال") and len(word) >= 6 and not word.startswith(_NO_ARTICLE):
        word = word[2:]
    return word


def _thai(text: str) -> str:
    return _THAI_AM.sub(r"\1\2ำ", text).replace("เเ", "แ")


_RULES = {"ja": _japanese, "hi": _devanagari, "ar": _arabic, "th": _thai}
