"""The form in which similar writings look similar: for a figure of similarity, never for identity.

Here fall the folds that are useful and not safe: every mark of Latin letters, doubled letters, the
sound of Hindi, small kana and vowel lengths, Thai tones, Korean syllables as their letters, Cyrillic
and Greek as Latin ("самсунг" is how some shoppers write Samsung).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from anyascii import anyascii

from shelfsense.reformulation.writing.hindi import sound_of
from shelfsense.reformulation.writing.languages import writing_of
from shelfsense.reformulation.writing.match_form import match_form

_DOUBLED = re.compile(r"([^\W\d_])\1+")
_DIGRAPHS = re.compile("(?<=[aou])e")
_ROMANISED = frozenset({"ru", "bg", "el"})
_WITH_DIGRAPHS = frozenset({"de", "sv", "da", "nb"})
_SMALL_KANA = str.maketrans("ゃゅょっゎゕゖぢづを", "やゆよつわかけじずお", "ー")
_THAI_MARKS = re.compile("[\u0e47-\u0e4b]|.\u0e4c")
_ARABIC_START = re.compile(r"(?<!\S)(?:[وبف]?ال|لل)(?=\S{2})")
_GREEK_OR_CYRILLIC = re.compile("[\u0370-\u052f\u1f00-\u1fff]+")
_KEPT_LATIN = str.maketrans("đıłøæ", "diloa")


@lru_cache(maxsize=32768)
def loose_form(text: str, locale: str) -> str:
    """Return the form whose likeness says how alike two writings sound and look; equal forms prove nothing.

    Digits keep their order and their runs, as in `match_form`.

    Args:
        text: a query or a head.
        locale: a tag of the bundle, or ``und``.
    """
    form = match_form(text, locale)
    language = writing_of(locale)
    if language == "hi":
        return " ".join(map(sound_of, form.split(" ")))
    if not form.isascii():
        form = _without_marks(_OWN[language](form) if language in _OWN else form)
    if language in _WITH_DIGRAPHS:
        form = _DIGRAPHS.sub("", form)
    return _DOUBLED.sub(r"\1", form)


def _without_marks(form: str) -> str:
    apart = unicodedata.normalize("NFD", form)
    return "".join(c for c in apart if not 0x300 <= ord(c) < 0x370).translate(_KEPT_LATIN)


def _japanese(form: str) -> str:
    return form.translate(_SMALL_KANA)


def _thai(form: str) -> str:
    return _THAI_MARKS.sub("", form)


def _arabic(form: str) -> str:
    return _ARABIC_START.sub("", form.replace("ء", ""))


def _romanised(form: str) -> str:
    # Only letters: a picture would be read as words and digits.
    return _GREEK_OR_CYRILLIC.sub(lambda letters: anyascii(letters[0]).lower().replace("'", ""), form)


_OWN = {"ja": _japanese, "th": _thai, "ar": _arabic, **dict.fromkeys(_ROMANISED, _romanised)}
