"""A shop's own heads: three forms of file, volumes added up, a bad row named by its line."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shelfsense.errors import InputRefused
from shelfsense_training.heads_file import read_heads_file

LOCALES = ("en", "de", "pt-BR")
HEADER = "query,locale,volume\n"


def written(folder: Path, text: str, name: str = "heads.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path) -> list[tuple[str, str, float]]:
    return [(head.query, head.locale, head.volume) for head in read_heads_file(path, LOCALES).heads]


EXPECTED = [("Running shoes", "en", 120.0), ("Hose, kurz", "de", 7.5)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("heads.csv", HEADER + 'Running shoes,en,120\n"Hose, kurz",de,7.5\n'),
        ("heads.tsv", "query\tlocale\tvolume\nRunning shoes\ten\t120\nHose, kurz\tde\t7.5\n"),
        ("bom.csv", "\ufeff" + HEADER + 'Running shoes,en,120\n"Hose, kurz",de,7.5\n'),
        ("more.csv", 'rank,volume,query,locale\n1,120, Running shoes ,en\n2,7.5,"Hose, kurz",de\n'),
    ],
)
def test_text_files_are_read(tmp_path: Path, name: str, text: str) -> None:
    assert read(written(tmp_path, text, name)) == EXPECTED


def test_parquet_is_read(tmp_path: Path) -> None:
    queries, locales, volumes = zip(*EXPECTED, strict=True)
    pq.write_table(pa.table({"volume": volumes, "query": queries, "locale": locales}), tmp_path / "heads.parquet")
    assert read(tmp_path / "heads.parquet") == EXPECTED


def test_a_volume_of_the_shops_own_is_no_estimate(tmp_path: Path) -> None:
    assert not read_heads_file(written(tmp_path, HEADER + "tv,en,1\n"), LOCALES).heads[0].volume_is_estimate


def test_tags_resolve_to_the_bundles_locales(tmp_path: Path) -> None:
    assert read(written(tmp_path, HEADER + "tv,en-GB,1\ntv,pt,2\n")) == [("tv", "en", 1.0), ("tv", "pt-BR", 2.0)]


def test_volumes_of_equal_queries_of_one_locale_add_up(tmp_path: Path) -> None:
    rows = "Red Shoes,en,10\nred  shoes,en-US,5\nred shoes,de,1\n"
    assert sorted(volume for _, _, volume in read(written(tmp_path, HEADER + rows))) == [1.0, 15.0]


def test_it_says_what_became_of_the_rows(tmp_path: Path) -> None:
    rows = "Red Shoes,en,10\nred  shoes,en-US,5\nred shoes,de,1\nme@example.com,en,3\nyou@example.com shoes,en,2\n"
    read = read_heads_file(written(tmp_path, HEADER + rows), LOCALES)
    assert (read.rows, len(read.heads), read.merged, dict(read.dropped)) == (5, 2, 1, {"e-mail": 2})
    assert str(read) == "5 rows read, 1 merged, 2 dropped (e-mail 2)"
    assert str(read_heads_file(written(tmp_path, HEADER + "tv,en,1\n"), LOCALES)) == "1 rows read, 0 merged, 0 dropped"


def test_a_file_of_personal_data_alone_holds_no_heads(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="holds no heads"):
        read_heads_file(written(tmp_path, HEADER + "me@example.com,en,3\n"), LOCALES)


@pytest.mark.parametrize(
    ("row", "fact"),
    [
        (" ,en,3", "query is empty; remove the row"),
        ("tv,en,many", "volume 'many' is no number of 0 or more"),
        ("tv,en,-1", "volume '-1' is no number of 0 or more"),
        ("tv,en,nan", "volume 'nan' is no number"),
        ("tv,en,inf", "volume 'inf' is no number"),
        ("tv,en", "volume '' is no number"),
        ("tv,fr,3", "locale 'fr' is not one of the bundle's; remove or map the row"),
        ("tv,,3", "locale '' is not one of the bundle's"),
        ("tv,e_!,3", "'e_!' is not a BCP 47 tag"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, row: str, fact: str) -> None:
    path = written(tmp_path, HEADER + f"usb cable,en,4\n{row}\n")
    with pytest.raises(InputRefused, match=r"heads\.csv: line 3: ") as caught:
        read_heads_file(path, LOCALES)
    assert fact in str(caught.value)


def test_a_bad_parquet_row_is_named_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "heads.parquet"
    pq.write_table(pa.table({"query": ["tv", None], "locale": ["en", "en"], "volume": [1, 2]}), path)
    with pytest.raises(InputRefused, match=r"line 2: query is empty"):
        read_heads_file(path, LOCALES)


@pytest.mark.parametrize("text", ["query,volume\ntv,3\n", ""])
def test_a_missing_column_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputRefused, match=r"lacks the column (locale|query)"):
        read_heads_file(written(tmp_path, text), LOCALES)


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="holds no heads; give it rows of query, locale, volume"):
        read_heads_file(written(tmp_path, HEADER), LOCALES)
