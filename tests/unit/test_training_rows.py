"""Labelled rows: what must not be taught, how often written queries come, what means no product."""

from __future__ import annotations

import random
import re

import pytest

from shelfsense.locales import Locales
from shelfsense.product_types import ProductTypes
from shelfsense_training import training_rows
from shelfsense_training.composition.codes import random_code
from shelfsense_training.composition.composer import Composer
from shelfsense_training.sources.judged_queries import JudgedQuery
from shelfsense_training.sources.lexicon import AskedQuery
from shelfsense_training.sources.splits import Split
from shelfsense_training.sources.taxonomy import CategoryName
from tiny import LOCALES, TINY_TREE

TYPES = ProductTypes.from_table("tiny", TINY_TREE)


def judged(text: str, node: str, split: Split = Split.TRAIN, *, relevant: bool = True) -> JudgedQuery:
    return JudgedQuery(text, "en", (node,), relevant, (node,), split)


def name(text: str, split: Split) -> CategoryName:
    return CategoryName("sh-1-1", "de", ("Schuhe", text), "sh-1", split, unseen_category=False)


def test_questions_are_kept_from_what_we_write_ourselves() -> None:
    aside = training_rows._held_out_texts(
        [name("Laufschuhe", Split.TEST), name("Stiefel", Split.TRAIN)],
        [judged("Red Shoes", "sh", Split.VALIDATION), judged("boots", "sh-2")],
    )
    assert set(aside) == {("de", "laufschuhe"), ("*", "red shoes")}
    assert {"asked", "head", "tail", "lexicon", "nothing"} <= aside["de", "laufschuhe"]
    assert not {"judged", "name"} & (aside["de", "laufschuhe"] | aside["*", "red shoes"])
    assert "composed" in aside["*", "red shoes"]


def test_written_queries_get_the_shares_of_real_ones() -> None:
    asked = [AskedQuery(f"shoes {i}", "en", ("sh-1",)) for i in range(30)]
    asked += [AskedQuery(f"cable {i}", "en", ("el-1",)) for i in range(10)]
    real = [judged(f"cable {i}", "el-1") for i in range(28)] + [judged(f"shoe {i}", "sh-1") for i in range(8)]
    real += [judged("unseen", "sh-1", Split.TEST), judged("wrong", "sh-1", relevant=False)]
    weights = training_rows._weights_by_node(asked, TYPES, real)
    # 30 of 40 real ones (two more of each) ask for cables, 10 for shoes: 10 written ones stand for 30.
    assert weights["el-1"] == pytest.approx(3.0)
    assert weights["sh-1"] == pytest.approx(1 / 3)


def test_a_weight_stays_within_a_factor_of_five() -> None:
    asked = [AskedQuery(f"shoes {i}", "en", ("sh-1",)) for i in range(99)] + [AskedQuery("cable", "en", ("el-1",))]
    real = [judged(f"cable {i}", "el-1") for i in range(98)]
    assert training_rows._weights_by_node(asked, TYPES, real) == {"sh-1": 0.2, "el-1": 5.0}


def test_a_name_of_every_locale_is_taught_in_shoppers_locales_and_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    written = [AskedQuery("playmobil", "any", ("ho-1",)), AskedQuery("cable", "de", ("el-1", "ho"))]
    monkeypatch.setattr(training_rows, "read_asked", lambda: written)
    real = [
        JudgedQuery("x", locale, (), relevant=True, acceptable=("sh-1",), split=Split.TRAIN)
        for locale in ("en", "de", "es", "ja")
    ]
    found = list(training_rows._asked_rows(Composer({}), TYPES, real, Locales(LOCALES), 0))
    brand = [row for row in found if row.text == "playmobil"]
    assert len(brand) == 4
    assert len({row.locale for row in brand} & {"en", "de", "es", "ja"}) >= 3
    (cable,) = [row for row in found if row.text == "cable"]
    assert (cable.locale, cable.types, cable.source) == ("de", ["el-1", "ho"], "asked")


def test_texts_that_mean_no_product_have_no_type_and_are_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_rows, "read_nothing", lambda: [("Wo ist mein Paket", "de")])
    rows = list(training_rows._nothing_rows(Locales(LOCALES), 0))
    assert (rows[0].text, rows[0].locale) == ("wo ist mein paket", "de")
    assert len(rows) > 1000
    assert all(row.types == [] and row.complete for row in rows)


def test_codes_are_no_model_numbers() -> None:
    draw = random.Random(1)
    codes = [random_code(draw) for _ in range(500)]
    assert len(set(codes)) > 450
    # A letter or two with up to five digits, as in "wh1000xm4" or "i7 9700", may be goods.
    assert not [code for code in codes if re.fullmatch(r"[a-z]{0,4}\d{1,5}[a-z]{0,4}", code)]
