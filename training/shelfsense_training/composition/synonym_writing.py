"""The same query with a word of it in another word: what a table of synonyms makes of a text."""

from __future__ import annotations

import random

from shelfsense.locales import language_of
from shelfsense.reformulation.synonyms import found_terms
from shelfsense.text import model_form


def rewritten(text: str, locale: str, draw: random.Random) -> str:
    """Return a text with one of its terms in another of the same set; as it is where it has none.

    Args:
        text: in model form.
        locale: a bundle locale.
        draw: chooses the term and the other one.
    """
    terms = found_terms(text, locale)
    if not terms:
        return text
    found = draw.choice(terms)
    other = draw.choice([term for term in found.among.terms if term != found.term])
    return f"{text[: found.start]}{model_form(other, language_of(locale))}{text[found.end :]}"
