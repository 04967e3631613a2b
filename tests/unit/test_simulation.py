"""A simulated log has the truth it says, the noise it says, and is the same again for the same seed."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from shelfsense.errors import InputRefused
from shelfsense.product_types import ProductTypes
from shelfsense_training.composition.composer import AttributeWord, Composer
from shelfsense_training.simulation.behaviour import Behaviour
from shelfsense_training.simulation.catalogue import Catalogue, Relations
from shelfsense_training.simulation.meanings import ConflictStrings, Meanings, Word, read_conflicts
from shelfsense_training.simulation.simulation import CATALOG, TRUTH, Simulation, SimulationSettings
from shelfsense_training.simulation.stores import STORES, stores_with_most
from shelfsense_training.simulation.universe import UniverseMaker
from shelfsense_training.sources.default_tree import default_product_types
from shelfsense_training.sources.lexicon import FOLDER

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
WORDS = {
    "en": [
        *(Word(f"trousers {i}", ("a-1-1",)) for i in range(30)),
        *(Word(f"briefs {i}", ("a-1-2",)) for i in range(30)),
        *(Word(f"belt {i}", ("a-2-1",)) for i in range(30)),
        Word("cap", ("a-2-2", "a-2-1")),
    ]
}
CONFLICTS = {("pants", "en-US"): "a-1-1", ("pants", "en-GB"): "a-1-2"}
BEHAVIOUR = Behaviour(carried=1.0, slips=0.0)


def meanings() -> Meanings:
    return Meanings(TREE, {**WORDS, "fr": WORDS["en"]}, CONFLICTS)


def composer() -> Composer:
    return Composer({"en": [AttributeWord(word, before=True) for word in ("red", "blue", "green")]})


def written(out: Path, seed: int = 0, events: int = 30_000) -> Path:
    settings = SimulationSettings(events, 2, 4, seed, BEHAVIOUR)
    Simulation(meanings(), composer(), settings).write(out)
    return out


def test_the_same_seed_gives_the_same_log_and_another_seed_another(tmp_path: Path) -> None:
    first, again, other = (written(tmp_path / name, seed) for name, seed in (("a", 3), ("b", 3), ("c", 4)))
    for file in (TRUTH, CATALOG, "events/en-US.parquet"):
        assert pq.read_table(first / file).equals(pq.read_table(again / file)), file
        assert not pq.read_table(first / file).equals(pq.read_table(other / file)), file


def test_the_largest_store_has_a_hundred_times_the_searches_of_the_smallest(tmp_path: Path) -> None:
    folder = written(tmp_path / "log", events=300_000)
    searches = {}
    for store in ("en-US", "fr-BE"):
        actions = pq.read_table(folder / "events" / f"{store}.parquet")["action"].to_pylist()
        searches[store] = actions.count("search")
    assert searches["en-US"] == pytest.approx(100 * searches["fr-BE"], rel=0.02)


def test_what_a_query_means_sums_to_one_and_what_it_is_worth_to_the_stores_traffic(tmp_path: Path) -> None:
    rows = pq.read_table(written(tmp_path / "log") / TRUTH).to_pylist()
    shares: dict[tuple[str, str], float] = {}
    volumes: dict[str, dict[str, float]] = {}
    for row in rows:
        key = (row["locale"], row["query"])
        shares[key] = shares.get(key, 0.0) + row["probability"]
        volumes.setdefault(row["locale"], {})[row["query"]] = row["volume"]
    assert set(np.round(list(shares.values()), 5)) == {1.0}
    assert sum(volumes["en-US"].values()) == pytest.approx(100)
    assert sum(volumes["fr-BE"].values()) == pytest.approx(1)


def test_a_conflict_string_means_what_its_store_says() -> None:
    maker = UniverseMaker(meanings(), TYPES, BEHAVIOUR, composer(), seed=0)
    for place, store in enumerate(s for s in STORES if s.locale in {"en-US", "en-GB"}):
        universe = maker.make(store, place)
        row = universe.texts.index("pants")
        assert TYPES[universe.types[row, 0]] == CONFLICTS["pants", store.locale]
        assert universe.conflict[row]
        odd = [text for text, conflict in zip(universe.texts, universe.conflict, strict=True) if conflict]
        assert len(odd) > 3
        assert all("pants" in text for text in odd)


def test_what_is_clicked_is_what_is_meant_more_often_the_higher_it_stands(tmp_path: Path) -> None:
    folder = written(tmp_path / "log", events=400_000)
    types = {row["product_id"]: row["product_type_id"] for row in pq.read_table(folder / CATALOG).to_pylist()}
    meant: dict[str, set[str]] = {}
    for row in pq.read_table(folder / TRUTH).to_pylist():
        if row["locale"] == "en-US":
            meant.setdefault(row["query"], set()).add(row["product_type_id"])
    shown, clicked = np.zeros((2, 17)), np.zeros((2, 17))
    for row in pq.read_table(folder / "events" / "en-US.parquet").to_pylist():
        if row["action"] in {"impression", "click"}:
            right = int(types[row["product_id"]] in meant[row["query"]])
            (shown if row["action"] == "impression" else clicked)[right, row["position"]] += 1
    rate = clicked / np.maximum(shown, 1)
    assert rate[1, 1] == pytest.approx(BEHAVIOUR.click_meant, abs=0.06)
    assert rate[1, 4] == pytest.approx(rate[1, 1] * 4**-BEHAVIOUR.examination, abs=0.04)
    assert (rate[0, 1:9] < rate[1, 1:9]).all()


def test_what_was_bought_without_being_shown_is_a_complement(tmp_path: Path) -> None:
    folder = written(tmp_path / "log", events=400_000)
    types = {row["product_id"]: row["product_type_id"] for row in pq.read_table(folder / CATALOG).to_pylist()}
    complement = Relations.draw(TREE, TYPES, seed=0).complement
    possible = {TYPES[i] for i in complement}
    events = pq.read_table(folder / "events" / "en-US.parquet").to_pylist()
    beside = [row for row in events if row["action"] == "purchase" and row["position"] is None]
    assert len(beside) > 50
    assert {types[row["product_id"]] for row in beside} <= possible


def test_a_session_begins_with_its_search_and_time_only_goes_on(tmp_path: Path) -> None:
    events = pq.read_table(written(tmp_path / "log") / "events" / "en-US.parquet").to_pylist()
    seen: dict[str, list[tuple[str, object]]] = {}
    for row in events:
        seen.setdefault(row["session_id"], []).append((row["action"], row["event_time"]))
    assert all(rows[0][0] == "search" for rows in seen.values())
    assert all(a[1] <= b[1] for rows in seen.values() for a, b in itertools.pairwise(rows))  # type: ignore[operator]


def test_a_folder_that_holds_a_simulation_is_not_written_over(tmp_path: Path) -> None:
    written(tmp_path / "log")
    with pytest.raises(InputRefused, match="holds a simulation already"):
        written(tmp_path / "log")


def test_more_types_than_the_words_speak_of_are_refused() -> None:
    with pytest.raises(InputRefused, match="speak of 4 product types, not 5"):
        Simulation(meanings(), composer(), SimulationSettings(1000, 2, 5, 0, BEHAVIOUR))


def test_fewer_stores_still_span_the_largest_and_the_smallest() -> None:
    assert [s.locale for s in stores_with_most(2)] == ["en-US", "fr-BE"]
    assert stores_with_most(20) == STORES
    assert STORES[0].traffic == 100 * STORES[-1].traffic


def test_products_are_numbered_type_by_type() -> None:
    catalogue = Catalogue.draw(3, np.random.default_rng(0))
    kinds = catalogue.type_of()
    picked = catalogue.pick(np.array([2, 0, 1, 2], dtype=np.int32), np.random.default_rng(1))
    assert kinds[picked].tolist() == [2, 0, 1, 2]


def test_conflict_strings_mean_two_types_at_least_and_types_that_exist() -> None:
    types: dict[str, set[str]] = {}
    tree = default_product_types()
    stores = {store.locale for store in STORES}
    for (text, locale), identifier in read_conflicts(FOLDER / "conflicts.tsv").items():
        assert locale in stores
        assert tree.level[tree.index[identifier]] == 3
        types.setdefault(text, set()).add(identifier)
    assert len(types) > 200
    assert min(map(len, types.values())) >= 2


def test_a_conflict_string_is_found_as_whole_words_the_longest_first() -> None:
    strings = ConflictStrings({"pot", "pot plant"})
    assert strings.within("red pot plant xl") == "pot plant"
    assert strings.within("teapot") == ""
