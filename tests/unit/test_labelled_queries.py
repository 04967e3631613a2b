"""The data file of `evaluate`: how its rows make queries, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shelfsense.errors import InputRefused
from shelfsense.product_types import ProductTypes
from shelfsense_training.evaluation.labelled_queries import group_rows, judged_rows, read_labelled_queries
from shelfsense_training.evaluation.labelled_rows import LabelledRow, read_labelled_rows, write_labelled_rows
from shelfsense_training.sources.judged_queries import JudgedQuery
from shelfsense_training.sources.splits import Split
from tiny import TINY_TREE

TREE = ProductTypes.from_table("tiny", TINY_TREE)
HEADER = "query,locale,product_type_id,label\n"


def ids(indices: tuple[int, ...]) -> list[str]:
    return [TREE.nodes[i].id for i in indices]


def row(query: str, type_id: str, label: int = 1, locale: str = "en", volume: float = 1.0) -> LabelledRow:
    return LabelledRow(query, locale, type_id, bool(label), volume, "line 2")


def test_rows_of_a_normalised_query_and_locale_make_one_query() -> None:
    found = group_rows(
        [row("Running  Shoes", "sh-1"), row("running shoes", "sh-2"), row("running shoes", "sh-1", locale="de")], TREE
    )
    assert [(query.text, query.locale) for query in found.queries] == [
        ("Running  Shoes", "en"),
        ("running shoes", "de"),
    ]
    assert ids(found.queries[0].positives) == ["sh", "sh-1", "sh-2"]
    assert ids(found.queries[1].positives) == ["sh", "sh-1"]


def test_negatives_are_kept_unless_another_judgement_accepts_them() -> None:
    found = group_rows([row("q", "sh-1"), row("q", "ho-1", 0), row("q", "sh-1", 0), row("q", "sh", 0)], TREE)
    assert ids(found.queries[0].negatives) == ["ho-1"]


def test_a_relevant_query_outside_the_tree_is_kept_with_no_acceptable_type() -> None:
    found = group_rows([row("q", ""), row("r", ""), row("r", "el-1")], TREE)
    assert [ids(query.positives) for query in found.queries] == [[], ["el", "el-1"]]
    assert found.labels(len(TREE)).sum(axis=1).tolist() == [0, 2]


def test_queries_of_which_nothing_right_is_known_are_left_out_and_counted() -> None:
    found = group_rows([row("q", "sh-1"), row("r", "sh-1", 0), row("s", "", 0)], TREE)
    assert (len(found.queries), found.without_positive) == (1, 2)


def test_the_volume_of_a_query_is_its_largest() -> None:
    assert group_rows([row("q", "sh-1", volume=3), row("q", "sh-2", volume=7)], TREE).queries[0].volume == 7


def test_csv_tsv_and_parquet_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text(
        'query,locale,product_type_id,label,volume,note\n"6"" boots, red",en,sh-2,1,12.5,x\nmug,de,,0,,y\n'
    )
    (tmp_path / "d.tsv").write_text(
        'query\tlocale\tproduct_type_id\tlabel\tvolume\n6" boots, red\ten\tsh-2\t1\t12.5\nmug\tde\t\t0\t\n'
    )
    columns = {
        "query": ['6" boots, red', "mug"],
        "locale": ["en", "de"],
        "product_type_id": ["sh-2", None],
        "label": [True, False],
        "volume": [12.5, None],
    }
    pq.write_table(pa.table(columns), tmp_path / "d.parquet")
    expected = [('6" boots, red', "en", "sh-2", True, 12.5), ("mug", "de", "", False, 1.0)]
    for name, place in (("d.csv", "line 2"), ("d.tsv", "line 2"), ("d.parquet", "row 1")):
        rows = read_labelled_rows(tmp_path / name)
        assert [(r.query, r.locale, r.product_type_id, r.relevant, r.volume) for r in rows] == expected
        assert rows[0].place == place


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        (HEADER + "a,en,sh-1,1\nb,en,sh-1,yes\n", "line 3: label is 'yes'"),
        (HEADER + "a,en,sh-1,1\n ,en,sh-1,1\n", "line 3: its query is empty"),
        (HEADER + "a,en,sh-9,1\n", "line 2: product_type_id 'sh-9' is no type of tiny"),
        (HEADER + "a,en,sh-1\n", "line 2: has not the 4 fields"),
        (HEADER + "a,en,sh-1,1,2\n", "line 2: has not the 4 fields"),
        (HEADER + '"a,en,sh-1,1\n', "cannot be read as csv"),
        ("query,locale,label\na,en,1\n", "no column 'product_type_id'"),
        ("query,locale,product_type_id,label,volume\na,en,sh-1,1,-3\n", "line 2: volume is '-3'"),
        (HEADER + "a,en,sh-1,0\n", "no query has a row of label 1"),
        (HEADER, "no query has a row of label 1"),
        ("", "no column 'query'"),
    ],
)
def test_a_bad_file_is_refused_with_the_line_and_the_fact(tmp_path: Path, text: str, fact: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text(text)
    with pytest.raises(InputRefused) as refused:
        read_labelled_queries(path, TREE)
    assert str(refused.value).startswith(f"{path}: ")
    assert fact in str(refused.value)
    assert str(refused.value).count(str(path)) == 1


def test_files_that_are_no_table_are_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes(HEADER.encode() + "größe,de,sh-1,1\n".encode("latin-1"))
    (tmp_path / "no.parquet").write_bytes(b"no")
    for name, fact in (
        ("latin.csv", "cannot be read"),
        ("no.parquet", "cannot be read"),
        ("none.csv", "no such file"),
        ("data.xlsx", "suffix"),
    ):
        with pytest.raises(InputRefused, match=fact):
            read_labelled_rows(tmp_path / name)


def test_judged_queries_become_rows_of_their_split(tmp_path: Path) -> None:
    def judged(text: str, *nodes: str, relevant: bool = True, split: Split = Split.TEST) -> JudgedQuery:
        return JudgedQuery(text, "de", ("x",), relevant, nodes, split)

    rows = judged_rows(
        [
            judged('a "b", c', "sh-1", "ho-1"),
            judged("unmapped"),
            judged("wrong", "el-1", relevant=False),
            judged("wrong and unmapped", relevant=False),
            judged("other side", "sh-1", split=Split.TRAIN),
        ],
        Split.TEST,
    )
    assert [(r.query, r.product_type_id, r.relevant) for r in rows] == [
        ('a "b", c', "sh-1", True),
        ('a "b", c', "ho-1", True),
        ("unmapped", "", True),
        ("wrong", "el-1", False),
    ]
    write_labelled_rows(rows, tmp_path / "deep" / "rows.csv")
    again = read_labelled_rows(tmp_path / "deep" / "rows.csv")
    assert [(r.query, r.locale, r.product_type_id, r.relevant) for r in again] == [
        (r.query, r.locale, r.product_type_id, r.relevant) for r in rows
    ]
    with pytest.raises(InputRefused, match="suffix"):
        write_labelled_rows(rows, tmp_path / "rows.parquet")
