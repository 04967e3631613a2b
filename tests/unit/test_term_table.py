"""Terms found in a text: whole words, ends of compounds, anywhere in scripts without spaces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfsense.reformulation.term_table import TermTable


@pytest.mark.parametrize(
    ("language", "terms", "text", "found"),
    [
        ("en", ["sofa", "sofa bed", "tv"], "a sofa bed, tv", ["sofa bed", "tv"]),
        ("en", ["bed"], "bedding", []),
        ("en", ["kid's"], "kid's bed", ["kid's"]),
        ("de", ["schuhe", "rot"], "turnschuhe rotes brot", ["schuhe"]),
        ("de", ["hose"], "hosenträger", []),
        ("ko", ["케이스"], "아이폰케이스", ["케이스"]),
        ("th", ["เคส"], "ซื้อเคสมือถือ", ["เคส"]),
        ("ja", ["ケース", "tv"], "iphoneケース tvs", ["ケース"]),
        ("hi", ["चश्मा"], "चश्मा काला", ["चश्मा"]),
        ("hi", ["चश्म"], "चश्मा", []),
    ],
)
def test_terms_stand_where_the_language_lets_them(language: str, terms: list[str], text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in TermTable(terms, language).find(text)] == found


@given(
    st.lists(st.text("abc ", min_size=1, max_size=4)), st.text("abc ", max_size=30), st.sampled_from(["en", "de", "th"])
)
def test_what_is_found_is_a_term_and_none_overlap(terms: list[str], text: str, language: str) -> None:
    last = 0
    for start, end in TermTable(terms, language).find(text):
        assert start >= last
        assert text[start:end] in terms
        last = end
