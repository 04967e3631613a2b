"""All gates that look at words, in one order: what of a query may not change in the head that stands for it.

The same for serving and for fixing thresholds. Knows nothing of vectors, types or thresholds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

from shelfsense.locales import UNDETERMINED, language_of
from shelfsense.reformulation.attribute_spans import LazySpans, Spans, spans_from_text
from shelfsense.reformulation.gates import attribute_refusal
from shelfsense.reformulation.named_attributes import named_attribute_refusal, spans_not_shared
from shelfsense.reformulation.negation import exclusions, negation_refusal
from shelfsense.reformulation.opposites import audience_refusal, opposite_refusal
from shelfsense.reformulation.respelling import respelt
from shelfsense.reformulation.same_word import one_slip
from shelfsense.reformulation.span_gate import attribute_span_refusal
from shelfsense.reformulation.synonyms import in_first_terms
from shelfsense.text import normal_form

_PARTING = re.compile(r"[ \-]+")
_NUMBER = re.compile(r"\d+")
_LONG_TEXT = 10
"""Letters from which on one wrong among them makes no other wish of a name."""


def words_refusal(
    query: str, query_locale: str, head: str, head_locale: str, *, spans: LazySpans | None = None, attributes: str = ""
) -> str:
    """Return why a head's words do not say what the query's do, empty where no gate objects.

    Across languages brands and excluded things are not compared, as the words differ; numbers, units,
    opposites, colours and materials of the table, and whether anything is excluded at all, are.

    Args:
        query: what was asked.
        query_locale: a tag of the bundle, or ``und``.
        head: what is to stand for it.
        head_locale: a tag of the bundle.
        spans: finds the query's attributes; None where the network cannot tell.
        attributes: the head's, as `spans_to_text` wrote them; empty when unknown.

    Raises:
        InputRefused: when the head's attributes are not what `spans_to_text` writes.
    """
    if language_of(query_locale) == language_of(head_locale) and _parted_otherwise(query, head):
        return ""
    asked = _Said(query, query_locale, spans)
    offered = _Said(head, head_locale, partial(spans_from_text, attributes) if attributes else None)
    refusal = _refusal(asked, offered)
    if not refusal or language_of(query_locale) != language_of(head_locale):
        return refusal
    plain = asked.in_first_terms(), offered.in_first_terms()
    # What two texts say is not changed by saying it in synonyms: what passes so passes. What does not is
    # refused for what the shopper wrote.
    return refusal if plain == (asked, offered) or _refusal(*plain) else ""


def _parted_otherwise(query: str, head: str) -> bool:
    """Tell whether only spaces and hyphens differ, and no number or letter size is made or lost by it."""
    one, other = normal_form(query), normal_form(head)
    if _letters(one) != _letters(other) or _NUMBER.findall(one) != _NUMBER.findall(other):
        return False
    return not any(len(word) == 1 and word.isalpha() and word.isascii() for word in _PARTING.split(f"{one} {other}"))


def _letters(text: str) -> str:
    return _PARTING.sub("", text)


def _one_slip_apart(query: str, head: str) -> bool:
    one, other = _letters(query), _letters(head)
    longest = max(len(one), len(other))
    return longest >= _LONG_TEXT and _NUMBER.findall(one) == _NUMBER.findall(other) and one_slip(one, other)


@dataclass(frozen=True, slots=True)
class _Said:
    """A text and what it names.

    Attributes:
        text: a query or a head.
        locale: a tag of the bundle, or ``und``.
        spans: finds the attributes that it names; None where nobody can tell.
    """

    text: str
    locale: str
    spans: LazySpans | None

    def in_first_terms(self) -> _Said:
        plain = in_first_terms(self.text, self.locale)
        if plain == normal_form(self.text):
            return self
        return _Said(plain, self.locale, None if self.spans is None else partial(_plain_spans, self))


def _plain_spans(said: _Said) -> Spans:
    assert said.spans is not None
    return tuple(span._replace(text=in_first_terms(span.text, said.locale)) for span in said.spans())


def _refusal(asked: _Said, offered: _Said) -> str:
    query, head, locales = asked.text, offered.text, (asked.locale, offered.locale)
    same_language = language_of(asked.locale) == language_of(offered.locale)
    refusal = attribute_refusal(query, head)
    if not refusal and same_language:
        query = respelt(normal_form(query), normal_form(head), asked.locale)
    if not refusal and (same_language or bool(exclusions(query, locales[0])) != bool(exclusions(head, locales[1]))):
        refusal = negation_refusal(query, head, *locales)
    # Of a language that is not known nobody can say what a text does not name.
    if not refusal and language_of(UNDETERMINED) not in map(language_of, locales):
        refusal = named_attribute_refusal(query, head, *locales) or audience_refusal(query, head, *locales)
    refusal = refusal or opposite_refusal(query, head, *locales)
    # A name with one letter wrong in a text that is right otherwise is that name.
    slip = _one_slip_apart(normal_form(query), normal_form(head))
    if not refusal and same_language and not slip and asked.spans is not None:
        named = offered.spans() if offered.spans is not None else ()
        ours = spans_not_shared(asked.spans(), head, *locales)
        theirs = spans_not_shared(named, query, *reversed(locales))
        refusal = attribute_span_refusal(ours, query, theirs, head, offered.locale)
    return refusal
