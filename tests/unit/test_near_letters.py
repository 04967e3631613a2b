"""Heads found by their letters: misspelt, in another script or in synonyms, also while the index changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfsense.bundle import write_bundle
from shelfsense.reformulation.head_index import Head, HeadIndex, head_index_files
from shelfsense.reformulation.letter_index import LetterIndex
from shelfsense.reformulation.near_letters import NearLetters
from shelfsense.reformulation.writing.gram_overlap import gram_overlap

HEADS = (
    Head("kopfhörer kabellos", "de", 5.0),
    Head("gartenschlauch 20 m", "de", 3.0),
    Head("jutesack", "de", 1.0),
    Head("wireless headphones", "en", 2.0),
    Head("couch cover", "en", 2.0),
    Head("वायरलेस ईयरफोन", "hi-IN", 2.0),
)
FORM = st.lists(st.text("abcde", min_size=1, max_size=5), min_size=1, max_size=3).map(" ".join)
FORMS = st.lists(FORM, min_size=1, max_size=20)


@pytest.fixture
def index(tmp_path: Path) -> HeadIndex:
    manifest = {"bundle_version": "1", "label_space": "toy", "locales": [], "backbone": {}, "embedding": {"width": 2}}
    vectors = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (len(HEADS), 1))
    return HeadIndex.load(write_bundle(tmp_path / "bundle", manifest, head_index_files(HEADS, vectors)))


@pytest.mark.parametrize(
    ("text", "locale", "head"),
    [
        ("kopfhoerer kabelos", "de", "kopfhörer kabellos"),
        ("kabellos kopfhörer", "de", "kopfhörer kabellos"),
        ("wirless hedphones", "en", "wireless headphones"),
        ("sofa cover", "en", "couch cover"),
        ("vayarles earphone", "hi-IN", "वायरलेस ईयरफोन"),
    ],
)
def test_a_head_is_found_by_its_letters(index: HeadIndex, text: str, locale: str, head: str) -> None:
    assert NearLetters(index).find(text, locale, 3, 0.4)[:1] == [head]


def test_the_same_words_are_found_in_synonyms_and_in_any_order(index: HeadIndex) -> None:
    near = NearLetters(index)
    assert near.of_same_words("cover sofa", "en") == ["couch cover"]
    assert near.of_same_words("kabellos kopfhörer", "de") == ["kopfhörer kabellos"]
    assert near.of_same_words("sofa", "en") == []
    assert near.of_same_words("🎈", "en") == []


def test_other_words_and_other_locales_find_nothing(index: HeadIndex) -> None:
    near = NearLetters(index)
    assert near.find("wasserkocher", "de", 3, 0.4) == []
    assert near.find("kopfhörer kabellos", "fr", 3, 0.4) == []
    assert near.find("🎈", "de", 3, 0.4) == []


def test_an_added_head_is_found_and_a_removed_one_is_not(index: HeadIndex) -> None:
    near = NearLetters(index)
    index.add([Head("wasserkocher edelstahl", "de", 1.0)], np.array([[0.0, 1.0]], dtype=np.float32))
    assert near.find("waserkocher edelstal", "de", 3, 0.4) == ["wasserkocher edelstahl"]
    index.remove("de", "jutesack")
    vectors = np.array([0.0, 1.0], dtype=np.float32)
    assert index.scored("de", near.find("jutesak", "de", 3, 0.4), vectors) == []


@given(FORMS, FORM)
def test_the_text_that_shares_most_is_among_the_nearest(forms: list[str], form: str) -> None:
    letters = LetterIndex.of(forms)
    best = max(range(len(forms)), key=lambda row: gram_overlap(form, forms[row]))
    found = [row for row, _ in letters.nearest(form, len(forms))]
    assert all(share <= gram_overlap(form, forms[row]) + 1e-9 for row, share in letters.nearest(form, len(forms)))
    assert len(found) == len(set(found))
    if gram_overlap(form, forms[best]) > 0:
        assert best in found


@given(FORMS)
def test_a_text_finds_itself_first(forms: list[str]) -> None:
    letters = LetterIndex.of(forms)
    for form in forms:
        found = letters.nearest(form, 1)
        assert not found or gram_overlap(form, forms[found[0][0]]) > 0
