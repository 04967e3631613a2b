"""Slips of the query, put right by the head."""

from __future__ import annotations

import pytest

from shelfsense.reformulation.respelling import respelt
from shelfsense.reformulation.word_gates import words_refusal


@pytest.mark.parametrize(
    ("query", "head", "written"),
    [
        ("whte curtains", "white curtains", "white curtains"),
        ("curtians whiet", "white curtains", "curtains white"),
        ("black shirt", "blank shirt", "black shirt"),
        ("gold ring", "golf ring", "gold ring"),
        ("canon ink", "epson ink", "canon ink"),
        ("wh100 case", "wh1000 case", "wh100 case"),
    ],
)
def test_a_word_one_slip_away_is_the_heads_unless_it_names_something_itself(
    query: str, head: str, written: str
) -> None:
    assert respelt(query, head, "en") == written


def test_a_slip_is_no_missing_colour_but_another_colour_is() -> None:
    assert words_refusal("outdoor cushions whte", "en", "outdoor cushions white", "en") == ""
    assert words_refusal("outdoor cushions black", "en", "outdoor cushions white", "en") == "color black is missing"
