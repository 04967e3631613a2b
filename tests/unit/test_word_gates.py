"""All word gates together: what is only parted or spelt otherwise passes, what only looks so does not."""

from __future__ import annotations

import pytest

from shelfsense.reformulation.attribute_spans import AttributeSpan, Spans
from shelfsense.reformulation.word_gates import words_refusal


def refusal(query: str, head: str, *named: AttributeSpan, locale: str = "en") -> str:
    def spans() -> Spans:
        return named

    return words_refusal(query, locale, head, locale, spans=spans)


@pytest.mark.parametrize(
    ("query", "head"),
    [
        ("4 ftawning frame", "4 ft awning frame"),
        ("blackand decker drill", "black and decker drill"),
        ("48-inch desk", "48 inch desk"),
        ("sofa cover grey", "gray couch cover"),
    ],
)
def test_the_same_words_pass(query: str, head: str) -> None:
    assert refusal(query, head) == ""


@pytest.mark.parametrize(
    ("query", "head"),
    [
        ("iphone 1 3 case", "iphone 13 case"),
        ("t shirt s", "t shirts"),
        ("shirts m", "shirt sm"),
        ("red shoes", "blue shoes"),
        ("wireless mouse", "wired mouse"),
    ],
)
def test_what_only_looks_the_same_is_refused(query: str, head: str) -> None:
    assert refusal(query, head)


def test_a_name_with_one_letter_wrong_is_that_name_in_a_text_that_is_right_otherwise() -> None:
    assert refusal("john deer bagger", "john deere bagger", AttributeSpan("brand", "john deer")) == ""
    assert refusal("robi saw", "ryobi saw", AttributeSpan("brand", "robi")) == "brand robi is missing"  # too short
    assert refusal("makita 18v saw", "ryobi 18v saw", AttributeSpan("brand", "makita")) == "brand makita is missing"
    assert refusal("saw blade 186 mm", "saw blade 185 mm") == "number 186 mm is missing"


def test_what_is_refused_passes_in_synonyms_and_is_refused_in_the_shoppers_words() -> None:
    assert refusal("zuckerfreier tee", "tee", locale="de") == "does not exclude zucker"
    assert refusal("veste femme", "veste homme", locale="fr") == "is for another audience: men, not women"
