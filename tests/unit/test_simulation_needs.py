"""Attribute words that decide what is bought: off by default and then without a trace, on with the truth beside it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from shelfsense.errors import InputRefused
from shelfsense.product_types import ProductTypes
from shelfsense_training.composition.composer import AttributeWord, Composer
from shelfsense_training.simulation.behaviour import Behaviour
from shelfsense_training.simulation.meanings import Meanings, Word
from shelfsense_training.simulation.needs import NeedHabits, asked_variants, needs_of
from shelfsense_training.simulation.simulation import CATALOG, NEEDS, SETTINGS, TRUTH, Simulation, SimulationSettings
from shelfsense_training.simulation.stores import STORES
from shelfsense_training.simulation.universe import Universe, UniverseMaker
from shelfsense_training.simulation.variants import Variants

TREE = ProductTypes.from_table(
    "toy",
    [
        {"id": "a", "parent_id": "", "name": "Wear"},
        {"id": "a-1", "parent_id": "a", "name": "Clothes"},
        {"id": "a-2", "parent_id": "a", "name": "Extras"},
        {"id": "a-1-1", "parent_id": "a-1", "name": "Trousers"},
        {"id": "a-1-2", "parent_id": "a-1", "name": "Underwear"},
        {"id": "a-2-1", "parent_id": "a-2", "name": "Belts"},
        {"id": "a-2-2", "parent_id": "a-2", "name": "Hats"},
    ],
)
TYPES = ("a-1-1", "a-1-2", "a-2-1", "a-2-2")
WORDS = [
    *(Word(f"trousers {i}", ("a-1-1",)) for i in range(30)),
    *(Word(f"briefs {i}", ("a-1-2",)) for i in range(30)),
    *(Word(f"belt {i}", ("a-2-1",)) for i in range(30)),
    Word("cap", ("a-2-2", "a-2-1")),
]
MEANINGS = Meanings(TREE, {"en": WORDS, "fr": WORDS}, {("pants", "en-US"): "a-1-1", ("pants", "en-GB"): "a-1-2"})


def composer(*words: str) -> Composer:
    return Composer({"en": [AttributeWord(word, before=True) for word in words]})


def written(out: Path, needs: NeedHabits | None, *, events: int = 20_000, slips: float = 0.0) -> Path:
    settings = SimulationSettings(events, 2, 4, 3, Behaviour(carried=1.0, slips=slips), needs)
    words = ("red", "blue", "green", "cheap") if needs else ("red", "blue", "green")
    Simulation(MEANINGS, composer(*words), settings).write(out)
    return out


def universe(*words: str, slips: float = 0.0) -> Universe:
    behaviour = Behaviour(carried=1.0, slips=slips)
    meanings = Meanings(TREE, {"en": WORDS}, {("pants", "en-SG"): "a-1-1"})
    small = next(store for store in STORES if store.locale == "en-SG")
    return UniverseMaker(meanings, TYPES, behaviour, composer(*words), seed=0).make(small, 0)


def test_without_needs_a_log_is_what_it_was_before_there_were_needs(tmp_path: Path) -> None:
    folder = written(tmp_path / "log", None)
    digest = hashlib.sha256()
    for file in ("events/en-US.parquet", "events/fr-BE.parquet", CATALOG, TRUTH):
        for column in pq.read_table(folder / file).columns:
            digest.update(json.dumps(column.to_pylist(), default=str).encode())
    # Of the files that the code before needs wrote for these settings.
    assert digest.hexdigest() == "75f80729d2e89ac888bf21c7137dec1a174d7d2102f012b8a78d431db406a9a1"
    assert not (folder / NEEDS).exists()
    assert "needs" not in json.loads((folder / SETTINGS).read_text(encoding="utf-8"))


def test_a_need_is_the_types_and_the_variant() -> None:
    world = universe("red", "cheap")
    needs = dict(zip(world.texts, needs_of(world, asked_variants(world, "en"), TYPES), strict=True))
    plain = [word.text for word in WORDS if word.text.startswith("belt ") and word.text in needs]
    assert {needs[text] for text in plain} == {"a-2-1/"}
    assert {needs[f"red {text}"] for text in plain if f"red {text}" in needs} == {"a-2-1/red"}
    assert {needs[f"cheap {text}"] for text in plain if f"cheap {text}" in needs} == {"a-2-1/"}
    assert needs["cap"] in {"a-2-1+a-2-2/", "a-2-2+a-2-1/"}
    assert needs["red pants"] == "a-1-1/red"


def test_a_slip_changes_no_need() -> None:
    world = universe("red", slips=1.0)
    needs = dict(zip(world.texts, needs_of(world, asked_variants(world, "en"), TYPES), strict=True))
    slipped = {text: need for text, need in needs.items() if not any(word.text in text for word in WORDS)}
    assert len(slipped) > 20
    assert set(needs.values()) == {
        f"{kind}/{v}" for kind in {n.split("/")[0] for n in needs.values()} for v in ("", "red")
    }
    assert all(need.endswith("/red") == ("red" in text.split()) for text, need in slipped.items())


def test_needs_are_written_with_the_popularity_of_the_truth(tmp_path: Path) -> None:
    folder = written(tmp_path / "log", NeedHabits())
    needs = pq.read_table(folder / NEEDS).to_pylist()
    volume = {(row["locale"], row["query"]): row["volume"] for row in pq.read_table(folder / TRUTH).to_pylist()}
    assert {(row["locale"], row["query"]): row["popularity"] for row in needs} == volume
    assert {row["need"].partition("/")[2] for row in needs} == {"", "red", "blue", "green"}
    again = pq.read_table(written(tmp_path / "again", NeedHabits()) / "events" / "en-US.parquet")
    assert again.equals(pq.read_table(folder / "events" / "en-US.parquet"))


def bought_variants(folder: Path) -> Counter[tuple[str, str]]:
    """Return (variant asked, variant bought) of purchases of a type meant in en-US; titles begin with the variant."""
    need = {(r["locale"], r["query"]): r["need"] for r in pq.read_table(folder / NEEDS).to_pylist()}
    product: dict[str, dict[str, Any]] = {r["product_id"]: r for r in pq.read_table(folder / CATALOG).to_pylist()}
    bought: Counter[tuple[str, str]] = Counter()
    for row in pq.read_table(folder / "events" / "en-US.parquet").to_pylist():
        if row["action"] == "purchase" and row["position"] is not None:
            types, _, asked = need["en-US", row["query"]].partition("/")
            if product[row["product_id"]]["product_type_id"] in types.split("+"):
                word = product[row["product_id"]]["title"].split()[0]
                bought[asked, word if word in {"red", "blue", "green"} else ""] += 1
    return bought


def test_who_asks_for_a_variant_mostly_buys_it_and_who_does_not_buys_any(tmp_path: Path) -> None:
    bought = bought_variants(written(tmp_path / "log", NeedHabits(), events=120_000))
    for asked in ("red", "blue", "green"):
        every = sum(count for (wanted, _), count in bought.items() if wanted == asked)
        assert every > 50
        assert bought[asked, asked] / every > 0.9
    plain = {variant: count for (wanted, variant), count in bought.items() if not wanted}
    assert min(plain[variant] for variant in ("", "red", "blue", "green")) > 20


def test_products_stand_type_by_type_and_variant_by_variant() -> None:
    world = universe("red", "blue")
    variants = Variants.draw(world, asked_variants(world, "en"), 4, NeedHabits(), np.random.default_rng(1))
    kinds = variants.catalogue.type_of()
    assert variants.names == ("", "blue", "red")
    assert (np.diff(kinds * 3 + variants.carried) >= 0).all()
    for kind in range(4):
        for number in range(1, 3):
            run = np.arange(variants.low[kind, number], variants.high[kind, number])
            assert (kinds[run] == kind).all()
            here = (variants.carried == number) & (kinds == kind)
            if here.any():
                assert run.tolist() == np.flatnonzero(here).tolist()
                assert 4 <= len(run) <= 8


def test_a_list_repeats_no_product_while_there_are_others() -> None:
    world = universe("red")
    variants = Variants.draw(world, asked_variants(world, "en"), 4, NeedHabits(matching=0.0), np.random.default_rng(1))
    shown = variants.pick(np.repeat(world.types[:, :1], 4, axis=1), np.random.default_rng(2))
    repeats = [len(row) - len(set(row)) for row in shown.tolist()]
    assert sum(repeats) / len(repeats) < 0.01


def test_habits_without_meaning_are_refused() -> None:
    with pytest.raises(InputRefused, match="1 <= fewest <= most"):
        NeedHabits(fewest=9)
    with pytest.raises(InputRefused, match="matching is 2"):
        NeedHabits(matching=2)
