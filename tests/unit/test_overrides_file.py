"""Which files of overrides are refused, and that every bad row is listed."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shelfsense.errors import InputRefused
from shelfsense.overrides.override import OverridesRefused
from shelfsense.overrides.override_table import OverrideTable, check_overrides
from shelfsense.overrides.overrides_file import SCHEMA, read_overrides
from shop_rules import NOW, parquet, rule, table_of, targets, until

_TEXT = SCHEMA.names[1:5]


def read(data: bytes) -> OverrideTable:
    return OverrideTable.read(data, targets(), NOW)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (rule("pin", "walking shoes"), "action is none of add_type, remove_type, pin_head, block_head"),
        (rule("", "walking shoes"), "action is none of"),
        (rule("add_type", "xx-9"), "no product type of tiny"),
        (rule("remove_type", "SH"), "no product type of tiny"),
        (rule("add_type", " "), "value is empty"),
        (rule("block_head", "x" * 2000), "longer than 1024 bytes"),
        (rule("pin_head", "no such head"), "no head query of any locale"),
        (rule("pin_head", "laufschuhe", locale="en"), "no head query of en"),
        (rule("add_type", "sh", query=" "), "query is empty"),
        (rule("add_type", "sh", query="x" * 2000), "query is longer than 1024 bytes"),
        (rule("add_type", "sh", query="red\0shoes"), r"U\+0000"),
        (rule("add_type", "sh", query="\u200b"), "white space or invisible"),
        (rule("add_type", "sh", locale="sw"), "not one of the bundle's"),
        (rule("add_type", "sh", locale="no tag"), "not a BCP 47 tag"),
        (rule("add_type", "sh", name="x" * 200), "name is longer than 128"),
        (rule("add_type", "sh", name="a\nb"), "control characters"),
    ],
)
def test_a_bad_row_is_listed_with_its_number_and_the_reason(row: dict[str, Any], reason: str) -> None:
    good = rule("add_type", "sh-1", query="boots")
    with pytest.raises(OverridesRefused, match=reason) as caught:
        table_of(good, row, good | {"query": "sandals"})
    assert [fault.row for fault in caught.value.faults] == [2]
    assert "red shoes" not in str(caught.value)
    assert "no such head" not in str(caught.value)


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (rule("add_type", "sh"), rule("remove_type", "sh"), "contradicts row 1"),
        (rule("add_type", "sh-1"), rule("remove_type", "sh"), "contradicts row 1: one adds a type below"),
        (rule("remove_type", "sh"), rule("add_type", "sh-1"), "contradicts row 1: one adds a type below"),
        (rule("pin_head", "Trail shoes"), rule("block_head", "trail  shoes"), "contradicts row 1"),
        (rule("add_type", "sh"), rule("add_type", "sh", query="RED shoes"), "repeats row 1"),
        (rule("add_type", "sh", locale="en"), rule("add_type", "sh", locale="en-US"), "repeats row 1"),
        (rule("add_type", "sh", name="a"), rule("add_type", "ho", name="a"), "name is that of row 1"),
        (rule("add_type", "sh", name="row 2"), rule("add_type", "ho"), "name is that of row 1"),
    ],
)
def test_of_two_rows_that_do_not_go_together_the_later_is_bad(
    first: dict[str, Any], second: dict[str, Any], reason: str
) -> None:
    with pytest.raises(OverridesRefused, match=reason) as caught:
        table_of(first, second)
    assert [fault.row for fault in caught.value.faults] == [2]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (rule("add_type", "sh"), rule("remove_type", "sh", locale="en")),
        (rule("add_type", "sh"), rule("remove_type", "sh", query="boots")),
        (rule("add_type", "sh"), rule("remove_type", "sh-1")),
        (rule("add_type", "sh", name="a", expires=until(-1)), rule("remove_type", "sh", name="a")),
    ],
)
def test_rows_of_other_queries_locales_or_times_go_together(first: dict[str, Any], second: dict[str, Any]) -> None:
    table_of(first, second)


def test_every_bad_row_is_listed_and_a_long_list_is_cut_in_the_message_alone() -> None:
    rows = [rule("add_type", "nothing", query=f"query {i}") for i in range(30)]
    with pytest.raises(OverridesRefused, match=r"row 20: .*; and 10 more") as caught:
        table_of(*rows)
    assert [fault.row for fault in caught.value.faults] == list(range(1, 31))


def test_an_expired_row_may_name_what_the_bundle_no_longer_has() -> None:
    file = read_overrides(parquet([rule("add_type", "gone", expires=until(0)), rule("add_type", "sh")]))
    checked = check_overrides(file, targets(), NOW)
    assert [override.row for override in checked.expired] == [1]
    assert [kept.override.row for kept in checked.rules] == [2]
    assert not checked.faults


def test_a_file_without_rows_drops_all_rules() -> None:
    assert len(table_of()) == 0


def test_columns_that_may_be_left_out_may_be_left_out() -> None:
    schema = pa.schema([SCHEMA.field(name) for name in _TEXT])
    assert len(read(parquet([rule("add_type", "sh")], schema))) == 1


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_text_may_be_stored_as_any_text(kind: pa.DataType) -> None:
    schema = pa.schema([(name, kind) for name in _TEXT])
    assert len(read(parquet([rule("add_type", "sh")], schema))) == 1


@pytest.mark.parametrize("unit", ["s", "ms", "ns"])
def test_an_expiry_may_be_in_any_unit_and_zone(unit: str) -> None:
    schema = SCHEMA.set(5, pa.field("expires", pa.timestamp(unit, tz="Europe/Berlin")))
    table = read(parquet([rule("add_type", "sh", expires=until(60))], schema))
    assert table.find("red shoes", "en", NOW + 59) is not None
    assert table.find("red shoes", "en", NOW + 60) is None


@pytest.mark.parametrize(
    ("schema", "fact"),
    [
        (SCHEMA.remove(3), "lacks the column action"),
        (SCHEMA.append(pa.field("expiry", pa.string())), "no column 'expiry'"),
        (SCHEMA.set(4, pa.field("value", pa.int64())), "column value holds int64"),
        (SCHEMA.set(5, pa.field("expires", pa.timestamp("us"))), "column expires holds timestamp"),
        (SCHEMA.set(5, pa.field("expires", pa.string())), "column expires holds string"),
    ],
)
def test_other_columns_are_refused_by_name(schema: pa.Schema, fact: str) -> None:
    with pytest.raises(InputRefused, match=fact):
        read(parquet([], schema))


def test_a_column_that_is_there_twice_is_refused() -> None:
    schema = pa.schema([*SCHEMA, pa.field("locale", pa.string())])
    out = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays([pa.array([], field.type) for field in schema], schema=schema), out)
    with pytest.raises(InputRefused, match="column locale twice"):
        read(out.getvalue().to_pybytes())


def test_broken_utf8_makes_its_row_bad_and_no_other() -> None:
    column = pa.StringArray.from_buffers(2, pa.py_buffer(b"\0\0\0\0\2\0\0\0\4\0\0\0"), pa.py_buffer(b"ab\xff\xfe"))
    rows = [rule("add_type", "sh"), rule("add_type", "ho")]
    table = pa.Table.from_pylist(rows, SCHEMA).set_column(1, SCHEMA.field("query"), column)
    out = pa.BufferOutputStream()
    pq.write_table(table, out)
    with pytest.raises(OverridesRefused, match="row 2: holds text that is not UTF-8") as caught:
        read(out.getvalue().to_pybytes())
    assert len(caught.value.faults) == 1


@pytest.mark.parametrize("keep", [0, 4, 100, -1, -40])
def test_a_file_that_is_cut_off_is_refused(keep: int) -> None:
    whole = parquet([rule("add_type", "sh")])
    with pytest.raises(InputRefused, match="no whole Parquet file"):
        read(whole[:keep])
