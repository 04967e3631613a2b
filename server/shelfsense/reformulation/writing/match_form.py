"""The form under which two writings of the same words meet.

Equal forms in one language are taken as the very same query, without a threshold: a fold that is only
often right belongs to `loose_form`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from shelfsense.reformulation.writing.languages import COMPOUNDING, ELIDING, UNSPACED, writing_of
from shelfsense.reformulation.writing.letters import fold_letters, without_last_length
from shelfsense.reformulation.writing.tokens import parts_of

_OWN_SCRIPT = "\u0e00-\u0e7f\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
# A dash or point after a space is the sign of a number, and two numbers stay two.
_SPACE_BESIDE_OWN_SCRIPT = re.compile(rf" (?=[{_OWN_SCRIPT}])|(?<=[{_OWN_SCRIPT}]) (?![-.])")
_SIZE = re.compile(r"[sml]|x+[sl]")


def match_form(text: str, locale: str) -> str:
    """Return the form under which writings of the same words meet: for exact look-up and for mining.

    Folded are width, case, punctuation, and what the locale's language leaves open: katakana and
    hiragana, nukta, alef and its like, umlauts in two letters, marks that shoppers leave out, spaces
    in compounds and in scripts that need none. Digits keep their order and their runs: the numbers of
    the result are those of the text. Folding twice changes nothing.

    Args:
        text: a query or a head.
        locale: a tag of the bundle; ``und`` or one unknown folds only what holds everywhere.
    """
    return _match_form(text, writing_of(locale))


@lru_cache(maxsize=32768)
def _match_form(text: str, language: str) -> str:
    words = fold_letters(_parts(text, language), language)
    if language in COMPOUNDING:
        return _joined(words)
    if language in UNSPACED:
        words = unicodedata.normalize("NFC", _SPACE_BESIDE_OWN_SCRIPT.sub("", words))
        return without_last_length(words) if language == "ja" else words
    return words


def _joined(words: str) -> str:
    """Drop the spaces of compounds; a letter size stays apart: "t shirt s" is no "t shirts"."""
    joined, before = "", "s"
    for word in words.split(" "):
        sized = _SIZE.fullmatch(word) or _SIZE.fullmatch(before)
        numbers = before[-1:].isdecimal() and word[:1].isdecimal()
        joined += f" {word}" if sized or numbers or word[:1] in "-." else word
        before = word
    return joined.strip()


def spaced_words(text: str, locale: str) -> str:
    """Return the folded words with one space between them; Japanese keeps its katakana.

    Args:
        text: a query or a head.
        locale: a tag of the bundle, or ``und``.
    """
    return _spaced_words(text, writing_of(locale))


@lru_cache(maxsize=8192)
def _spaced_words(text: str, language: str) -> str:
    parts = _parts(text, language)
    # Where words have no spaces, the change of script is what parts them.
    return unicodedata.normalize("NFKC", " ".join(parts)) if language == "ja" else fold_letters(parts, language)


def _parts(text: str, language: str) -> list[str]:
    if language == "tr":
        text = text.replace("I", "ı").replace("İ", "i")
    return parts_of(text, eliding=language in ELIDING)
