"""Which texts are the heads of an evaluation: those it needs, the lexicon's, and composed ones up to a number.

Composed heads are the lexicon's with an attribute word added, so that many heads of the index differ in one
attribute, as a shop's do. A text that says in other writing or order what a wanted head or a query says
is left out: it would be as right as the head, and counted as wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from shelfsense.reformulation.writing.languages import COMPOUNDING, UNSPACED, writing_of
from shelfsense.reformulation.writing.loose_form import loose_form
from shelfsense.reformulation.writing.match_form import match_form, spaced_words
from shelfsense.text import normal_form
from shelfsense_training.composition.attribute_words import read_attribute_terms
from shelfsense_training.composition.contrast import KINDS, Contrasts
from shelfsense_training.sources.lexicon import read_heads

HEADS = 2000
"""Heads that a locale's index has at least."""

_ADDED = {f"{kind} added" for kind in KINDS}
_PER_HEAD = 4
_ROUNDS = 6


def pool_texts(
    locale: str, wanted: Sequence[str], asked: Iterable[str] = (), *, heads: int = HEADS, seed: int = 0
) -> list[str]:
    """Return the heads of an evaluation, distinct by normal form, the wanted ones first.

    Args:
        locale: a bundle locale.
        wanted: heads that must be there, right or wrong.
        asked: queries; no other head may be one of them, however written.
        heads: how many at least; fewer where no more can be composed.
        seed: of the composed ones.
    """
    found: dict[str, str] = {}
    for text in wanted:
        found.setdefault(normal_form(text), text)
    taken = {key for text in (*wanted, *asked) for key in _keys(text, locale)}
    lexicon = [head.text for head in read_heads() if head.locale == locale]
    for text in lexicon:
        if not taken.intersection(_keys(text, locale)):
            found.setdefault(normal_form(text), text)
    for text in _composed(locale, lexicon, seed):
        if len(found) >= heads:
            break
        if not taken.intersection(_keys(text, locale)):
            found.setdefault(normal_form(text), text)
    return list(found.values())


def _composed(locale: str, lexicon: Sequence[str], seed: int) -> Iterator[str]:
    contrasts = Contrasts(read_attribute_terms(), seed=seed)
    grown = list(lexicon)
    for _ in range(_ROUNDS):
        added = []
        for text in grown:
            fresh = [c.text for c in contrasts.contrasts(text, locale, _PER_HEAD) if c.kind in _ADDED]
            yield from fresh
            added += fresh
        # Where a locale has few attribute words, a second one beside the first makes further heads.
        grown = [*lexicon, *added]


def _keys(text: str, locale: str) -> set[str]:
    """Return the forms under which two writings or orders of the same words meet."""
    language = writing_of(locale)
    form = match_form(text, locale)
    if language in UNSPACED:
        return {form, "".join(sorted(form.replace(" ", "")))}
    words = " ".join(sorted(spaced_words(text, locale).split()))
    if language in COMPOUNDING:
        return {form, words}
    return {form, words, " ".join(sorted(loose_form(text, locale).split()))}
