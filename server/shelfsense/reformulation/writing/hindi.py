"""Hindi by its sound: one skeleton for Devanagari and for Latin letters as shoppers type them.

Nobody agrees on spelling Hindi in Latin letters, nor on which inherent vowels are spoken; what is left
are consonants, the other vowels, and an "a" at either end of a word.
"""

from __future__ import annotations

import re
from functools import lru_cache

from anyascii import anyascii

_DEVANAGARI = re.compile("[\u0900-\u097f]+")
_ANUSVARA_BEFORE_LIPS = re.compile("ं(?=[प-म])")
# In order: each works on what the ones before it left.
_SOUNDS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        ("'", ""), ("ph", "f"), ("ck", "k"), ("t?ch+", "C"), ("s+h", "s"), ("c(?=[eiy])", "s"), ("c|q", "k"), ("C", "c"), ("x", "ks"),
        ("w", "v"), ("z|jh", "j"), ("kh", "k"), ("gh", "g"), ("th", "t"), ("dh", "d"), ("bh", "b"),
        ("ee+|ii+|ea", "i"), ("oo+|uu+", "u"), ("e[iy](?![aeou])", "e"), ("a[iy](?![aeou])", "a"), ("e(?=h)|(?<=.)e(?=r$)", ""), ("a[uw]|ou", "o"), ("y(?![aeou])|(?<=i)y|y(?=i)", "i"),
        (r"([^\d])\1+", r"\1"), ("(?<=.)a(?=.)", ""), (r"([^\d])\1+", r"\1"),
    )
)  # fmt: skip


@lru_cache(maxsize=16384)
def sound_of(word: str) -> str:
    """Return the phonetic skeleton of one word, in ASCII; a word with digits stays as it is.

    Args:
        word: in Devanagari or Latin letters, folded by `fold_letters`.
    """
    if _DEVANAGARI.search(word):
        # Without its anusvara and candra vowels spelt out, anyascii would read them as other letters.
        word = _ANUSVARA_BEFORE_LIPS.sub("म", word).replace("ं", "न").replace("ॉ", "ो").replace("ऑ", "ओ")
        word = _DEVANAGARI.sub(lambda letters: anyascii(letters[0]).lower().replace("c", "ch"), word)
    if not word.isascii() or not word.isalpha():
        word = word.replace("'", "")
        if not word.isascii() or not word.isalpha():
            return word
    for pattern, sound in _SOUNDS:
        word = pattern.sub(sound, word)
    return word
