"""Store locales: from any BCP 47 tag to one the model was trained for.

A bundle brings its own list of locales; this module resolves requests against it and says how.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import langcodes
from langcodes.tag_parser import LanguageTagError

from shelfsense.errors import InvalidQuery

UNDETERMINED = "und"
"""The tag that stands for no known locale; it has a trained token of its own."""

_LONGEST_TAG = 64

# Bokmål and Nynorsk are written Norwegian, and stores say "no" for either; CLDR makes "no" the parent of both.
_WRITTEN_AS = {"nb": "no", "nn": "no"}


@dataclass(frozen=True, slots=True)
class ResolvedLocale:
    """A locale of the bundle, and how a request's tag led to it.

    Attributes:
        tag: a tag of the bundle, or ``und``.
        how: ``exact``, ``script`` (language and script agree), ``language`` or ``none``.
    """

    tag: str
    how: str


class Locales:
    """The locales of one bundle, in the order of their model tokens.

    Args:
        tags: BCP 47 tags, without ``und``; their order is the order of the locale tokens.
    """

    def __init__(self, tags: Iterable[str]) -> None:
        self.tags = tuple(tags)
        self._token = {tag: i for i, tag in enumerate((*self.tags, UNDETERMINED))}
        self._exact = {_canonical(tag): tag for tag in self.tags}
        self._by_script: dict[tuple[str, str], list[str]] = {}
        self._by_language: dict[str, list[str]] = {}
        for tag in self.tags:
            language, script, _ = _maximised(tag)
            self._by_script.setdefault((language, script), []).append(tag)
            self._by_language.setdefault(language, []).append(tag)
        self._resolve = lru_cache(maxsize=4096)(self._resolve_uncached)

    def token(self, tag: str) -> int:
        """Return the position of a resolved tag's token, 0 to ``len(tags)``, ``und`` last."""
        return self._token[tag]

    def resolve(self, tag: str) -> ResolvedLocale:
        """Resolve a request's tag: exact, then language and script, then language, then ``und``.

        Args:
            tag: any BCP 47 tag; empty means undetermined.

        Raises:
            InvalidQuery: on field ``locale``, when the tag is not BCP 47.
        """
        if len(tag) > _LONGEST_TAG:
            raise InvalidQuery("locale", f"is {len(tag)} characters long and no BCP 47 tag; send one like de or pt-BR")
        return self._resolve(tag)

    def _resolve_uncached(self, tag: str) -> ResolvedLocale:
        if not tag:
            return ResolvedLocale(UNDETERMINED, "none")
        canonical = _canonical(tag)
        if canonical in self._exact:
            return ResolvedLocale(self._exact[canonical], "exact")
        language, script, territory = _maximised(tag)
        for how, candidates in (
            ("script", self._by_script.get((language, script), [])),
            ("language", self._by_language.get(language, [])),
        ):
            if candidates:
                return ResolvedLocale(_nearest(candidates, language, territory), how)
        return ResolvedLocale(UNDETERMINED, "none")


@lru_cache(maxsize=256)
def language_of(tag: str) -> str:
    """Return the language subtag of a bundle's tag, ``und`` for none."""
    return tag.partition("-")[0]


def _canonical(tag: str) -> str:
    try:
        return str(langcodes.standardize_tag(tag, macro=True))
    except (LanguageTagError, ValueError):
        raise _no_tag(tag) from None


def _maximised(tag: str) -> tuple[str, str, str]:
    try:
        given = langcodes.get(_canonical(tag))
    except (LanguageTagError, ValueError):  # of a tag as odd as dt5-onq-en5 the canonical form is none
        raise _no_tag(tag) from None
    if not given.territory and (given.language or UNDETERMINED) == UNDETERMINED:
        # Likely subtags would make English of a store that says it does not know.
        return UNDETERMINED, given.script or "", ""
    full = given.maximize()
    language = full.language or UNDETERMINED
    return _WRITTEN_AS.get(language, language), full.script or "", full.territory or ""


def _no_tag(tag: str) -> InvalidQuery:
    shown = tag.encode("unicode_escape").decode("ascii")
    return InvalidQuery("locale", f"'{shown}' is not a BCP 47 tag; send one like de, pt-BR or zh-TW")


def _nearest(candidates: list[str], language: str, territory: str) -> str:
    """Pick among locales of one language: same territory, then the language's likely one, then the first."""
    likely = langcodes.get(language).maximize().territory
    for wanted in (territory, likely):
        for tag in candidates:
            if _maximised(tag)[2] == wanted:
                return tag
    return candidates[0]
