"""Answers that were given before, as bytes ready to be sent; the least recently used leave first.

Knows neither gRPC nor what the bytes mean. Used from the event loop alone, so nothing is locked.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

# What an entry takes beside its texts and its bytes: the key, its tuple, the ordered dictionary's link.
_ENTRY_BYTES = 450


class AnswerKey(NamedTuple):
    """What an answer depends on: two queries with equal keys have equal answers.

    Attributes:
        generation: of the loaded bundle; one that is loaded again gets another.
        kind: what was asked, by the name of its rpc.
        normal_form: of the query.
        model_text: of the query.
        locale: the bundle's locale that answers, or ``und``.
        truncate: an answer to a text that was cut is an error where cutting was not allowed.
        options: every option, in their order.
        overrides: of those that hold for every query of a locale, a number unlike that of any other set; 0: none.
    """

    generation: int
    kind: str
    normal_form: str
    model_text: str
    locale: str
    truncate: bool
    options: tuple[int, ...]
    overrides: int


@dataclass(slots=True)
class CacheFigures:
    """What a cache has done so far.

    Attributes:
        hits: answers that were there.
        misses: answers that were not.
        evicted: answers that made room for others.
    """

    hits: int = 0
    misses: int = 0
    evicted: int = 0


class AnswerCache:
    """Holds answers up to a number of bytes.

    Args:
        most_bytes: of keys and answers, the overhead of an entry counted; 0 switches the cache off.

    Attributes:
        figures: what it has done so far.
        bytes: that it holds.
        most_bytes: as given.
    """

    def __init__(self, most_bytes: int) -> None:
        self.figures = CacheFigures()
        self.bytes = 0
        self.most_bytes = most_bytes
        self._answers: OrderedDict[AnswerKey, bytes] = OrderedDict()

    def __len__(self) -> int:
        """Return the number of answers held."""
        return len(self._answers)

    def get(self, key: AnswerKey) -> bytes | None:
        """Return an answer, None where there is none; it is now the most recently used."""
        answer = self._answers.get(key)
        if answer is None:
            self.figures.misses += 1
            return None
        self._answers.move_to_end(key)
        self.figures.hits += 1
        return answer

    def put(self, key: AnswerKey, answer: bytes) -> None:
        """Hold an answer, and let go of the least recently used until all fit; one that never fits is not held."""
        size = _size(key, answer)
        if size > self.most_bytes:
            return
        self._drop(key)
        self._answers[key] = answer
        self.bytes += size
        while self.bytes > self.most_bytes:
            oldest, its_answer = self._answers.popitem(last=False)
            self.bytes -= _size(oldest, its_answer)
            self.figures.evicted += 1

    def forget(self, generation: int) -> None:
        """Drop the answers of a bundle that is no longer loaded."""
        for key in [key for key in self._answers if key.generation == generation]:
            self._drop(key)

    def _drop(self, key: AnswerKey) -> None:
        answer = self._answers.pop(key, None)
        if answer is not None:
            self.bytes -= _size(key, answer)


def _size(key: AnswerKey, answer: bytes) -> int:
    # The normal form and the network's are nearly always one string's worth each; both are counted.
    return _ENTRY_BYTES + sys.getsizeof(answer) + sys.getsizeof(key.normal_form) + sys.getsizeof(key.model_text)
