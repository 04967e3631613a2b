"""The project's own words: rules that every lexicon file keeps."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from shelfsense.errors import InputRefused
from shelfsense.locales import language_of
from shelfsense.text import check_text, model_form, normal_form
from shelfsense_training.sources.data_folder import data_folder
from shelfsense_training.sources.judged_queries import LOCALE_OF_LANGUAGE
from shelfsense_training.sources.lexicon import (
    ANY_LOCALE,
    FOLDER,
    AskedQuery,
    LexiconEntry,
    read_asked,
    read_heads,
    read_nothing,
    read_product_names,
    read_tails,
)
from shelfsense_training.sources.taxonomy import Taxonomy
from shelfsense_training.training_rows import OWN_LOCALES, bundle_locales


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def heads() -> list[LexiconEntry]:
    return read_heads()


@pytest.fixture(scope="module")
def tails() -> list[LexiconEntry]:
    return read_tails()


@pytest.fixture(scope="module")
def entries(heads: list[LexiconEntry], tails: list[LexiconEntry]) -> list[LexiconEntry]:
    return [*heads, *tails, *read_product_names()]


def key(entry: LexiconEntry) -> tuple[str, str]:
    return entry.locale, normal_form(entry.text)


def repeated(keys: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [found for found, count in Counter(keys).items() if count > 1]


def test_a_concept_stands_once_in_the_list() -> None:
    names = [row["concept"] for row in table(FOLDER / "concepts.tsv")]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("kind", ["heads", "tails"])
def test_every_concept_used_is_in_the_list(kind: str) -> None:
    known = {row["concept"] for row in table(FOLDER / "concepts.tsv")}
    for path in (FOLDER / kind).glob("*.tsv"):
        assert {row["concept"] for row in table(path)} <= known, path.name


def test_heads_and_tails_are_of_the_same_locales() -> None:
    assert {p.name for p in (FOLDER / "heads").iterdir()} == {p.name for p in (FOLDER / "tails").iterdir()}


def test_types_are_written_as_ids_of_level_2_or_3(entries: list[LexiconEntry]) -> None:
    assert [e for e in entries if not re.fullmatch(r"[a-z]{2}-\d+(-\d+)?", e.type_id)] == []


def test_every_text_is_a_query_that_may_be_asked(entries: list[LexiconEntry]) -> None:
    for entry in entries:
        check_text(entry.text)
        assert entry.text == entry.text.strip(), entry
        assert model_form(entry.text, language_of(entry.locale)), entry


def test_there_are_heads_enough_in_locales_enough(heads: list[LexiconEntry]) -> None:
    assert len(heads) >= 4_000
    assert len({head.locale for head in heads}) >= 20
    assert min(Counter(head.locale for head in heads).values()) >= 300


def test_a_need_has_one_head_in_a_locale(heads: list[LexiconEntry]) -> None:
    assert repeated([(head.locale, head.concept) for head in heads]) == []


def test_a_need_has_heads_in_two_locales_at_least(heads: list[LexiconEntry]) -> None:
    assert min(Counter(head.concept for head in heads).values()) >= 2


def test_no_two_heads_of_a_locale_are_the_same_query(heads: list[LexiconEntry]) -> None:
    assert repeated([key(head) for head in heads]) == []


def test_no_two_heads_of_a_locale_are_the_same_words_in_another_order(heads: list[LexiconEntry]) -> None:
    assert repeated([(h.locale, " ".join(sorted(normal_form(h.text).split()))) for h in heads]) == []


def test_no_two_heads_of_a_locale_differ_only_in_colour_size_or_number(heads: list[LexiconEntry]) -> None:
    narrowing: dict[str, set[str]] = {}
    for row in table(FOLDER / "attributes.tsv"):
        if row["kind"] in {"color", "size"}:
            narrowing.setdefault(row["locale"], set()).add(normal_form(row["word"]))

    def bare(head: LexiconEntry) -> str:
        words = re.sub(r"\d+", "", normal_form(head.text)).split()
        return " ".join(sorted(word for word in words if word not in narrowing[head.locale])) or head.text

    assert repeated([(head.locale, bare(head)) for head in heads]) == []


def test_every_vertical_that_sells_goods_has_heads(heads: list[LexiconEntry]) -> None:
    sold = "aa ae ap bi bt co el fb fr ha hb hg lb ma me os rc sg so tg vp"
    assert {head.type_id.partition("-")[0] for head in heads} == set(sold.split())


def test_heads_come_best_rank_first(heads: list[LexiconEntry]) -> None:
    order = [(head.locale, head.rank) for head in heads]
    assert order == sorted(order)


def test_no_rarer_phrasing_is_a_head_of_its_locale(heads: list[LexiconEntry], tails: list[LexiconEntry]) -> None:
    assert {key(head) for head in heads} & {key(tail) for tail in tails} == set()


def test_no_rarer_phrasing_stands_twice(tails: list[LexiconEntry]) -> None:
    assert repeated([key(tail) for tail in tails]) == []


def test_every_rarer_phrasing_has_its_head(heads: list[LexiconEntry], tails: list[LexiconEntry]) -> None:
    assert {(t.locale, t.concept) for t in tails} <= {(h.locale, h.concept) for h in heads}


def test_attribute_words_stand_once_on_a_side() -> None:
    rows = table(FOLDER / "attributes.tsv")
    assert {row["place"] for row in rows} == {"before", "after"}
    assert repeated([(row["locale"], row["word"]) for row in rows]) == []
    assert {path.stem for path in (FOLDER / "heads").iterdir()} == {row["locale"] for row in rows}


def test_the_two_full_lexicons_are_of_the_locales_the_taxonomy_lacks() -> None:
    assert {entry.locale for entry in read_product_names()} == set(OWN_LOCALES)


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    try:
        return Taxonomy(data_folder())
    except InputRefused as absent:
        pytest.skip(str(absent))


@pytest.mark.data
def test_types_are_of_level_2_or_3_of_the_default_tree(entries: list[LexiconEntry], taxonomy: Taxonomy) -> None:
    types = taxonomy.product_types
    assert {int(types.level[types.index[entry.type_id]]) for entry in entries} <= {2, 3}


@pytest.mark.data
def test_locales_are_the_bundles(entries: list[LexiconEntry], taxonomy: Taxonomy) -> None:
    assert {entry.locale for entry in entries} == set(bundle_locales(taxonomy).tags)


GOLDEN = Path(__file__).resolve().parents[1] / "golden"


@pytest.fixture(scope="module")
def asked() -> list[AskedQuery]:
    return read_asked()


def test_a_query_as_shoppers_ask_has_one_to_three_types(asked: list[AskedQuery]) -> None:
    for query in asked:
        assert 1 <= len(query.type_ids) <= 3, query
        assert len(set(query.type_ids)) == len(query.type_ids), query


def test_texts_as_shoppers_ask_are_queries_that_may_be_asked(asked: list[AskedQuery]) -> None:
    for query in asked[::17]:  # all of them take half a minute
        check_text(query.text)
        language = "en" if query.locale == ANY_LOCALE else language_of(query.locale)
        assert model_form(query.text, language), query


def test_queries_as_shoppers_ask_are_many_where_judged_ones_are_few(asked: list[AskedQuery]) -> None:
    count = Counter(query.locale for query in asked)
    assert min(count[locale] for locale in LOCALE_OF_LANGUAGE.values()) >= 10_000
    assert min(count.values()) >= 500


def test_every_locale_has_texts_that_mean_no_product(heads: list[LexiconEntry]) -> None:
    count = Counter(locale for _, locale in read_nothing())
    assert set(count) == {head.locale for head in heads}
    assert min(count.values()) >= 80


def test_the_golden_set_is_taught_nowhere(asked: list[AskedQuery]) -> None:
    taught = {(query.locale, normal_form(query.text)) for query in asked}
    taught |= {(locale, normal_form(text)) for text, locale in read_nothing()}
    for name in ("queries.tsv", "not_products.tsv"):
        for row in table(GOLDEN / name):
            assert (row["locale"], normal_form(row["query"])) not in taught, row["query"]
            assert (ANY_LOCALE, normal_form(row["query"])) not in taught, row["query"]


@pytest.mark.data
def test_types_as_shoppers_ask_are_of_the_default_tree(asked: list[AskedQuery], taxonomy: Taxonomy) -> None:
    assert {kind for query in asked for kind in query.type_ids} <= set(taxonomy.product_types.index)
    assert {query.locale for query in asked} <= {*bundle_locales(taxonomy).tags, ANY_LOCALE}
