"""Pairs that say the same: fair negatives of each other, and never a phrasing held out."""

from __future__ import annotations

import numpy as np
import pytest

from shelfsense.locales import language_of
from shelfsense.text import model_form
from shelfsense_training.pairs import PairSource, TextPair, is_held_out_pair
from shelfsense_training.sources.lexicon import LexiconEntry, read_heads, read_tails

Text = tuple[str, str]


def text(entry: LexiconEntry) -> Text:
    return model_form(entry.text, language_of(entry.locale)), entry.locale


def drawn(across_share: float, *, batches: int = 60) -> list[TextPair]:
    source, random = PairSource(across_share=across_share), np.random.default_rng(3)
    return [pair for _ in range(batches) for pair in source.draw(random, 24)]


@pytest.fixture(scope="module")
def concepts() -> dict[Text, str]:
    return {text(entry): entry.concept for entry in (*read_tails(), *read_heads())}


@pytest.fixture(scope="module")
def within() -> list[TextPair]:
    return drawn(0.0)


@pytest.fixture(scope="module")
def across() -> list[TextPair]:
    return drawn(1.0)


def test_pairs_of_a_batch_have_distinct_groups() -> None:
    source, random = PairSource(), np.random.default_rng(5)
    for _ in range(20):
        assert len({pair.group for pair in source.draw(random, 48)}) == 48


def test_a_group_is_one_shopping_need(
    within: list[TextPair], across: list[TextPair], concepts: dict[Text, str]
) -> None:
    need_of_group: dict[int, str] = {}
    for pair in (*within, *across):
        needs = {concepts[pair.first], concepts[pair.second]}
        assert len(needs) == 1
        assert need_of_group.setdefault(pair.group, needs.pop()) == concepts[pair.first]
    assert len(set(need_of_group.values())) == len(need_of_group)


def test_pairs_within_a_locale_are_a_rarer_phrasing_and_its_head(within: list[TextPair]) -> None:
    tails, heads = {text(e) for e in read_tails()}, {text(e) for e in read_heads()}
    for pair in within:
        assert pair.first[1] == pair.second[1]
        assert pair.first in tails
        assert pair.second in heads


def test_pairs_across_locales_are_heads_of_two_locales(across: list[TextPair]) -> None:
    heads = {text(e) for e in read_heads()}
    for pair in across:
        assert pair.first[1] != pair.second[1]
        assert {pair.first, pair.second} <= heads


def test_a_held_out_phrasing_is_never_drawn(within: list[TextPair]) -> None:
    held_out = {text(tail) for tail in read_tails() if is_held_out_pair(tail)}
    assert held_out.isdisjoint(pair.first for pair in within)
    assert len({pair.first for pair in within}) > 500  # enough draws that one would have shown


def test_a_third_of_the_rarer_phrasings_is_held_out() -> None:
    tails = read_tails()
    assert sum(map(is_held_out_pair, tails)) / len(tails) == pytest.approx(1 / 3, abs=0.03)


def test_the_seed_decides_the_pairs() -> None:
    source = PairSource()
    first, again, other = (source.draw(np.random.default_rng(s), 8) for s in (1, 1, 2))
    assert first == again
    assert first != other
