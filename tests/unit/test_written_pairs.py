"""Written pairs: what every file of the lexicon's pairs keeps, and what training draws from them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from shelfsense.locales import language_of
from shelfsense.text import check_text, model_form, normal_form
from shelfsense_training.pairs import is_held_out_writing
from shelfsense_training.reformulation_evaluation.golden_files import read_golden
from shelfsense_training.retrieval.meaning_pairs import MeaningPairs, written_texts
from shelfsense_training.sources.lexicon import WrittenPair, read_written_pairs

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "reformulations"


@pytest.fixture(scope="module")
def written() -> list[WrittenPair]:
    return read_written_pairs()


def test_a_head_is_near_neither_itself_nor_its_query(written: list[WrittenPair]) -> None:
    for pair in written:
        near = [normal_form(text) for text in pair.near]
        assert normal_form(pair.head) not in near, pair
        assert normal_form(pair.query) not in near, pair
        assert len(set(near)) == len(near) >= 3, pair
        for text in (pair.query, pair.head, *pair.near):
            check_text(text)


def test_no_query_is_written_twice(written: list[WrittenPair]) -> None:
    counts = Counter((pair.locale, normal_form(pair.query)) for pair in written)
    assert [query for query, count in counts.items() if count > 1] == []


def test_no_golden_query_is_among_them(written: list[WrittenPair]) -> None:
    taught = {(pair.locale, normal_form(pair.query)) for pair in written}
    asked = {(file.locale, normal_form(pair.query)) for file in read_golden(GOLDEN) for pair in file.pairs}
    assert taught & asked == set()


def test_one_in_three_is_held_out_and_never_drawn(written: list[WrittenPair]) -> None:
    held_out = [pair for pair in written if is_held_out_writing(pair)]
    assert len(held_out) / len(written) == pytest.approx(1 / 3, abs=0.05)
    others = {
        folded(text, pair.locale)
        for pair in written
        if not is_held_out_writing(pair)
        for text in (pair.query, pair.head, *pair.near)
    }
    assert set(written_texts()) == others
    asked = {folded(pair.query, pair.locale) for pair in held_out} - others
    assert len(asked) > 0.9 * len(held_out)
    drawn = MeaningPairs(None, shares={"written": 1.0}).draw(np.random.default_rng(0), 100)
    assert not asked & {text for pair in drawn for text in (pair.query, pair.partner, *pair.near)}


def folded(text: str, locale: str) -> tuple[str, str]:
    return model_form(text, language_of(locale)), locale


def test_a_synonym_pair_says_the_same_in_another_word() -> None:
    drawn = MeaningPairs(None, shares={"synonyms": 1.0}).draw(np.random.default_rng(0), 100)
    assert all(pair.query[1] == pair.partner[1] for pair in drawn)
    assert all(pair.query[0] != pair.partner[0] for pair in drawn)
    assert len({pair.query[1] for pair in drawn}) >= 5
