"""Annotating files: rows, order and bytes kept, bad rows marked, nothing half-written."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shelfsense.annotation import Annotator, InputColumns, Row, Summary, annotate_file
from shelfsense.annotation.row import ANNOTATION_COLUMNS
from shelfsense.engines.engine import EngineOutput
from shelfsense.errors import InputRefused, InvalidQuery
from shelfsense.query import Options, Query
from shelfsense.text import check_text
from shelfsense.understander import Prepared, Understander
from shelfsense.understanding import ProductType, Reformulation, Understanding


@dataclass
class ScriptedUnderstander:
    """Answers every query with one type and one head; ``boom`` breaks any batch it is in."""

    batches: list[list[str]] = field(default_factory=list)

    def prepare(self, query: Query) -> Prepared:
        text, cut = check_text(query.text, truncate=query.truncate)
        if query.locale == "not a tag":
            raise InvalidQuery("locale", "is not a BCP 47 tag")
        return Prepared(query, text, text, query.locale or "und", tuple(range(len(text))), cut)

    def infer(self, prepared: Sequence[Prepared]) -> EngineOutput:
        texts = [each.query.text for each in prepared]
        self.batches.append(texts)
        if "boom" in texts:
            raise RuntimeError("the engine gave up")
        rows = np.full((len(texts), 1), 0.123456789, dtype=np.float32)
        return EngineOutput(rows, rows)

    def answer_all(self, prepared: Sequence[Prepared], _output: EngineOutput, _options: Options) -> list[Understanding]:
        return [self._answer(each) for each in prepared]

    @staticmethod
    def _answer(prepared: Prepared) -> Understanding:
        kind = ProductType("aa-1", ("Apparel", "Shoes"), 2, 0.123456789, 0.1, accepted=True)
        head = Reformulation(
            f'head "{prepared.query.text}"', "es", 0.5, accepted=False, volume=1.0, volume_is_estimate=False, refusal=""
        )
        return Understanding((kind,), (head,), prepared.locale, prepared.truncated, "test")


def make_annotator(scripted: ScriptedUnderstander | None = None, *, batch_size: int = 64) -> Annotator:
    understander = cast("Understander", scripted or ScriptedUnderstander())
    return Annotator(understander, Options(), batch_size=batch_size)


def annotate_bytes(tmp_path: Path, data: bytes, columns: InputColumns | None = None) -> bytes:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(data)
    annotate_file(source, target, make_annotator(), columns or InputColumns(), chunk_rows=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]
    return target.read_bytes()


def read_csv(data: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    text = io.StringIO(data.decode("utf-8-sig", "surrogateescape"), newline="")
    return list(csv.DictReader(text, delimiter=delimiter))


def statuses(data: bytes, delimiter: str = ",") -> list[str]:
    return [row["status"] for row in read_csv(data, delimiter)]


# The annotator


def test_the_same_query_is_computed_once_and_like_lengths_go_together() -> None:
    scripted = ScriptedUnderstander()
    rows = [Row(text, b"es") for text in (b"dddd", b"a", b"ccc", b"a", b"bb", b"dddd")]
    answers = make_annotator(scripted, batch_size=2).annotate(rows)
    assert scripted.batches == [["a", "bb"], ["ccc", "dddd"]]
    assert [each.reformulations for each in answers] == [(f'head "{row.query.decode()}"',) for row in rows if row.query]


def test_the_same_text_in_two_locales_is_two_queries() -> None:
    answers = make_annotator().annotate([Row(b"a", b"es"), Row(b"a", b"de"), Row(b"a", None)])
    assert [each.locale_used for each in answers] == ["es", "de", "und"]


def test_one_query_that_breaks_the_engine_costs_the_others_nothing() -> None:
    answers = make_annotator().annotate([Row(b"aaaa", b""), Row(b"boom", b""), Row(b"cccc", b"")])
    assert [each.status for each in answers] == ["ok", "error", "ok"]
    assert answers[1].error == "RuntimeError: the engine gave up"


def test_what_is_wrong_with_a_row_is_said_in_the_row() -> None:
    rows = [Row(None, b"es"), Row(b"", b"es"), Row(b"ni\xf1o", b"es"), Row(b"a", b"not a tag"), Row(b"a", b"\xff")]
    answers = make_annotator().annotate(rows)
    assert {each.status for each in answers} == {"invalid"}
    assert [each.error.partition(":")[0] for each in answers] == ["text", "text", "text_utf8", "locale", "locale"]


# CSV


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_every_byte_of_a_csv_row_survives(tmp_path: Path, line_end: bytes) -> None:
    lines = [
        b"\xef\xbb\xbfid,query,locale",
        b'1,"zapatillas, ""rojas""",es',
        b"2,ni\xf1o,es",
        b'3,"two\nlines",es',
        b'4,19" monitor,en',
        b"5,,es",
        b'"6","quoted for no reason","es"',
    ]
    written = annotate_bytes(tmp_path, line_end.join(lines) + line_end)
    rest = written
    for line in lines:
        assert rest.startswith(line + b",")
        _, _, rest = rest.partition(line_end)
        if line.startswith(b"3,") and line_end == b"\n":  # its query holds a line end of its own
            _, _, rest = rest.partition(line_end)
    assert rest == b""
    assert statuses(written) == ["ok", "invalid", "ok", "ok", "invalid", "ok"]


def test_csv_lists_are_json_arrays(tmp_path: Path) -> None:
    (row,) = read_csv(annotate_bytes(tmp_path, b"query,locale\nzapatos,es\n"))
    assert list(row) == ["query", "locale", *ANNOTATION_COLUMNS]
    assert json.loads(row["product_type_ids"]) == ["aa-1"]
    assert json.loads(row["levels"]) == [2]
    assert json.loads(row["probabilities"]) == [0.123457]
    assert json.loads(row["accepted"]) == [True]
    assert json.loads(row["reformulations"]) == ['head "zapatos"']
    assert json.loads(row["reformulations_accepted"]) == [False]
    assert row["locale_used"] == "es"
    assert row["error"] == ""


def test_a_last_line_without_end_is_a_row(tmp_path: Path) -> None:
    assert statuses(annotate_bytes(tmp_path, b"query,locale\na,es\nb,es")) == ["ok", "ok"]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_delimiter_is_the_one_the_header_uses(tmp_path: Path, delimiter: str) -> None:
    data = "id,x;query;locale\n1,5;a;es\n".replace(";", delimiter).encode()
    written = annotate_bytes(tmp_path, data)
    assert written.startswith(f"id,x{delimiter}query{delimiter}locale{delimiter}locale_used{delimiter}".encode())
    assert statuses(written, delimiter) == ["ok"]


def test_ragged_rows_are_marked_and_their_annotation_stands_under_its_header(tmp_path: Path) -> None:
    written = annotate_bytes(tmp_path, b"query,locale,n\nshort\na,es,1\nshoes, red,en,1\n")
    short, whole, long = read_csv(written)
    assert [row["status"] for row in (short, whole, long)] == ["invalid", "ok", "invalid"]
    assert short["error"].startswith("row: has 1 fields, the header has 3")
    assert (long["query"], long["locale"], long["n"]) == ("shoes", " red", "en")
    assert list[object](long.values())[-1] == ["1"]  # where csv puts what has no header


def test_blank_lines_stay_blank_but_are_queries_where_there_is_one_column(tmp_path: Path) -> None:
    written = annotate_bytes(tmp_path, b"query,locale\na,es\n\nb,es\n")
    assert written.split(b"\n")[2] == b""
    assert statuses(written) == ["ok", "ok"]
    one_column = InputColumns(locale_required=False)
    assert statuses(annotate_bytes(tmp_path, b"query\na\n\nb\n", one_column)) == ["ok", "invalid", "ok"]


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (b"", "line 1: is empty"),
        (b"text,locale\na,es\n", "no column 'query'; the columns are: text, locale"),
        (b"query,lang\na,es\n", "no column 'locale'; the columns are: query, lang"),
        (b"query,locale,query\na,es,b\n", "column 'query' is there 2 times"),
        (b"query,locale,status\na,es,b\n", "column 'status' is there already"),
        (b'query,locale\na,es\n"b,es\nc,es\n', "line 3: a quote is opened and never closed"),
        (b'query,locale\n"' + b"x" * 200_000 + b"\n", "line 2: field larger than field limit"),
        ("query,locale\na,es\n".encode("utf-16"), "the file is UTF-16"),
    ],
)
def test_a_file_that_is_no_table_of_queries_is_refused_and_nothing_is_written(
    tmp_path: Path, data: bytes, fact: str
) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(data)
    target.write_text("from an earlier run")
    with pytest.raises(InputRefused) as refused:
        annotate_file(source, target, make_annotator())
    assert fact in str(refused.value)
    assert str(source) in str(refused.value)
    assert target.read_text() == "from an earlier run"
    assert len(list(tmp_path.iterdir())) == 2


def test_gzip_goes_in_and_out(tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv.gz", tmp_path / "out.csv.gz"
    source.write_bytes(gzip.compress(b"query,locale\na,es\n"))
    assert annotate_file(source, target, make_annotator()) == Summary(ok=1, invalid=0, error=0)
    assert statuses(gzip.decompress(target.read_bytes())) == ["ok"]


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "in.csv.gz"
    noise = "".join(f"{i * 7919 % 100_003},es\n" for i in range(20_000))
    source.write_bytes(gzip.compress(f"query,locale\n{noise}".encode())[:-2000])
    with pytest.raises(InputRefused, match="gzip stream is damaged"):
        annotate_file(source, tmp_path / "out.csv", make_annotator())


def test_a_file_may_be_annotated_in_place(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes(b"query,locale\na,es\n")
    annotate_file(source, source, make_annotator())
    assert statuses(source.read_bytes()) == ["ok"]


def test_progress_ends_at_the_whole_file(tmp_path: Path) -> None:
    source, seen = tmp_path / "in.csv", list[tuple[int, float]]()
    source.write_bytes(b"query,locale\n" + b"a,es\n" * 7)
    annotate_file(
        source,
        tmp_path / "out.csv",
        make_annotator(),
        on_progress=lambda rows, share: seen.append((rows, share)),
        chunk_rows=3,
    )
    assert [rows for rows, _ in seen] == [3, 6, 7]
    assert seen[-1][1] == 1.0


@pytest.mark.parametrize(
    ("source", "target", "fact"),
    [
        ("in.txt", "out.csv", "suffix is none of"),
        ("in.csv", "out.parquet", "must be CSV too"),
        ("gone.csv", "out.csv", "no such file"),
        ("in.csv", "gone/out.csv", "no folder"),
    ],
)
def test_names_that_cannot_work_are_refused(tmp_path: Path, source: str, target: str, fact: str) -> None:
    (tmp_path / "in.csv").write_bytes(b"query,locale\n")
    with pytest.raises(InputRefused, match=fact):
        annotate_file(tmp_path / source, tmp_path / target, make_annotator())


# Parquet


def annotate_table(tmp_path: Path, table: pa.Table) -> pa.Table:
    source, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    pq.write_table(table, source)
    annotate_file(source, target, make_annotator(), chunk_rows=2)
    return pq.read_table(target)


def test_parquet_keeps_columns_types_and_metadata(tmp_path: Path) -> None:
    table = pa.table({"n": pa.array([3, None, 1], pa.int16()), "query": ["a", None, ""], "locale": ["es", "es", None]})
    table = table.replace_schema_metadata({"owner": "search"})
    annotated = annotate_table(tmp_path, table)
    assert annotated.select(table.column_names).equals(table)
    assert annotated.schema.metadata[b"owner"] == b"search"
    assert annotated.column_names == [*table.column_names, *ANNOTATION_COLUMNS]
    assert annotated["status"].to_pylist() == ["ok", "invalid", "invalid"]
    assert annotated["error"].to_pylist()[0] is None
    assert annotated["product_type_ids"].to_pylist() == [["aa-1"], [], []]
    assert annotated["accepted"].to_pylist() == [[True], [], []]
    assert annotated["probabilities"].to_pylist()[0] == [pytest.approx(0.123456789)]


@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.binary(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_parquet_text_may_have_any_of_its_types(tmp_path: Path, kind: pa.DataType) -> None:
    table = pa.table({"query": pa.array(["a", None, "a"], pa.string()).cast(kind), "locale": ["es", "es", "es"]})
    assert annotate_table(tmp_path, table)["status"].to_pylist() == ["ok", "invalid", "ok"]


def test_broken_utf8_in_parquet_costs_its_row_alone(tmp_path: Path) -> None:
    queries = pa.array([b"a", b"\xff"], pa.binary()).view(pa.string())
    annotated = annotate_table(tmp_path, pa.table({"query": queries, "locale": ["es", "es"]}))
    assert annotated["status"].to_pylist() == ["ok", "invalid"]
    assert annotated["query"].cast(pa.binary()).to_pylist() == [b"a", b"\xff"]


def test_an_empty_parquet_file_gains_its_columns(tmp_path: Path) -> None:
    annotated = annotate_table(
        tmp_path, pa.table({"query": pa.array([], pa.string()), "locale": pa.array([], pa.string())})
    )
    assert annotated.num_rows == 0
    assert annotated.column_names[2:] == list(ANNOTATION_COLUMNS)


def test_parquet_that_holds_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="column 'query' holds int64; it must hold text"):
        annotate_table(tmp_path, pa.table({"query": [1], "locale": ["es"]}))
    (tmp_path / "in.parquet").write_bytes(b"no parquet")
    with pytest.raises(InputRefused, match="is no Parquet file"):
        annotate_file(tmp_path / "in.parquet", tmp_path / "out.parquet", make_annotator())


def test_damaged_parquet_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    source = tmp_path / "in.parquet"
    noise = [str(i * 7919 % 100_003) for i in range(50_000)]
    pq.write_table(pa.table({"query": noise, "locale": noise}), source, compression="zstd", use_dictionary=False)
    data = bytearray(source.read_bytes())
    data[200:4000] = bytes(3800)
    source.write_bytes(data)
    with pytest.raises(InputRefused, match="is damaged"):
        annotate_file(source, tmp_path / "out.parquet", make_annotator())
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]
