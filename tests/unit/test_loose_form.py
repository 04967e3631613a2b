"""Loose form and the overlap of letter groups: writings that sound or look alike score high."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfsense.reformulation.writing.gram_overlap import gram_overlap
from shelfsense.reformulation.writing.loose_form import loose_form
from shelfsense.reformulation.writing.match_form import match_form


@pytest.mark.parametrize(
    ("locale", "one", "other"),
    [
        ("de", "küche", "kuche"),
        ("de", "küche", "kueche"),
        ("es", "moño", "mono"),
        ("tr", "çanta", "canta"),
        ("hu", "bőr", "bor"),
        ("vi", "giày đen", "giay den"),
        ("en", "coffee mug", "cofee mug"),
        ("ru", "самсунг", "samsung"),
        ("el", "νίκη", "niki"),
        ("ja", "キヤノン", "キャノン"),
        ("ja", "サーバー", "サーバ"),
        ("th", "แวน", "แว่น"),
        ("ar-SA", "حقيبة اليد", "حقيبة يد"),
        ("hi-IN", "जूते", "joote"),
        ("hi-IN", "काला चश्मा", "kaala chasma"),
        ("hi-IN", "बच्चों के लिए खिलौने", "bachchon ke liye khilone"),
    ],
)
def test_what_sounds_or_looks_the_same_meets(locale: str, one: str, other: str) -> None:
    assert gram_overlap(loose_form(one, locale), loose_form(other, locale)) >= 0.7


@given(st.text(max_size=20), st.sampled_from(["en", "de", "ja", "hi-IN", "ar-SA", "ko", "th", "ru", "vi", "und"]))
@settings(max_examples=200, deadline=None)
def test_digits_survive_the_loosest_form(text: str, locale: str) -> None:
    assert re.findall(r"\d+", loose_form(text, locale)) == re.findall(r"\d+", match_form(text, locale))


def test_the_overlap_is_twice_the_shared_grams_over_all() -> None:
    # " ab ": " a" "ab" "b " " ab" "ab "; " ac ": " a" "ac" "c " " ac" "ac ": one shared of five and five.
    assert gram_overlap("ab", "ac") == pytest.approx(0.2)
    assert gram_overlap("ab ab", "ab") == pytest.approx(2 * 5 / 15)


def test_equal_texts_overlap_fully_and_strangers_not_at_all() -> None:
    assert gram_overlap("red shoes", "shoes red") == 1.0
    assert gram_overlap("red", "blue") == 0.0
    assert gram_overlap("", "") == 1.0
    assert gram_overlap("", "red") == 0.0


@given(st.text(alphabet="ab c", max_size=12), st.text(alphabet="ab c", max_size=12))
def test_the_overlap_does_not_depend_on_the_side(one: str, other: str) -> None:
    assert gram_overlap(one, other) == gram_overlap(other, one)
    assert 0.0 <= gram_overlap(one, other) <= 1.0
