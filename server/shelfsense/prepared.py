"""A query on its way to the network: checked and brought into its forms, then turned into tokens."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from shelfsense.locales import Locales, language_of
from shelfsense.query import Query
from shelfsense.text import check_text, model_form, normal_form
from shelfsense.tokenizer import QueryTokenizer


@dataclass(frozen=True, slots=True)
class Normalised:
    """A query that was checked, under the forms that its answer depends on: equal forms, equal answers.

    Attributes:
        query: as asked; its text cut to the byte limit where that was allowed.
        normal_form: decides what counts as the same query.
        model_text: the text the network reads; differs from the normal form in Turkish and Azeri, and where
            invisible characters are.
        locale: the bundle's locale that answers, or ``und``.
        cut: whether the text was cut.
    """

    query: Query
    normal_form: str
    model_text: str
    locale: str
    cut: bool

    @classmethod
    def from_query(cls, query: Query, locales: Locales) -> Normalised:
        """Check a query and bring it into the forms that its answer depends on.

        Raises:
            InvalidQuery: naming the field at fault, ``text`` or ``locale``.
        """
        text, cut = check_text(query.text, truncate=query.truncate)
        locale = locales.resolve(query.locale).tag
        if cut:
            query = dataclasses.replace(query, text=text)
        return cls(query, normal_form(text), model_form(text, language_of(locale)), locale, cut)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A query that may go to the network.

    Attributes:
        query: as asked; its text cut to the byte limit where that was allowed.
        normal_form: decides what counts as the same query.
        model_text: the text the network reads.
        locale: the bundle's locale that answers, or ``und``.
        token_ids: the network's input, its locale token included.
        truncated: text or tokens were cut.
        known: whether the vocabulary has any of the text; where not, nothing is accepted.
    """

    query: Query
    normal_form: str
    model_text: str
    locale: str
    token_ids: tuple[int, ...]
    truncated: bool
    known: bool = True

    @classmethod
    def from_normalised(cls, normalised: Normalised, tokenizer: QueryTokenizer) -> Prepared:
        """Turn a query that was checked into what the network reads.

        Raises:
            InvalidQuery: on field ``text``, when it has too many tokens.
        """
        text, locale, truncate = normalised.model_text, normalised.locale, normalised.query.truncate
        tokens = tokenizer.network_input(text, locale, truncate=truncate)
        truncated = normalised.cut or tokens.truncated
        return cls(normalised.query, normalised.normal_form, text, locale, tokens.ids, truncated, known=tokens.known)
