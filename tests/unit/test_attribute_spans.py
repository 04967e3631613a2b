"""Spans: which words of a query name an attribute, by what the network says of its tokens."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from shelfsense.attribute_kinds import ATTRIBUTES
from shelfsense.errors import InputRefused
from shelfsense.reformulation.attribute_spans import (
    AttributeSpan,
    Spans,
    SpansOnce,
    attribute_spans,
    spans_from_text,
    spans_to_text,
)

KINDS = {"-": "other", "c": "color", "b": "brand", "m": "material", "u": "unit"}


def said(kinds: str, sure: float = 0.9) -> NDArray[np.float32]:
    """Return (T, K) of tokens, each of one kind with a probability and "other" with the rest."""
    table = np.zeros((len(kinds), len(ATTRIBUTES)), dtype=np.float32)
    for row, kind in zip(table, kinds, strict=True):
        row[ATTRIBUTES.index(KINDS[kind])] = sure
        row[0] += 1 - sure
    return table


def test_neighbours_of_one_kind_are_one_span_and_other_words_part_them() -> None:
    text = "red nike air shoes black"
    offsets = [(0, 3), (3, 8), (8, 12), (12, 18), (18, 24)]
    found = attribute_spans(text, offsets, said("cbb-c"))
    assert found == (("color", "red"), ("brand", "nike air"), ("color", "black"))
    assert all(isinstance(span, AttributeSpan) for span in found)


def test_a_word_counts_by_the_mean_of_its_tokens() -> None:
    text, offsets = "turquoise lamp", [(0, 3), (3, 6), (6, 9), (9, 14)]
    assert attribute_spans(text, offsets, said("cc--")) == (("color", "turquoise"),)  # (0.9 + 0.9) / 3 = 0.6
    assert attribute_spans(text, offsets, said("c---")) == ()  # 0.9 / 3 = 0.3
    assert attribute_spans(text, offsets, said("c---"), least=0.3) == (("color", "turquoise"),)


def test_the_threshold_itself_counts() -> None:
    assert attribute_spans("red lamp", [(0, 3), (3, 8)], said("c-", 0.5), 0.5) == (("color", "red"),)
    assert attribute_spans("red lamp", [(0, 3), (3, 8)], said("c-", 0.49), 0.5) == ()


def test_without_spaces_a_token_counts_alone() -> None:
    # "▁" alone stands where the first letter does.
    offsets = [(0, 1), (0, 2), (2, 4), (4, 9)]
    assert attribute_spans("赤いナイキスニーカー"[:9], offsets, said("-cb-")) == (("color", "赤い"), ("brand", "ナイ"))
    assert attribute_spans("红色手机壳", [(0, 1), (0, 2), (2, 4), (4, 5)], said("cc--")) == (("color", "红色"),)


def test_a_token_of_a_space_alone_belongs_to_no_word() -> None:
    assert attribute_spans("red nike", [(0, 3), (3, 4), (4, 8)], said("c-b")) == (("color", "red"), ("brand", "nike"))
    assert attribute_spans("red nike", [(0, 3), (3, 4), (4, 8)], said("-c-")) == ()


def test_words_past_the_tokens_that_were_read_are_not_looked_at() -> None:
    assert attribute_spans("red shoes blue", [(0, 3), (3, 9), (9, 14)], said("c-")) == (("color", "red"),)
    assert attribute_spans("red", [], said("")) == ()


def test_spans_go_to_text_and_back() -> None:
    spans = (AttributeSpan("color", 'r"ed\t'), AttributeSpan("product number", "赤"))
    text = spans_to_text(spans)
    assert "\t" not in text
    assert spans_from_text(text) == spans
    assert spans_to_text(()) != ""  # empty is for a head of which nobody knows
    assert spans_from_text(spans_to_text(())) == ()


@pytest.mark.parametrize(
    "text", ["red", "[1]", '[["color"]]', '[["taste","sweet"]]', '[["other","x"]]', '[["color",1]]']
)
def test_what_is_no_list_of_spans_is_refused(text: str) -> None:
    with pytest.raises(InputRefused, match="write the head index again"):
        spans_from_text(text)


def test_spans_are_found_when_first_asked_for_and_only_then() -> None:
    calls = []

    def find() -> Spans:
        calls.append(1)
        return (AttributeSpan("color", "red"),)

    spans = SpansOnce(find)
    assert calls == []
    assert spans() is spans()
    assert calls == [1]
