"""From rows to annotations: what is asked twice is computed once, and like lengths go together.

Knows nothing of files. Nothing about one row can keep another from being answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from shelfsense.annotation.row import Annotation, Row
from shelfsense.errors import InvalidQuery
from shelfsense.query import Options, Query
from shelfsense.text import decode_text
from shelfsense.understander import Prepared, Understander
from shelfsense.understanding import Understanding

Asked: TypeAlias = tuple[bytes, bytes]
"""A query and its locale, as bytes: rows that ask the same share one answer."""


@dataclass(frozen=True, slots=True)
class Annotator:
    """Annotates chunks of rows.

    Attributes:
        understander: answers the queries.
        options: how much to answer.
        batch_size: queries put through the network at once.
        truncate: cut over-long queries instead of marking them invalid.
        default_locale: BCP 47 tag of rows that have none.
    """

    understander: Understander
    options: Options
    batch_size: int = 64
    truncate: bool = False
    default_locale: str = ""

    def annotate(self, rows: Sequence[Row]) -> list[Annotation]:
        """Return an annotation for each row, in order."""
        known: dict[Asked, Annotation] = {}
        prepared: dict[Asked, Prepared] = {}
        for row in rows:
            asked = _asked(row)
            if row.fault or asked in known or asked in prepared:
                continue
            try:
                prepared[asked] = self.understander.prepare(self._query(asked))
            except InvalidQuery as error:
                known[asked] = Annotation("", "invalid", str(error))
        # A batch costs what its longest query costs, for each of its queries.
        waiting = sorted(prepared, key=lambda asked: len(prepared[asked].token_ids))
        for start in range(0, len(waiting), self.batch_size):
            batch = waiting[start : start + self.batch_size]
            known.update(zip(batch, self._answer([prepared[asked] for asked in batch]), strict=True))
        return [Annotation("", "invalid", row.fault) if row.fault else known[_asked(row)] for row in rows]

    def _query(self, asked: Asked) -> Query:
        text, locale = asked
        try:
            tag = decode_text(locale)
        except InvalidQuery as error:
            raise InvalidQuery("locale", error.message) from None
        return Query(decode_text(text), tag or self.default_locale, self.truncate)

    def _answer(self, batch: Sequence[Prepared]) -> list[Annotation]:
        try:
            return self._answer_together(batch)
        except Exception as error:  # whatever an engine raises: one query must not cost the others their answers
            if len(batch) == 1:
                return [Annotation("", "error", f"{type(error).__name__}: {error}")]
            return [self._answer([prepared])[0] for prepared in batch]

    def _answer_together(self, batch: Sequence[Prepared]) -> list[Annotation]:
        output = self.understander.infer(batch)
        return [_annotation(answer) for answer in self.understander.answer_all(batch, output, self.options)]


def _asked(row: Row) -> Asked:
    return row.query or b"", row.locale or b""


def _annotation(understanding: Understanding) -> Annotation:
    types, reformulations = understanding.product_types, understanding.reformulations
    return Annotation(
        locale_used=understanding.locale_used,
        status="ok",
        error="",
        product_type_ids=tuple(each.id for each in types),
        levels=tuple(each.level for each in types),
        probabilities=tuple(each.probability for each in types),
        accepted=tuple(each.accepted for each in types),
        reformulations=tuple(each.query for each in reformulations),
        reformulation_scores=tuple(each.score for each in reformulations),
        reformulations_accepted=tuple(each.accepted for each in reformulations),
    )
