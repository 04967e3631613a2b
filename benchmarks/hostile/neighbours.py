"""Queries with known answers, asked among hostile ones: their answers must stay what they were."""

from __future__ import annotations

from collections.abc import Sequence

from shelfsense.v1 import query_understanding_pb2 as pb

TOLERANCE = 1e-3
"""Most that a probability or score may differ."""

_QUERIES = (
    ("red running shoes", "en"),
    ("kaffeemaschine 2 l", "de"),
    ("zapatillas sin cordones", "es"),
    ("ワイヤレスイヤホン", "ja"),
    ("iphone 13 case", "en"),
    ("чайник", "ru"),
    ("حذاء رياضي", "ar-SA"),
    ("kırmızı çanta", "tr"),
)


def neighbours() -> list[pb.Query]:
    """Return the queries."""
    return [pb.Query(text=text, locale=locale) for text, locale in _QUERIES]


class KnownAnswers:
    """The answers that a server gave while nobody disturbed it.

    Args:
        answers: to `neighbours`, in their order.
    """

    def __init__(self, answers: Sequence[pb.UnderstandResponse]) -> None:
        self._answers = answers
        self.compared = 0
        self.largest = 0.0

    def difference(self, place: int, answer: pb.UnderstandResponse) -> str:
        """Return how an answer differs from the known one of that place; empty where it does not."""
        self.compared += 1
        known = self._answers[place]
        if [each.id for each in known.product_types] != [each.id for each in answer.product_types]:
            return f"neighbour {place} has other product types"
        if [(each.query, each.accepted) for each in known.reformulations] != [
            (each.query, each.accepted) for each in answer.reformulations
        ]:
            return f"neighbour {place} has other reformulations"
        pairs = [
            *((a.probability, b.probability) for a, b in zip(known.product_types, answer.product_types, strict=True)),
            *((a.score, b.score) for a, b in zip(known.reformulations, answer.reformulations, strict=True)),
        ]
        largest = max((abs(a - b) for a, b in pairs), default=0.0)
        self.largest = max(self.largest, largest)
        return f"neighbour {place} differs by {largest:.4f}" if largest > TOLERANCE else ""
