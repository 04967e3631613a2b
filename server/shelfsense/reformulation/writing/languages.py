"""What is known of each language's writing, in tables; the rules that use them are beside this file.

A fold is here only where shoppers write both ways and no two words of a shop meet in it, or where
those that would are listed. Knows nothing of text.
"""

from __future__ import annotations

from functools import lru_cache

from shelfsense.locales import language_of

_SAME_WRITING = {"no": "nb", "nn": "nb", "bs": "hr", "sr": "hr"}

COMPOUNDING = frozenset({"de", "nl", "sv", "da", "nb", "fi", "hu"})
"""Write compounds as one word, and shoppers as two or with a hyphen: spaces between words say nothing."""

UNSPACED = frozenset({"ja", "zh", "ko", "th"})
"""Spaces beside their own script say nothing."""

ELIDING = frozenset({"fr", "it", "ca"})
"""An apostrophe stands where a word ends, not within one."""

AND = {
    "en": "and", "fr": "et", "it": "e", "es": "y", "pt": "e", "ro": "si", "pl": "i", "cs": "a", "sk": "a", "hr": "i",
    "sl": "in", "lt": "ir", "tr": "ve", "id": "dan", "ru": "и", "bg": "и", "el": "και",
}  # fmt: skip
"""What "&" is read as, in letters already folded; where spaces say nothing "h & m" is not told from "h und m"."""

_NORDIC = {"å": "aa", "ä": "ae", "æ": "ae", "ö": "oe", "ø": "oe"}
_ARABIC = {
    **dict.fromkeys("أإآٱ", "ا"), "ى": "ي", "ی": "ي", "ئ": "ي", "ې": "ي", "ؤ": "و", "ة": "ه", "ک": "ك", "ـ": "",
    **dict.fromkeys(map(chr, (*range(0x0610, 0x061B), *range(0x064B, 0x0660), 0x0670, *range(0x06D6, 0x06ED))), ""),
}  # fmt: skip
_DEVANAGARI = {"\u093c": "", "ऩ": "न", "ऱ": "र", "ऴ": "ळ", "ँ": "ं"}

LETTERS: dict[str, dict[str, str]] = {
    # Two letters for one, never one for two: "ue" in "neue" stays, and no word is spelt "neü".
    "de": {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"},
    "sv": _NORDIC, "da": _NORDIC, "nb": _NORDIC,
    "hr": {"đ": "dj"},
    # Keyboards without Hungarian: long i and u are left short, and the double acute is typed as tilde or roof.
    "hu": {"í": "i", "ú": "u", "ű": "ü", "û": "ü", "õ": "ő"},
    "tr": {"ı": "i"},
    "ru": {"ё": "е"}, "bg": {"ѝ": "и"}, "el": {"ς": "σ"},
    "ar": _ARABIC, "hi": _DEVANAGARI,
}  # fmt: skip
"""Letters written otherwise, by language; after NFKC and lower case."""

KEPT: dict[str, str] = {
    "es": "ñ",  # moño is a bow, mono a monkey or a playsuit
    "hu": "áéóöőü",  # bőr is leather, bor is wine
    "fi": "åäö",
    "tr": "çğöşü",  # çam is pine, cam is glass
}
"""Marked letters that make other words; every other Latin mark is dropped in `FOLDING` languages."""

FOLDING = frozenset(
    [
        "en",
        "es",
        "fr",
        "it",
        "pt",
        "ro",
        "pl",
        "cs",
        "sk",
        "sl",
        "hr",
        "lt",
        "nl",
        "id",
        "de",
        "sv",
        "da",
        "nb",
        "fi",
        "hu",
        "tr",
        "ca",
        "ja",
        "zh",
        "ko",
        "th",
        "ar",
        "hi",
        "ru",
        "bg",
        "el",
    ]
)
"""Languages whose shoppers leave marks out, or in whose text a Latin word is a guest."""

KEPT_WORDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "es": "papá papás tutú",
        "pt": "avó avô avós avôs maçã maçãs cocô caqui cáqui caça babá babás lã lãs roça pônei",
        "it": "papà metà",
        "ro": "pături pătură păturile față fețe rață pană țap sac",
        "pl": "pączki pączek łoś łosie kąt mąka mąki łaska lód sąd",
        "cs": "pás pásy drahá dráha víla víly šál šály pára",
        "sk": "pás pásy dráha víla víly šál šály para",
        "hr": "koža kože kožu šal šalovi sač",
        "sl": "koža kože peč peči šal šali luč luči",
        "lt": "šaltas karštas",
        "tr": "dış ılık kıl",
    }.items()
}
"""Words whose marks are kept, as without them they are other words of a shop."""


@lru_cache(maxsize=256)
def writing_of(locale: str) -> str:
    """Return the language subtag whose writing a locale follows, ``und`` for none."""
    language = language_of(locale)
    return _SAME_WRITING.get(language, language)
