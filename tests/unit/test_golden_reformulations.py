"""Golden pairs for reformulation: the rules that every file of tests/golden/reformulations keeps.

That a near head is no answer to its query is for a reader to judge; what a program can see stands here.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from shelfsense.text import check_text, normal_form
from shelfsense_training.sources.lexicon import read_heads, read_tails

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "reformulations"
PAIR_FILES = sorted(path for path in FOLDER.glob("*.tsv") if path.stem != "typos")
PAIRS_IN_A_FILE = 65
LEAST_NEAR = 5
TYPO_LOCALES = {"en", "de", "fr", "es", "it", "pt-BR", "pl", "tr", "nl", "sv"}
TYPOS_IN_A_LOCALE = 30
LOCALE_OF_FILE = {"hi-IN-latn": "hi-IN"}

Row = dict[str, str]
every_pair_file = pytest.mark.parametrize("path", PAIR_FILES, ids=lambda path: path.stem)


def table(path: Path, columns: list[str]) -> list[Row]:
    """Return the rows of a file whose header is `columns` and whose cells are all there, trimmed and filled."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    assert header == columns
    for row in rows:
        assert len(row) == len(columns), row
        assert all(cell and cell == cell.strip() for cell in row), row
    return [dict(zip(columns, row, strict=True)) for row in rows]


def pairs(path: Path) -> list[Row]:
    return table(path, ["query", "head", "phenomenon", "near"])


def near_heads(row: Row) -> list[str]:
    return [normal_form(text) for text in row["near"].split(" | ")]


def repeated(texts: list[str]) -> list[str]:
    return [text for text, count in Counter(texts).items() if count > 1]


@pytest.fixture(scope="module")
def taught() -> set[tuple[str, str]]:
    return {(tail.locale, normal_form(tail.text)) for tail in read_tails()}


@pytest.fixture(scope="module")
def typos() -> list[Row]:
    return table(FOLDER / "typos.tsv", ["locale", "clean", "misspelt", "head"])


def test_there_are_pairs_to_hold() -> None:
    assert {"de", "en"} <= {path.stem for path in PAIR_FILES}


@every_pair_file
def test_a_file_has_its_pairs_and_each_may_be_asked(path: Path) -> None:
    rows = pairs(path)
    assert len(rows) == PAIRS_IN_A_FILE
    for row in rows:
        for text in (row["query"], row["head"], *row["near"].split(" | ")):
            check_text(text)


@every_pair_file
def test_heads_and_queries_are_distinct(path: Path) -> None:
    rows = pairs(path)
    heads = [normal_form(row["head"]) for row in rows]
    queries = [normal_form(row["query"]) for row in rows]
    assert repeated(heads) == []
    assert repeated(queries) == []
    assert set(heads) & set(queries) == set()


@every_pair_file
def test_near_heads_are_five_others_or_more(path: Path) -> None:
    for row in pairs(path):
        near = near_heads(row)
        assert len(near) >= LEAST_NEAR, row
        assert all(near), row
        assert repeated(near) == [], row
        assert not {normal_form(row["head"]), normal_form(row["query"])} & set(near), row


@every_pair_file
def test_no_query_is_a_phrasing_that_is_taught(path: Path, taught: set[tuple[str, str]]) -> None:
    locale = LOCALE_OF_FILE.get(path.stem, path.stem)
    assert [row["query"] for row in pairs(path) if (locale, normal_form(row["query"])) in taught] == []


def test_every_locale_has_its_typos(typos: list[Row]) -> None:
    assert Counter(row["locale"] for row in typos) == dict.fromkeys(TYPO_LOCALES, TYPOS_IN_A_LOCALE)
    assert repeated([f"{row['locale']} {normal_form(row['misspelt'])}" for row in typos]) == []


def test_the_head_of_a_typo_is_a_line_of_the_lexicon(typos: list[Row]) -> None:
    heads = {(head.locale, head.text) for head in read_heads()}
    assert [row for row in typos if (row["locale"], row["head"]) not in heads] == []


def test_a_third_of_the_typos_are_of_another_phrasing_than_the_head(typos: list[Row]) -> None:
    other = Counter(row["locale"] for row in typos if normal_form(row["clean"]) != normal_form(row["head"]))
    assert other == dict.fromkeys(TYPO_LOCALES, TYPOS_IN_A_LOCALE // 3)


def test_a_misspelling_is_neither_its_clean_text_nor_another_head(typos: list[Row]) -> None:
    heads = {(head.locale, normal_form(head.text)) for head in read_heads()}
    for row in typos:
        assert normal_form(row["misspelt"]) != normal_form(row["clean"]), row
        assert (row["locale"], normal_form(row["misspelt"])) not in heads, row


def test_a_misspelling_is_one_or_two_slips_away_and_leaves_digits_alone(typos: list[Row]) -> None:
    for row in typos:
        assert 1 <= slips(row["clean"], row["misspelt"]) <= 2, row
        assert digits(row["clean"]) == digits(row["misspelt"]), row


def test_no_typo_is_a_phrasing_that_is_taught(typos: list[Row], taught: set[tuple[str, str]]) -> None:
    assert [row for row in typos if (row["locale"], normal_form(row["misspelt"])) in taught] == []
    other = [row for row in typos if row["clean"] != row["head"]]
    assert [row for row in other if (row["locale"], normal_form(row["clean"])) in taught] == []


def digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def slips(text: str, other: str) -> int:
    """Return the optimal string alignment distance: letters put in, left out, changed, or two neighbours swapped."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(text, 1):
        row = [i]
        for j, found in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != found))
            if i > 1 and j > 1 and letter == other[j - 2] and text[i - 2] == found:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


@pytest.mark.parametrize(
    ("text", "other", "expected"),
    [
        ("phone", "phone", 0),
        ("phone", "phnoe", 1),
        ("phone", "phome", 1),
        ("phone", "fone", 2),
        ("lave linge", "lavelige", 2),
    ],
)
def test_slips_are_counted_as_by_hand(text: str, other: str, expected: int) -> None:
    assert slips(text, other) == expected
