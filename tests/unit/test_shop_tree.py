"""A shop's tree, map and labels: what is read, what is refused by line, what follows for the thresholds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shelfsense.errors import InputRefused
from shelfsense.product_types import ProductTypes
from shelfsense.thresholds import NEVER, LocaleThresholds, Thresholds
from shelfsense.type_map import MapEntry, TypeMap
from shelfsense_training.evaluation.labelled_queries import group_rows
from shelfsense_training.evaluation.labelled_rows import LabelledRow
from shelfsense_training.onboarding.cells import REJECTED
from shelfsense_training.shop_tree.map_coverage import map_coverage, with_concluded
from shelfsense_training.shop_tree.map_file import read_map_file
from shelfsense_training.shop_tree.tree_figures import tree_figures
from shelfsense_training.shop_tree.tree_file import read_tree_file
from shelfsense_training.shop_tree.tree_labels import read_shop_labels
from shelfsense_training.shop_tree.tree_rows import deepest, label_rows, name_rows, refused_rows
from shelfsense_training.shop_tree.tree_thresholds import (
    JudgedScores,
    ThresholdSettings,
    derived_thresholds,
    fixed_thresholds,
)
from tiny import TINY_TREE

OURS = ProductTypes.from_table("ours", TINY_TREE)
SHOP = ProductTypes.from_table(
    "shop",
    [
        {"id": "wear", "parent_id": "", "name": "Things to wear"},
        {"id": "use", "parent_id": "", "name": "Things to use"},
        {"id": "feet", "parent_id": "wear", "name": "For feet"},
    ],
)


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_tree_is_read_in_any_order_and_form(tmp_path: Path) -> None:
    rows = [("feet", "wear", "For feet"), ("wear", "", "Things to wear")]
    text = ["id,parent_id,name", *(",".join(row) for row in rows)]
    csv = read_tree_file(written(tmp_path / "my_shop.csv", *text))
    tsv = read_tree_file(written(tmp_path / "shop.tsv", *(line.replace(",", "\t") for line in text)), "my_shop")
    table = pa.table({name: [row[i] for row in rows] for i, name in enumerate(("id", "parent_id", "name"))})
    pq.write_table(table, tmp_path / "my_shop.parquet")
    assert csv.label_space == "my_shop"
    assert csv.paths == (("Things to wear",), ("Things to wear", "For feet"))
    assert csv.to_json() == tsv.to_json() == read_tree_file(tmp_path / "my_shop.parquet").to_json()


def test_all_faults_of_a_tree_are_told_by_line(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", "id,parent_id,name", "a,,A", "a,,B", "b,z,B", ",,C", "d,,", "e,f")
    with pytest.raises(InputRefused) as refused:
        read_tree_file(path)
    said = str(refused.value)
    assert "line 3: id 'a' is that of line 2" in said
    assert "line 4: parent_id 'z' is no id of the file" in said
    assert "line 5: id is empty" in said
    assert "line 6: name is empty" in said
    assert "line 7: has 2 fields, the header has 3" in said


@pytest.mark.parametrize(
    ("lines", "fact"),
    [
        (["id,parent_id,name"], "holds no types"),
        (["id,name", "a,A"], "no column 'parent_id'"),
        (["id,parent_id,name", "a,b,A", "b,a,B"], "lies on a cycle"),
    ],
)
def test_a_file_that_is_no_tree_is_refused(tmp_path: Path, lines: list[str], fact: str) -> None:
    with pytest.raises(InputRefused, match=fact):
        read_tree_file(written(tmp_path / "t.csv", *lines))


def test_an_absent_or_empty_weight_is_one(tmp_path: Path) -> None:
    short = read_map_file(written(tmp_path / "m.csv", "product_type_id,shop_type_id", "sh,wear"), OURS, SHOP)
    head = "product_type_id,shop_type_id,weight"
    long = read_map_file(written(tmp_path / "n.csv", head, "sh,wear,", "ho,use,0.25"), OURS, SHOP)
    assert short == [MapEntry("sh", "wear", 1.0)]
    assert long == [MapEntry("sh", "wear", 1.0), MapEntry("ho", "use", 0.25)]


def test_all_faults_of_a_map_are_told_by_line(tmp_path: Path) -> None:
    rows = ["sh,wear,1", "zz,wear,1", "sh,zz,1", "ho,use,0", "el,use,1.5", "el,use,x", "sh,wear,0.5"]
    path = written(tmp_path / "m.csv", "product_type_id,shop_type_id,weight", *rows)
    with pytest.raises(InputRefused) as refused:
        read_map_file(path, OURS, SHOP)
    said = str(refused.value)
    assert "line 3: product_type_id 'zz' is no type of ours" in said
    assert "line 4: shop_type_id 'zz' is no type of shop" in said
    for line, weight in ((5, "'0'"), (6, "'1.5'"), (7, "'x'")):
        assert f"line {line}: weight is {weight}" in said
    assert "line 8: maps sh to wear, as line 2 does" in said


def test_a_type_whose_children_all_lead_to_one_branch_leads_there() -> None:
    both = [MapEntry("sh-1", "feet"), MapEntry("sh-2", "wear")]
    assert with_concluded(OURS, SHOP, both)[2:] == [MapEntry("sh", "wear")]
    # One child, half of one, or two branches say too little.
    for entries in (both[:1], [both[0], MapEntry("sh-2", "wear", 0.5)], [both[0], MapEntry("sh-2", "use")]):
        assert with_concluded(OURS, SHOP, entries) == entries
    # What a map says itself is never overruled.
    own = [*both, MapEntry("sh", "use")]
    assert with_concluded(OURS, SHOP, own) == own


def test_what_a_map_leaves_open_is_counted() -> None:
    entries = [
        MapEntry("ho", "use"),
        MapEntry("sh-1", "wear"),
        MapEntry("el-1", "use", 0.75),
        MapEntry("el-1", "wear", 0.75),
    ]
    found = map_coverage(TypeMap(OURS, SHOP, entries))
    assert found.inherited == ("ho-1",)
    assert found.partly == ("sh", "el")
    assert found.nowhere == ("sh-2",)
    assert found.unreached == ("feet",)
    assert found.overfull == ("el-1",)


def test_a_share_of_a_parent_and_of_its_child_is_not_too_much() -> None:
    entries = [MapEntry("sh", "wear", 1.0), MapEntry("sh", "feet", 0.5)]
    assert map_coverage(TypeMap(OURS, SHOP, entries)).overfull == ()


def derived(*entries: MapEntry) -> LocaleThresholds:
    ours = Thresholds({"de": LocaleThresholds((0.375, 0.625), "real", 0.9, "composed")})
    return derived_thresholds(TypeMap(OURS, SHOP, entries), ours).by_locale["de"]


def test_derived_thresholds_are_those_of_the_topmost_types_that_lead_there() -> None:
    # Of level 1 comes "wear", of level 2 "feet"; "wear" has sh-1 too, but below sh.
    found = derived(MapEntry("sh", "wear"), MapEntry("sh-1", "feet"))
    assert (found.product_types, found.evidence, dict(found.types)) == ((0.375, 0.625), "fallback", {})
    assert (found.reformulation, found.reformulation_evidence) == (0.9, "composed")
    # Where level-2 types lead to a root, the root is accepted from their threshold.
    assert derived(MapEntry("sh-1", "wear"), MapEntry("el", "use")).product_types[0] == 0.625


def test_a_type_that_gets_a_share_only_is_accepted_from_the_target_precision() -> None:
    assert dict(derived(MapEntry("sh", "wear", 0.9), MapEntry("el", "use")).types) == {"wear": 0.8}
    # Boots are no feet things here, so of what is left of shoes some may be boots unseen.
    leaking = derived(MapEntry("sh", "wear"), MapEntry("sh-2", "use"))
    assert dict(leaking.types) == {"wear": 0.8}


def test_a_level_that_nothing_reaches_is_never_accepted() -> None:
    assert derived(MapEntry("sh", "wear")).product_types == (0.375, NEVER)


def judged(copies: int) -> JudgedScores:
    """Queries of "feet" that get 0.9, and 0.3 for "use", which is wrong; of locale de."""
    probabilities = np.tile(np.array([[0.9, 0.3, 0.9]], dtype=np.float32), (copies, 1))
    right = np.tile(np.array([[True, False, True]]), (copies, 1))
    return JudgedScores(["de"] * copies, probabilities, right)


def test_labels_fix_thresholds_and_thin_ones_leave_them() -> None:
    entry = LocaleThresholds((0.5, 0.6), "fallback", 0.9, "composed", types={"feet": 0.8})
    before = Thresholds({"de": entry, "nl": entry})
    found = fixed_thresholds(SHOP, judged(100), before, ThresholdSettings()).by_locale
    assert found["de"].product_types == pytest.approx((0.9, 0.9))
    assert found["de"].evidence == "real"
    assert found["de"].types == {}
    # Another locale takes its neighbour's word, and says so.
    assert found["nl"].product_types == pytest.approx((0.9, 0.9))
    assert found["nl"].evidence == "fallback"
    assert fixed_thresholds(SHOP, judged(10), before, ThresholdSettings()).by_locale["de"] == entry


def test_figures_of_a_tree_by_hand() -> None:
    # Two queries for feet; of the second, "use" (0.7) is taken and "wear" (0.4) is not.
    probabilities = np.array([[0.9, 0.1, 0.8], [0.4, 0.7, 0.3]], dtype=np.float32)
    right = np.array([[True, False, True], [True, False, True]])
    thresholds = Thresholds({"de": LocaleThresholds((0.5, 0.5), "real", 0.9, "composed")})
    found = tree_figures(SHOP, JudgedScores(["de", "de"], probabilities, right), thresholds)
    assert found["1"] == {"queries": 2, "top_1": 0.5, "precision": 0.5, "recall": 0.5}
    assert found["2"] == {"queries": 2, "top_1": 1.0, "precision": 1.0, "recall": 0.5}


def test_bad_labels_are_listed_and_left_out(tmp_path: Path) -> None:
    path = written(
        tmp_path / "labels.csv",
        "query,locale,product_type_id,label",
        "boots,de,feet,1",
        "boots,de-AT,use,0",
        "socks,de,zz,1",
        ",de,feet,1",
        "socks,d e,feet,1",
        "socks,de,feet,2",
        "socks,de",
        "ask me@example.com,de,feet,1",
        "parcel,nl,,1",
    )
    found = read_shop_labels(path, SHOP, ("de", "ja"), tmp_path / "report")
    assert [(row.query, row.locale, row.product_type_id, row.relevant) for row in found.rows] == [
        ("boots", "de", "feet", True),
        ("boots", "de", "use", False),
        ("parcel", "und", "", True),
    ]
    assert [row.line for row in found.rejected] == [4, 5, 6, 7, 8, 9]
    listed = (tmp_path / "report" / REJECTED).read_text()
    assert "no type of shop" in listed
    assert "personal data (e-mail)" in listed
    assert "example.com" not in listed
    with pytest.raises(InputRefused, match="6 rows are bad, the first is line 4"):
        read_shop_labels(path, SHOP, ("de", "ja"), tmp_path / "report", stop=True)


def test_labels_without_a_right_type_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "labels.csv", "query,locale,product_type_id,label", "boots,de,feet,0")
    with pytest.raises(InputRefused, match="no good row of label 1 is left"):
        read_shop_labels(path, SHOP, ("de",), tmp_path)


def test_a_judged_query_is_one_row_of_its_deepest_types() -> None:
    rows = [
        LabelledRow("Boots", "de", "wear", relevant=True),
        LabelledRow("boots", "de", "feet", relevant=True),
        LabelledRow("boots", "de", "use", relevant=False),
        LabelledRow("parcel", "de", "", relevant=True),
    ]
    made = label_rows(group_rows(rows, SHOP).queries, SHOP)
    assert [(row.text, row.types, row.negatives, row.source, row.complete) for row in made] == [
        ("boots", ["feet"], ["use"], "judged", False),
        ("parcel", [], [], "nothing", True),
    ]
    assert deepest([0, 1], SHOP) == ["wear", "use"]


def test_a_query_with_wrong_types_alone_teaches_those_and_less_often() -> None:
    rows = [
        LabelledRow("boots", "de", "feet", relevant=True),
        LabelledRow("boots", "de", "use", relevant=False),
        LabelledRow("lamp", "de", "feet", relevant=False),
        LabelledRow("Lamp", "de", "wear", relevant=False),
        LabelledRow("fee", "de", "", relevant=False),
    ]
    made = refused_rows(rows, SHOP)
    assert [(row.text, row.types, row.negatives, row.complete) for row in made] == [
        ("lamp", [], ["feet", "wear"], False)
    ]
    assert made[0].weight < 1


def test_every_type_is_taught_its_own_name() -> None:
    assert {(row.text, *row.types) for row in name_rows(SHOP)} == {
        ("things to wear", "wear"),
        ("things to use", "use"),
        ("for feet", "feet"),
    }
