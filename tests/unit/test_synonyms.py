"""Synonyms: what the tables keep, where their terms are found, and what is made of them."""

from __future__ import annotations

import csv
import random
from collections import Counter
from pathlib import Path

import pytest

import shelfsense.reformulation
from shelfsense.reformulation.compared_form import compared_form
from shelfsense.reformulation.synonyms import found_terms, in_first_terms, synonym_sets
from shelfsense.reformulation.word_gates import words_refusal
from shelfsense.text import check_text, normal_form
from shelfsense_training.composition.synonym_writing import rewritten

TABLES = sorted((Path(shelfsense.reformulation.__file__).parent / "synonyms").glob("*.tsv"))
KINDS = {"product", "attribute", "unit", "brand", "phrase"}
every_table = pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        header, *found = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    assert header == ["kind", "terms"]
    return found


def test_there_are_tables() -> None:
    assert {"ar", "de", "en", "hi", "ja", "ko", "th"} <= {path.stem for path in TABLES}


@every_table
def test_every_set_has_a_kind_and_two_terms_that_may_be_asked(path: Path) -> None:
    for row in rows(path):
        assert len(row) == 2, row
        terms = row[1].split(" | ")
        assert row[0] in KINDS, row
        assert len(terms) >= 2, row
        for term in terms:
            check_text(term)
            assert term == term.strip(), row


@every_table
def test_a_term_stands_in_one_set_once(path: Path) -> None:
    terms = Counter(normal_form(term) for row in rows(path) for term in row[1].split(" | "))
    assert [term for term, count in terms.items() if count > 1] == []


def test_a_language_without_a_table_has_no_synonyms() -> None:
    assert synonym_sets("und") == ()
    assert found_terms("sofa", "und") == []
    assert in_first_terms("Sofa rot", "und") == "sofa rot"


def test_a_regional_form_reads_its_language() -> None:
    assert synonym_sets("en-GB") == synonym_sets("en")


def test_terms_are_whole_words_where_words_are_parted() -> None:
    sofa = next(each for each in synonym_sets("en") if "couch" in each.terms)
    assert in_first_terms("blue couch cover", "en") == f"blue {sofa.terms[0]} cover"
    assert in_first_terms("couchette", "en") == "couchette"


def test_a_term_is_found_within_a_text_without_spaces() -> None:
    each = next(each for each in synonym_sets("ja") if not each.terms[1].isascii() and len(each.terms[1]) > 3)
    assert each.terms[0] in in_first_terms(f"白{each.terms[1]}", "ja")


def test_replacing_twice_changes_nothing_for_a_term_alone() -> None:
    for path in TABLES:
        for each in synonym_sets(path.stem):
            assert in_first_terms(each.terms[0], path.stem) == each.terms[0]


def test_synonyms_have_one_compared_form() -> None:
    assert compared_form("couch", "en") == compared_form("sofa", "en")
    assert compared_form("couch", "en") != compared_form("chair", "en")


def test_the_compared_form_keeps_numbers() -> None:
    assert "15" in compared_form("iphone 15 case", "en").split()


def test_rewriting_takes_another_term_of_the_set() -> None:
    draw = random.Random(0)
    terms = next(each.terms for each in synonym_sets("en") if "couch" in each.terms)
    found = {rewritten("green couch", "en", draw) for _ in range(60)}
    assert found == {f"green {term}" for term in terms if term != "couch"}
    assert rewritten("zzz", "en", draw) == "zzz"


def test_a_gate_passes_what_passes_in_synonyms() -> None:
    assert words_refusal("gents black socks", "en", "men black socks", "en") == ""
    assert words_refusal("gents black socks", "en", "women black socks", "en") != ""
