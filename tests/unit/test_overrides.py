"""What the shop's own rules make of an answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfsense.overrides.override import OverridesRefused
from shelfsense.overrides.override_table import OverrideTable
from shelfsense.query import Options
from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense_client.wire import read_understand
from shop_rules import NOW, answer, heads_of, overridden, rule, table_of, targets, types_of, until

ONE_OF_EACH = [
    rule("add_type", "el-1"),
    rule("remove_type", "sh-1"),
    rule("pin_head", "walking shoes"),
    rule("block_head", "running shoes"),
]


def accepted(table: OverrideTable, **asked: Any) -> list[str]:
    return [each.id for each in overridden(table, **asked).product_types if each.accepted]


def test_an_added_type_comes_first_in_its_level_with_its_ancestors_all_accepted() -> None:
    table = table_of(rule("add_type", "ho-1", name="machines"))
    found = overridden(table)
    assert types_of(found) == ["ho-1", "sh-1", "sh-2", "el-1", "ho", "sh", "el"]
    assert accepted(table) == ["ho-1", "sh-1", "ho", "sh"]
    assert found.overrides == ("machines",)


def test_an_added_type_keeps_the_probability_and_threshold_that_the_model_gives_it() -> None:
    first = overridden(table_of(rule("add_type", "el-1")), Options(top_k=1)).product_types[0]
    assert (first.id, first.path, first.level) == ("el-1", ("Electronics", "Cables"), 2)
    assert first.probability == pytest.approx(0.05)
    assert first.threshold == 0.5


def test_added_types_hold_to_top_k_in_the_order_of_the_file() -> None:
    table = table_of(rule("add_type", "ho-1"), rule("add_type", "el-1"))
    assert types_of(overridden(table, Options(top_k=1))) == ["ho-1", "ho"]
    assert overridden(table, Options(top_k=1)).overrides == ("row 1",)
    assert types_of(overridden(table, Options(top_k=2))) == ["ho-1", "el-1", "ho", "el"]


def test_a_removed_type_goes_with_all_below_it_and_the_next_ones_take_its_place() -> None:
    table = table_of(rule("remove_type", "sh", name="no shoes"))
    assert types_of(overridden(table, Options(top_k=2))) == ["ho-1", "el-1", "ho", "el"]
    assert overridden(table).overrides == ("no shoes",)


def test_a_removed_type_leaves_its_parent_and_siblings_as_they_were() -> None:
    table = table_of(rule("remove_type", "sh-1"))
    assert types_of(overridden(table, Options(top_k=2))) == ["sh-2", "ho-1", "sh", "ho"]
    assert accepted(table) == ["sh"]


def test_a_pinned_head_comes_first_with_score_1_and_its_own_volume() -> None:
    found = overridden(table_of(rule("pin_head", "WALKING  shoes", name="walk")))
    assert heads_of(found) == ["walking shoes", "running shoes", "Trail Shoes"]
    first = found.reformulations[0]
    assert (first.score, first.accepted, first.volume, first.refusal) == (1.0, True, 60.0, "")
    assert found.overrides == ("walk",)


def test_a_head_that_was_answered_anyway_is_pinned_once() -> None:
    found = overridden(table_of(rule("pin_head", "trail shoes")))
    assert heads_of(found) == ["Trail Shoes", "running shoes", "jogging shoes"]


@pytest.mark.parametrize(("most", "expected"), [(0, []), (1, ["walking shoes"]), (2, ["walking shoes", "Trail Shoes"])])
def test_pinned_heads_hold_to_max_reformulations(most: int, expected: list[str]) -> None:
    table = table_of(rule("pin_head", "walking shoes"), rule("block_head", "running shoes"))
    assert heads_of(overridden(table, Options(max_reformulations=most))) == expected


def test_a_blocked_head_gives_its_place_to_the_next() -> None:
    table = table_of(rule("block_head", "Running Shoes"))
    found = overridden(table, Options(max_reformulations=2))
    assert heads_of(found) == ["Trail Shoes", "jogging shoes"]
    assert found.overrides == ("row 1",)


def test_a_refused_head_takes_no_accepted_ones_place() -> None:
    table = table_of(rule("pin_head", "running shoes"), rule("block_head", "trail shoes"))
    found = overridden(table, Options(max_reformulations=3, include_refused=True))
    assert heads_of(found) == ["running shoes", "jogging shoes", "walking shoes"]
    assert [each.accepted for each in found.reformulations] == [True, True, False]


def test_a_head_blocked_for_every_query_is_answered_to_none_but_the_one_it_is_pinned_for() -> None:
    table = table_of(
        rule("block_head", "running shoes", query="", name="recall"),
        rule("pin_head", "running shoes", query="jogging"),
    )
    assert heads_of(overridden(table, query="anything else")) == ["Trail Shoes", "jogging shoes"]
    assert overridden(table, query="anything else").overrides == ("recall",)
    assert heads_of(overridden(table, query="jogging"))[0] == "running shoes"


@pytest.mark.parametrize("row", ONE_OF_EACH, ids=lambda row: row["action"])
@pytest.mark.parametrize(
    ("locale", "asked", "obeyed"),
    [("", "en", True), ("en", "en", True), ("en-GB", "en", True), ("de", "en", False)],
)
def test_a_rule_holds_in_its_locale_resolved_as_requests_are(
    row: dict[str, Any], locale: str, asked: str, *, obeyed: bool
) -> None:
    if row["action"] == "pin_head" and locale == "de":
        row = {**row, "value": "laufschuhe"}
    found = overridden(table_of({**row, "locale": locale}), locale=asked)
    assert bool(found.overrides) is obeyed
    assert (found == answer(Options(), locale=asked)) is not obeyed


def test_a_rule_for_und_holds_where_no_locale_is_known() -> None:
    table = table_of(rule("add_type", "ho-1", locale="und"))
    assert overridden(table, locale="und").overrides
    assert not overridden(table, locale="en").overrides


@pytest.mark.parametrize("row", ONE_OF_EACH, ids=lambda row: row["action"])
def test_a_rule_ends_at_its_expiry_without_being_read_again(row: dict[str, Any]) -> None:
    table = table_of({**row, "expires": until(60)})
    assert overridden(table, now=NOW + 59.9).overrides
    assert overridden(table, now=NOW + 60) == answer(Options())
    assert table.find("red shoes", "en", NOW + 60) is None


def test_a_block_for_every_query_ends_at_its_expiry_too() -> None:
    table = table_of(rule("block_head", "running shoes", query="", expires=until(60)))
    assert overridden(table, now=NOW + 59).overrides
    assert overridden(table, now=NOW + 60) == answer(Options())


def test_queries_are_the_same_by_normal_form() -> None:
    table = table_of(rule("add_type", "ho-1", query="  ＲＥＤ   Shoes"))
    assert overridden(table, query="Red shoes ").overrides
    assert not overridden(table, query="red shoe").overrides


@pytest.mark.parametrize("first", [0, 1])
def test_a_locales_own_rule_has_the_last_word_over_one_of_every_locale(first: int) -> None:
    everywhere, here = rule("remove_type", "sh", name="none"), rule("add_type", "sh-2", locale="en", name="boots")
    table = table_of(*([everywhere, here] if not first else [here, everywhere]))
    assert types_of(overridden(table)) == ["sh-2", "ho-1", "el-1", "sh", "ho", "el"]
    assert types_of(overridden(table, locale="de")) == ["ho-1", "el-1", "ho", "el"]


def test_what_a_locale_removes_or_blocks_is_not_put_back_by_every_locale() -> None:
    table = table_of(
        rule("add_type", "ho-1"),
        rule("remove_type", "ho", locale="en"),
        rule("pin_head", "walking shoes"),
        rule("block_head", "walking shoes", locale="en"),
    )
    found = overridden(table)
    assert "ho" not in types_of(found)
    assert heads_of(found) == ["running shoes", "Trail Shoes", "jogging shoes"]
    assert found.overrides == ("row 2",)


def test_a_locales_own_additions_come_before_those_of_every_locale() -> None:
    table = table_of(rule("add_type", "ho-1"), rule("add_type", "el-1", locale="en"))
    assert types_of(overridden(table))[:2] == ["el-1", "ho-1"]


def test_rules_that_change_nothing_are_not_named() -> None:
    table = table_of(rule("add_type", "sh-1"), rule("block_head", "no such head"), rule("remove_type", "el"))
    assert overridden(table, Options(top_k=1)) == answer(Options(top_k=1))


def test_a_rule_that_speaks_of_the_other_half_is_not_named() -> None:
    table = table_of(*ONE_OF_EACH)
    overriding = table.find("red shoes", "en", NOW)
    assert overriding is not None
    plain = answer(overriding.widened(Options()))
    classified = overriding.apply(plain, Options(), lambda _: 0.0, reformulations=False)
    reformulated = overriding.apply(plain, Options(), lambda _: 0.0, product_types=False)
    assert classified.overrides == ("row 1", "row 2")
    assert reformulated.overrides == ("row 3", "row 4")


def test_of_a_text_the_network_cannot_read_only_what_the_shop_adds_is_accepted() -> None:
    overriding = table_of(rule("add_type", "ho-1")).find("red shoes", "en", NOW)
    assert overriding is not None
    found = overriding.apply(answer(Options(), known=False), Options(), lambda _: 0.0)
    assert [each.id for each in found.product_types if each.accepted] == ["ho-1", "ho"]


def test_only_queries_with_rules_of_their_own_are_kept_out_of_a_cache() -> None:
    table = table_of(rule("add_type", "ho-1", locale="de"), rule("block_head", "running shoes", query=""))
    assert table.affects("red shoes", "de")
    assert not table.affects("red shoes", "en")
    assert not table.affects("blue shoes", "de")


def test_rules_for_every_query_change_the_key_under_which_answers_are_kept() -> None:
    own = rule("add_type", "ho-1")
    tables = [
        OverrideTable.none(targets()),
        table_of(own),
        table_of(rule("block_head", "running shoes", query="")),
        table_of(rule("block_head", "trail shoes", query="")),
    ]
    keys = [table.everywhere for table in tables]
    assert keys[0] == keys[1] == 0
    assert len(set(keys)) == 3


def test_the_client_is_told_the_names() -> None:
    message = pb.UnderstandResponse(info=pb.AnswerInfo(overrides=["boots", "row 2"]))
    assert read_understand(message).info.overrides == ("boots", "row 2")
    assert read_understand(pb.UnderstandResponse()).info.overrides == ()


_ROWS = st.fixed_dictionaries(
    {
        "query": st.sampled_from(["red shoes", "blue shoes", "trail"]),
        "locale": st.sampled_from(["", "en", "de", "und"]),
        "expires": st.sampled_from([None, until(-5), until(5)]),
    }
)
_TYPE_ROWS = st.fixed_dictionaries(
    {
        "action": st.sampled_from(["add_type", "remove_type"]),
        "value": st.sampled_from(["sh", "ho", "el", "sh-1", "sh-2", "ho-1", "el-1"]),
    }
)
_HEAD_ROWS = st.fixed_dictionaries(
    {
        "action": st.sampled_from(["pin_head", "block_head"]),
        "value": st.sampled_from(["running shoes", "trail shoes", "laufschuhe", "walking shoes"]),
    }
)
_ANY_ROWS = st.lists(st.tuples(_ROWS, st.one_of(_TYPE_ROWS, _HEAD_ROWS)).map(lambda two: two[0] | two[1]), max_size=5)


def obeyed(rows: list[dict[str, Any]]) -> OverrideTable:
    """The table of those rows that no earlier one contradicts and the shop's heads allow."""
    try:
        return table_of(*rows)
    except OverridesRefused as error:
        bad = {fault.row for fault in error.faults}
        return table_of(*(row for i, row in enumerate(rows, start=1) if i not in bad))


@given(rows=_ANY_ROWS, query=st.text(max_size=12), locale=st.sampled_from(["en", "de", "ja", "und"]))
def test_a_query_without_rules_is_not_touched(rows: list[dict[str, Any]], query: str, locale: str) -> None:
    assert obeyed(rows).find(f"{query} of another", locale, NOW) is None


@given(
    rows=_ANY_ROWS,
    top_k=st.integers(1, 8),
    most=st.integers(0, 6),
    refused=st.booleans(),
    locale=st.sampled_from(["en", "de"]),
)
def test_whatever_the_rules_an_answer_is_as_full_as_it_may_be_and_names_what_changed_it(
    rows: list[dict[str, Any]], top_k: int, most: int, locale: str, *, refused: bool
) -> None:
    options = Options(top_k=top_k, max_reformulations=most, include_refused=refused)
    found, plain = overridden(obeyed(rows), options, locale=locale), answer(options, locale=locale)
    assert bool(found.overrides) == (found != plain)
    levels = [each.level for each in found.product_types]
    assert levels == sorted(levels, reverse=True)
    assert all(levels.count(level) <= top_k for level in levels)
    assert len(found.reformulations) <= most
    assert len(set(types_of(found))) == len(found.product_types)
    assert len(set(heads_of(found))) == len(found.reformulations)
