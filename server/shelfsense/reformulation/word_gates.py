"""All gates that look at words, in one order: what of a query may not change in the head that stands for it.

The same for serving and for fixing thresholds. Knows nothing of vectors, types or thresholds.
"""

from __future__ import annotations

from shelfsense.locales import UNDETERMINED, language_of
from shelfsense.reformulation.attribute_spans import LazySpans, spans_from_text
from shelfsense.reformulation.gates import attribute_refusal
from shelfsense.reformulation.named_attributes import named_attribute_refusal, spans_not_shared
from shelfsense.reformulation.negation import exclusions, negation_refusal
from shelfsense.reformulation.opposites import audience_refusal, opposite_refusal
from shelfsense.reformulation.respelling import respelt
from shelfsense.reformulation.span_gate import attribute_span_refusal
from shelfsense.text import normal_form


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
    locales = query_locale, head_locale
    same_language = language_of(query_locale) == language_of(head_locale)
    refusal = attribute_refusal(query, head)
    if not refusal and same_language:
        query = respelt(normal_form(query), normal_form(head), query_locale)
    if not refusal and (same_language or bool(exclusions(query, query_locale)) != bool(exclusions(head, head_locale))):
        refusal = negation_refusal(query, head, *locales)
    # Of a language that is not known nobody can say what a text does not name.
    if not refusal and language_of(UNDETERMINED) not in map(language_of, locales):
        refusal = named_attribute_refusal(query, head, *locales) or audience_refusal(query, head, *locales)
    refusal = refusal or opposite_refusal(query, head, *locales)
    if not refusal and same_language and spans is not None:
        theirs = spans_from_text(attributes) if attributes else ()
        ours = spans_not_shared(spans(), head, query_locale, head_locale)
        theirs = spans_not_shared(theirs, query, head_locale, query_locale)
        refusal = attribute_span_refusal(ours, query, theirs, head, head_locale)
    return refusal
