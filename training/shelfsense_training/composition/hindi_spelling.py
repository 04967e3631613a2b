"""Hindi in Latin letters as shoppers type it: by sound, and no two alike.

The inherent vowel is written where it is spoken: not at the end of a word, nor between a syllable with
a vowel and another (Ohala, *Aspects of Hindi Phonology*, 1983: schwa deletion in the context VC_CV).
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable

_CONSONANTS: dict[str, tuple[str, ...]] = {
    "क": ("k",), "ख": ("kh",), "ग": ("g",), "घ": ("gh",), "ङ": ("n",), "च": ("ch",), "छ": ("chh", "ch"), "ज": ("j",),
    "झ": ("jh",), "ञ": ("n",), "ट": ("t",), "ठ": ("th",), "ड": ("d",), "ढ": ("dh",), "ण": ("n",), "त": ("t",), "थ": ("th",),
    "द": ("d",), "ध": ("dh",), "न": ("n",), "प": ("p",), "फ": ("ph", "f"), "ब": ("b",), "भ": ("bh",), "म": ("m",), "य": ("y",),
    "र": ("r",), "ल": ("l",), "ळ": ("l",), "व": ("v", "w"), "श": ("sh", "s"), "ष": ("sh",), "स": ("s",), "ह": ("h",),
}  # fmt: skip
_WITH_NUKTA = {
    "ज": ("z", "j"),
    "फ": ("f",),
    "ड": ("d", "r"),
    "ढ": ("dh", "rh"),
    "क": ("q", "k"),
    "ख": ("kh",),
    "ग": ("g",),
}
_VOWELS: dict[str, tuple[str, ...]] = {
    "अ": ("a",), "आ": ("aa", "a"), "इ": ("i",), "ई": ("i", "ee"), "उ": ("u",), "ऊ": ("oo", "u"), "ए": ("e",), "ऐ": ("ai",),
    "ओ": ("o",), "औ": ("au",), "ऋ": ("ri",), "ऑ": ("o",), "ऍ": ("e", "a"),
    "ा": ("a", "aa"), "ि": ("i",), "ी": ("i", "ee"), "ु": ("u",), "ू": ("u", "oo"), "े": ("e",), "ै": ("ai", "e"), "ो": ("o",),
    "ौ": ("au", "o"), "ृ": ("ri",), "ॉ": ("o",), "ॅ": ("e", "a"),
}  # fmt: skip
_NUKTA, _VIRAMA, _NASAL_MARKS, _INHERENT = "\u093c", "\u094d", "ंँ", "ə"
_WORD = re.compile("[\u0900-\u0963\u0970-\u097f]+")
_FINAL_INHERENT = re.compile(f"(?<=[^{_INHERENT}]){_INHERENT}$")
_SPOKEN = "aeiouAEIOU"
_MEDIAL_INHERENT = re.compile(
    f"(?<=[{_SPOKEN}{_INHERENT}])([bcdfghjklmnpqrstvwyz]h?){_INHERENT}(?=[bcdfghjklmnpqrstvwyz]h?[{_SPOKEN}])"
)


def latin_hindi(text: str, draw: random.Random) -> str:
    """Return the text with every Devanagari word in Latin letters, spelt as one shopper might.

    Args:
        text: Hindi; other scripts and digits stay.
        draw: of the spelling; one choice per letter and text, as a shopper has habits.
    """
    habits: dict[str, str] = {}

    def choose(key: str, spellings: tuple[str, ...]) -> str:
        return habits.setdefault(key, draw.choice(spellings))

    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", _WORD.sub(lambda match: _latin_word(match[0], choose), decomposed))


def _latin_word(word: str, choose: Callable[[str, tuple[str, ...]], str]) -> str:
    spelt = ""
    for at, letter in enumerate(word):
        following = word[at + 1 : at + 2]
        if letter in _CONSONANTS:
            nukta = following == _NUKTA
            spelt += choose(
                letter + "\u093c" * nukta,
                _WITH_NUKTA.get(letter, _CONSONANTS[letter]) if nukta else _CONSONANTS[letter],
            )
            after = word[at + 2 : at + 3] if nukta else following
            if after != _VIRAMA and after not in _VOWELS:
                spelt += _INHERENT
        elif letter in _VOWELS:
            spelt += choose(letter, _VOWELS[letter])
        elif letter in _NASAL_MARKS:
            spelt += "m" if following in set("पफबभम") else "n"
    # A nasal at the end is spoken after its vowel: "मैं"; a lone inherent vowel at the end is silent.
    spelt = _FINAL_INHERENT.sub("", spelt)
    spelt = _MEDIAL_INHERENT.sub(r"\1", spelt)
    return spelt.replace(_INHERENT, "a")
