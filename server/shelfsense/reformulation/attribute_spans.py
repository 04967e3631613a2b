"""Which words of a query name its colour, brand, material, size: read off what the network says of each token.

Knows nothing of the network or of heads; a head carries its spans as text. T tokens, K kinds of attributes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shelfsense.attribute_kinds import ATTRIBUTES
from shelfsense.errors import InputRefused
from shelfsense.reformulation.gates import UNSPACED_SCRIPTS

LEAST_PROBABILITY = 0.41
"""Least mean probability, of the tokens of a word, of being part of any attribute; between 0.40 and 0.42 near
pairs of marked validation queries are refused as often as is wanted where they differ, and lost as seldom
where they do not."""

LEAST_UNMARKED = 0.8
"""Likewise in languages that people have marked no queries of."""

_WORD = re.compile(r"\S+")
# Scripts that put no spaces between words: there a token is the smallest thing that can be an attribute.
_UNSPACED = re.compile(f"[{UNSPACED_SCRIPTS}]")


class AttributeSpan(NamedTuple):
    """Words of a text that name an attribute.

    Attributes:
        kind: one of `ATTRIBUTES`, never the first.
        text: as it stands in the text.
    """

    kind: str
    text: str


Spans: TypeAlias = tuple[AttributeSpan, ...]
"""Of one text, in order."""

LazySpans: TypeAlias = Callable[[], Spans]
"""Finds them when first asked: most queries meet no head that comes so far."""


class SpansOnce:
    """Finds the spans of a text when first asked, and keeps them; made in 2 µs less than a `functools.cache`.

    Args:
        find: finds them.
    """

    __slots__ = ("_find", "_spans")

    def __init__(self, find: LazySpans) -> None:
        self._find = find
        self._spans: Spans | None = None

    def __call__(self) -> Spans:
        """Return them."""
        if self._spans is None:
            self._spans = self._find()
        return self._spans


def attribute_spans(
    text: str, offsets: Sequence[tuple[int, int]], probabilities: NDArray[np.float32], least: float = LEAST_PROBABILITY
) -> Spans:
    """Return the attributes that a text names.

    Neighbours of one kind are one span. In scripts with spaces a word counts as a whole, by the mean of its tokens.

    Args:
        text: in `shelfsense.text.model_form`.
        offsets: where its tokens stand; those past T were cut, and are not looked at.
        probabilities: (T, K) of each token.
        least: probability of not being "other" from which on a word or token counts.
    """
    spans = []
    for kind, group in groupby(_units(text, offsets, probabilities, least), key=lambda unit: unit[2]):
        if kind:
            run = list(group)
            name = text[min(unit[0] for unit in run) : max(unit[1] for unit in run)]
            spans.append(AttributeSpan(ATTRIBUTES[kind], name.strip()))
    return tuple(spans)


def _units(
    text: str, offsets: Sequence[tuple[int, int]], probabilities: NDArray[np.float32], least: float
) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, kind) of every word or token that the network read; kind 0 is no attribute."""
    # A token with the space before its word, and one that is that space alone, begin where the word does.
    trimmed = [(end - len(text[start:end].lstrip()), end) for start, end in offsets[: len(probabilities)]]
    for word in _WORD.finditer(text):
        inside = [i for i, (start, end) in enumerate(trimmed) if start < min(end, word.end()) and end > word.start()]
        units = [[i] for i in inside] if _UNSPACED.search(word[0]) else [inside]
        for unit in filter(None, units):
            mean = probabilities[unit].mean(0)  # (K,)
            kind = 1 + int(mean[1:].argmax()) if 1.0 - mean[0] >= least else 0
            whole = len(units) == 1 and len(unit) == len(inside)
            yield (*(word.span() if whole else trimmed[unit[0]]), kind)


def spans_to_text(spans: Sequence[AttributeSpan]) -> str:
    """Return spans as a head carries them: one line without tabs, never empty."""
    return json.dumps(spans, ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=8192)
def spans_from_text(text: str) -> Spans:
    """Read what `spans_to_text` wrote.

    Raises:
        InputRefused: when it is nothing of that kind.
    """
    try:
        spans = tuple(AttributeSpan(kind, name) for kind, name in json.loads(text))
    except (ValueError, TypeError, RecursionError) as error:
        raise InputRefused(f"attributes {text!r} are no list of kinds and texts; write the head index again") from error
    if not all(isinstance(name, str) and kind in ATTRIBUTES[1:] for kind, name in spans):
        raise InputRefused(
            f"attributes {text!r} name no kind of {', '.join(ATTRIBUTES[1:])}; write the head index again"
        )
    return spans
