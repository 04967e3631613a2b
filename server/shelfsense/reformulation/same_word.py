"""Whether two folded words of one language are the same word, bent or misspelt. Knows nothing of texts."""

from __future__ import annotations

from functools import lru_cache

from shelfsense.reformulation.writing.gram_overlap import gram_overlap
from shelfsense.reformulation.writing.languages import writing_of
from shelfsense.reformulation.writing.loose_form import loose_form

LEAST_OVERLAP = 0.6
"""Least `gram_overlap` of two spellings of one word: two slips in eight letters leave so much."""

SHORTEST_MISSPELT = 5
"""Letters from which on one wrong letter makes no other word; "gold" and "golf" are two. Colours and materials,
of which "black" and "blank" would be mistaken, are looked up (`named_attributes`) before words are compared."""

_SHORTEST_STEM = 3
_SHORTEST_ENGLISH_STEM = 4  # before two letters: "golden" is gold, "green" and "greed" are no two forms of a word
# What a word may end in, in letters already folded; the longer a language's endings, the better listed than guessed.
_ENDINGS = {
    language: endings.split()
    for language, endings in {
        "en": "s es ed en",
        "de": "e er en es em n s",
        "nl": "e en s",
        "sv": "a t n er ar or na", "da": "e t n er r ne", "nb": "e t n er r ne",
        "fr": "e s es x he hes le les ne nes te tes se ses",
        "es": "a o as os e es s", "pt": "a o as os e es s", "ca": "a o as os e es s", "it": "a o e i he hi",
        "id": "", "vi": "", "zh": "", "ja": "", "th": "",
    }.items()
}  # fmt: skip


@lru_cache(maxsize=32768)
def same_word(one: str, other: str, locale: str) -> bool:
    """Return whether two words mean the same: equal, of one stem, or one misspelt.

    Where the language's endings are not listed, words of a long common beginning count as one; with a
    digit in it, none but the very same does.

    Args:
        one: a word of `spaced_words`.
        other: likewise.
        locale: of both.
    """
    if one == other:
        return True
    if any(map(str.isdecimal, one + other)):
        return False
    language = writing_of(locale)
    bent = _stems(one, language) & _stems(other, language) if language in _ENDINGS else _long_beginning(one, other)
    return bool(bent) or _misspelt(one, other, locale)


def _stems(word: str, language: str) -> set[str]:
    found = {word}
    for ending in _ENDINGS[language]:
        stem = word.removesuffix(ending)
        least = _SHORTEST_ENGLISH_STEM if language == "en" and len(ending) > 1 else _SHORTEST_STEM
        # "brass" is no plural.
        if stem != word and len(stem) >= least and not word.endswith("ss"):
            found.add(stem)
    return found


def _long_beginning(one: str, other: str) -> bool:
    """Return whether no more letters at the end of either differ than an ending may have in words of that length."""
    longer = max(len(one), len(other))
    # Latin words are guests in every language, and their short ones differ by little.
    ending = 3 if longer >= 8 else 2 if longer >= (6 if one.isascii() else 5) else 1
    return longer > _SHORTEST_STEM and one[: longer - ending] == other[: longer - ending]


def _misspelt(one: str, other: str, locale: str) -> bool:
    if min(len(one), len(other)) < SHORTEST_MISSPELT:
        return False
    return one_slip(one, other) or gram_overlap(loose_form(one, locale), loose_form(other, locale)) >= LEAST_OVERLAP


def one_slip(one: str, other: str) -> bool:
    """Return whether one letter was left out, added or changed, or two neighbours swapped."""
    if len(one) > len(other):
        one, other = other, one
    first = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) < len(other):
        return one[first:] == other[first + 1 :]
    swapped = one[first : first + 2] == other[first : first + 2][::-1] and one[first + 2 :] == other[first + 2 :]
    return swapped or one[first + 1 :] == other[first + 1 :]
