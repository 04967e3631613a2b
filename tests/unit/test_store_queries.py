"""The files of a new store: what is read, what is merged, what is dropped, and every bad row by its line."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shelfsense.errors import InputRefused, InvalidQuery
from shelfsense.product_types import ProductTypes
from shelfsense.text import check_text
from shelfsense_training.onboarding.cells import read_cells
from shelfsense_training.onboarding.personal_data import personal_data
from shelfsense_training.onboarding.store_queries import Judgements, QueryLog, StoreReader, reasons
from shelfsense_training.sources.splits import Split, split_of_query
from tiny import TINY_TREE


def check(text: str) -> None:
    """Refuse what the service would; four words are too many tokens here."""
    check_text(text)
    if len(text.split()) > 4:
        raise InvalidQuery("text", "is 5 tokens long, over 4; shorten it")


def reader(tmp_path: Path, *, stop: bool = False) -> StoreReader:
    return StoreReader("nl-BE", ProductTypes.from_table("tiny", TINY_TREE), check, tmp_path / "report", stop=stop)


def written(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def log_of(tmp_path: Path, content: str | bytes, name: str = "queries.csv") -> QueryLog:
    return reader(tmp_path).read(written(tmp_path, name, content), None)[0]


def labels_of(tmp_path: Path, content: str) -> Judgements:
    queries = written(tmp_path, "queries.csv", "query,volume\nlamp,1\n")
    return reader(tmp_path).read(queries, written(tmp_path, "labels.csv", content))[1]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b",3", "query is empty; send the words the shopper typed"),
        (b"   ,3", "query is empty"),
        ("\u200b,3".encode(), "query holds only white space or invisible characters"),
        (b"la\x00mp,3", "query holds U+0000 at character 2; remove it"),
        (b"l\xe4mp,3", "query is not UTF-8"),
        (b"x" * 1100 + b",3", "query is longer than 1024 bytes"),
        (b"een twee drie vier vijf,3", "query is 5 tokens long"),
        (b"lamp,", "volume is ''; write the searches of the query, a number above 0"),
        (b"lamp,veel", "volume is 'veel'"),
        (b"lamp,0", "volume is '0'"),
        (b"lamp,-2", "volume is '-2'"),
        (b"lamp,nan", "volume is 'nan'"),
        (b"lamp,inf", "volume is 'inf'"),
        (b"lamp,3,4", "has 3 fields, the header has 2"),
        (b"lamp", "has 1 fields, the header has 2"),
    ],
)
def test_a_bad_query_row_is_listed_with_its_line_and_the_others_are_kept(
    tmp_path: Path, row: bytes, reason: str
) -> None:
    log = log_of(tmp_path, b"query,volume\ntafel,5\n" + row + b"\nstoel,2\n")
    assert [query.text for query in log.queries] == ["tafel", "stoel"]
    assert (log.rows, log.merged) == (3, 0)
    (rejected,) = log.rejected
    assert (rejected.file, rejected.line) == ("queries.csv", 3)
    assert reason in rejected.reason
    with (tmp_path / "report" / "rejected_rows.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["file", "line", "reason", "query"]
    assert rows[1][:3] == ["queries.csv", "3", rejected.reason]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("lamp,zz,1,", "product_type_id 'zz' is no type of tiny; map it, or leave it empty"),
        ("lamp,sh,2,", "label is '2'; write 1 for right or 0 for wrong"),
        ("lamp,sh,,", "label is ''"),
        ("lamp,sh,1,de", "locale is 'de', not nl-BE"),
        ("lamp,sh,1,nl", "locale is 'nl', not nl-BE"),
        (",sh,1,nl-BE", "query is empty"),
    ],
)
def test_a_bad_label_row_is_listed_with_its_line(tmp_path: Path, row: str, reason: str) -> None:
    judged = labels_of(tmp_path, f"query,product_type_id,label,locale\nschoen,sh,1,nl-be\n{row}\n")
    (rejected,) = judged.rejected
    assert (rejected.file, rejected.line) == ("labels.csv", 3)
    assert reason in rejected.reason
    assert [query.text for query in (*judged.fitted, *judged.test)] == ["schoen"]


def test_equal_queries_are_one_their_volumes_added_and_the_most_searched_comes_first(tmp_path: Path) -> None:
    log = log_of(tmp_path, "query,volume\nlamp,2\nstoel,4\n LAMP ,2.5\n")
    assert [(query.text, query.volume) for query in log.queries] == [("lamp", 4.5), ("stoel", 4.0)]
    assert log.merged == 1


def test_lines_are_counted_through_quoted_line_ends_and_blank_lines(tmp_path: Path) -> None:
    log = log_of(tmp_path, 'query,volume\r\n"la\r\nmp",1\r\n\r\nlamp,x\r\n')
    assert [row.line for row in log.rejected] == [5]


def test_a_tab_separated_file_is_not_quoted(tmp_path: Path) -> None:
    log = log_of(tmp_path, 'query\tvolume\n"24 inch" monitor\t3\ntv\tx\n', "queries.tsv")
    assert [query.text for query in log.queries] == ['"24 inch" monitor']
    assert [row.line for row in log.rejected] == [3]


def test_parquet_rows_are_counted_from_one_and_may_hold_anything(tmp_path: Path) -> None:
    path = tmp_path / "queries.parquet"
    good = pa.array([b"lamp", b"l\xe4mp", None, b"tv"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"query": good, "volume": [1, 2, 3, None]}), path)
    log, _ = reader(tmp_path).read(path, None)
    assert [query.text for query in log.queries] == ["lamp"]
    assert [row.line for row in log.rejected] == [2, 3, 4]


def test_queries_with_personal_data_are_dropped_and_counted_and_listed_nowhere(tmp_path: Path) -> None:
    log = log_of(tmp_path, "query,volume\njan@winkel.be,9\n+32 470 123456,9\nlamp,1\njan@winkel.be,x\n")
    assert [query.text for query in log.queries] == ["lamp"]
    assert log.personal == {"e-mail": 2, "phone": 1}
    assert "@" not in (tmp_path / "report" / "rejected_rows.csv").read_text()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("jan.peeters@voorbeeld.be", "e-mail"),
        ("retour an JAN@VOORBEELD.DE bitte", "e-mail"),
        ("+32 470 12 34 56", "phone"),
        ("0470/12.34.56", "phone"),
        ("0470123456", "phone"),
        ("(555) 123-4567", "phone"),
        ("٠٥٠١٢٣٤٥٦٧", "phone"),
        ("4111 1111 1111 1111", "card"),
        ("378282246310005", "card"),
        ("iphone 15 pro", ""),
        ("4006381333931", ""),  # a bar code
        ("012345678905", ""),  # another
        ("1920x1080 monitor", ""),
        ("lego 75192", ""),
        ("10-20-30 cm", ""),
        ("4111111111111112", ""),  # no card: its check digit is wrong
        ("@home", ""),
    ],
)
def test_personal_data_is_found_and_product_numbers_are_not_taken_for_it(text: str, kind: str) -> None:
    assert personal_data(text) == kind


def test_judged_queries_are_split_by_normal_form_and_their_rows_make_one_query(tmp_path: Path) -> None:
    texts = [f"lamp {i}" for i in range(40)]
    rows = "".join(f"{text},ho-1,1\n{text.upper()},sh,0\n" for text in texts)
    judged = labels_of(tmp_path, f"query,product_type_id,label\n{rows}alleen fout,sh,0\n")
    assert {query.text for query in judged.test} == {t for t in texts if split_of_query(t) is Split.TEST}
    assert len(judged.fitted) + len(judged.test) == 40
    assert judged.without_positive == 1
    types = ProductTypes.from_table("tiny", TINY_TREE)
    ids = [types.nodes[i].id for i in judged.fitted[0].positives]
    assert (ids, [types.nodes[i].id for i in judged.fitted[0].negatives]) == (["ho", "ho-1"], ["sh"])


def test_stop_refuses_a_bad_row_and_still_lists_all_of_them(tmp_path: Path) -> None:
    queries = written(tmp_path, "queries.csv", "query,volume\n,1\nlamp,2\ntv,x\n")
    with pytest.raises(InputRefused, match=r"2 rows are bad, the first is queries\.csv line 2: query is empty"):
        reader(tmp_path, stop=True).read(queries, None)
    assert len((tmp_path / "report" / "rejected_rows.csv").read_text().splitlines()) == 3


def test_a_file_without_a_good_row_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"no good row is left of 3 \(2: queries\.csv: volume is no number above 0"):
        log_of(tmp_path, "query,volume\nlamp,x\ntv,0\na@b.be,3\n")
    with pytest.raises(InputRefused, match="no good row is left of 0"):
        log_of(tmp_path, "query,volume\n")
    with pytest.raises(InputRefused, match="no query has a good row of label 1"):
        labels_of(tmp_path, "query,product_type_id,label\nlamp,sh,0\n")


@pytest.mark.parametrize(
    ("name", "content", "fact"),
    [
        ("queries.xlsx", "", "its suffix is none of .csv, .tsv, .parquet"),
        ("queries.csv", "query,searches\nlamp,1\n", "there is no column 'volume' (it has query, searches)"),
        ("queries.parquet", "no parquet", "cannot be read as parquet"),
        ("queries.csv", 'query,volume\n"lamp,1\n', "line 2: a quote is opened and never closed"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, content: str, fact: str) -> None:
    with pytest.raises(InputRefused) as caught:
        log_of(tmp_path, content, name)
    assert fact in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="there is no such file"):
        list(read_cells(tmp_path / "none.csv", ("query",)))


def test_reasons_are_counted_without_what_differs_from_row_to_row(tmp_path: Path) -> None:
    log = log_of(tmp_path, "query,volume\nlamp,1\na,x\nb,y\n,3\n")
    assert reasons(log.rejected) == {
        "queries.csv: volume is no number above 0": 2,
        "queries.csv: query is empty": 1,
    }
