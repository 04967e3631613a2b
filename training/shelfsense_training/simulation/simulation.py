"""Writes a simulated log: events, catalogue and truth, seeded, store by store.

``events/<store>.parquet`` and ``catalog.parquet`` as design section 7 has them; ``truth.parquet``:
``query, locale, product_type_id, probability, volume, conflict``, one row per meaning. Where attribute
words decide what is bought, ``needs.parquet`` is the truth of reformulation: ``query, locale, need,
popularity``, queries of one need meaning the same; popularity is `truth.parquet`'s volume. The same seed
and settings give the same files.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from shelfsense.errors import InputRefused
from shelfsense_training.composition.composer import Composer
from shelfsense_training.progress import progress_bar
from shelfsense_training.simulation.behaviour import Behaviour
from shelfsense_training.simulation.catalogue import Catalogue, Relations, ResultLists, result_lists
from shelfsense_training.simulation.meanings import Meanings
from shelfsense_training.simulation.needs import NeedHabits, asked_variants, needs_of
from shelfsense_training.simulation.sessions import ACTIONS, Events, Shoppers
from shelfsense_training.simulation.stores import Store, stores_with_most
from shelfsense_training.simulation.universe import Universe, UniverseMaker
from shelfsense_training.simulation.variants import Variants
from shelfsense_training.sources.data_folder import data_folder
from shelfsense_training.sources.default_tree import default_product_types
from shelfsense_training.sources.taxonomy import Taxonomy, attribute_values

EVENTS, CATALOG, TRUTH, SETTINGS = "events", "catalog.parquet", "truth.parquet", "simulation.json"
NEEDS = "needs.parquet"
_CHUNK = 100_000  # sessions held at once
_FIRST_DAY = np.datetime64("2026-01-01T00:00:00", "us")
_DAYS = 60
_SECONDS_APART = 20


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """What is simulated.

    Attributes:
        events: events in all stores together, about.
        stores: how many, the largest and the smallest among them.
        types: product types sold.
        seed: of every draw.
        behaviour: of engine and shoppers.
        needs: by which a query's attribute word decides which products of a type are bought; none where it does not.
    """

    events: int = 10_000_000
    stores: int = 20
    types: int = 1414
    seed: int = 0
    behaviour: Behaviour = field(default_factory=Behaviour)
    needs: NeedHabits | None = None


class Simulation:
    """One simulated world.

    Args:
        meanings: the words.
        composer: adds attribute words and slips.
        settings: what is simulated.

    Raises:
        InputRefused: when the lexicons speak of fewer types than are wanted.
    """

    def __init__(self, meanings: Meanings, composer: Composer, settings: SimulationSettings) -> None:
        self._meanings = meanings
        self._settings = settings
        self._stores = stores_with_most(settings.stores)
        self._types = meanings.best_covered_types((store.lexicon for store in self._stores), settings.types)
        if len(self._types) < settings.types:
            raise InputRefused(
                f"the lexicons speak of {len(self._types)} product types, not {settings.types}; ask for fewer, "
                "or lay the data folder beside the project"
            )
        self._relations = Relations.draw(meanings.product_types, self._types, seed=settings.seed)
        self._maker = UniverseMaker(meanings, self._types, settings.behaviour, composer, seed=settings.seed)

    def write(self, out: Path) -> None:
        """Write every file into a folder, made where it is missing.

        Raises:
            InputRefused: when the folder holds a simulation already.
        """
        if (out / SETTINGS).exists():
            raise InputRefused(f"{out}: holds a simulation already; name another folder")
        (out / EVENTS).mkdir(parents=True, exist_ok=True)
        catalogues, truths, needs = [], [], []
        traffic = sum(store.traffic for store in self._stores)
        with progress_bar() as bar:
            task = bar.add_task("stores", total=len(self._stores), figure="")
            for number, store in enumerate(self._stores):
                random = np.random.default_rng((self._settings.seed, 6, number))
                universe = self._maker.make(store, number)
                variants = self._variants(store, universe, random)
                catalogue = variants.catalogue if variants else Catalogue.draw(len(self._types), random)
                habits = self._settings.behaviour
                lists = result_lists(universe, catalogue, self._relations, habits, random)
                if variants:
                    lists = ResultLists(lists.types, variants.pick(lists.types, random))
                    needs.append(self._needs_table(store, universe))
                shoppers = Shoppers(universe, catalogue, lists, self._relations, habits, variants)
                # A search is itself an event, so are its impressions; about one more follows.
                sessions = round(self._settings.events * store.traffic / traffic / (habits.page + 2))
                self._write_events(out, store, universe, shoppers, sessions, random)
                catalogues.append(self._catalog_table(store, catalogue, variants))
                truths.append(self._truth_table(store, universe))
                bar.update(task, advance=1, figure=f"{store.locale}: {sessions:,} sessions")
        pq.write_table(pa.concat_tables(catalogues), out / CATALOG, compression="zstd")
        pq.write_table(pa.concat_tables(truths), out / TRUTH, compression="zstd")
        if needs:
            pq.write_table(pa.concat_tables(needs), out / NEEDS, compression="zstd")
        told = asdict(self._settings)
        if self._settings.needs is None:
            del told["needs"]
        (out / SETTINGS).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")

    def _variants(self, store: Store, universe: Universe, random: np.random.Generator) -> Variants | None:
        habits = self._settings.needs
        if habits is None:
            return None
        return Variants.draw(universe, asked_variants(universe, store.lexicon), len(self._types), habits, random)

    def _write_events(
        self,
        out: Path,
        store: Store,
        universe: Universe,
        shoppers: Shoppers,
        sessions: int,
        random: np.random.Generator,
    ) -> None:
        times = np.sort(random.integers(0, _DAYS * 86_400, size=sessions))
        texts = pa.array(universe.texts)
        with pq.ParquetWriter(out / EVENTS / f"{store.locale}.parquet", _EVENT_SCHEMA, compression="zstd") as writer:
            for first in range(0, sessions, _CHUNK):
                count = min(_CHUNK, sessions - first)
                events = shoppers.visit(count, first, random)
                writer.write_table(_event_table(store, texts, events, times))

    def _catalog_table(self, store: Store, catalogue: Catalogue, variants: Variants | None) -> pa.Table:
        kinds = catalogue.type_of()
        words: dict[str, list[str]] = {}
        for word in self._meanings.words.get(store.lexicon, ()):
            words.setdefault(word.types[0], []).append(word.text)
        names = self._meanings.product_types
        titles: list[str] = []
        for t, (start, end) in enumerate(zip(catalogue.first[:-1], catalogue.first[1:], strict=True)):
            known = words.get(self._types[t]) or [names.nodes[names.index[self._types[t]]].name.lower()]
            titles.extend(f"{known[i % len(known)]} {i + 1}" for i in range(int(end - start)))
        if variants:
            titles = [f"{word} {title}".strip() for word, title in zip(variants.words(), titles, strict=True)]
        count = len(kinds)
        return pa.table(
            {
                "product_id": _product_ids(store, np.arange(count)),
                "locale": pa.array([store.locale] * count),
                "product_type_id": pa.array(self._types).take(pa.array(kinds)),
                "title": titles,
            }
        )

    def _truth_table(self, store: Store, universe: Universe) -> pa.Table:
        row, column = np.nonzero(universe.types >= 0)
        return pa.table(
            {
                "query": pa.array(universe.texts).take(pa.array(row)),
                "locale": pa.array([store.locale] * len(row)),
                "product_type_id": pa.array(self._types).take(pa.array(universe.types[row, column])),
                "probability": pa.array(universe.shares[row, column]),
                "volume": pa.array(universe.popularity[row] * store.traffic),
                "conflict": pa.array(universe.conflict[row]),
            }
        )

    def _needs_table(self, store: Store, universe: Universe) -> pa.Table:
        return pa.table(
            {
                "query": pa.array(universe.texts),
                "locale": pa.array([store.locale] * len(universe.texts)),
                "need": needs_of(universe, asked_variants(universe, store.lexicon), self._types),
                "popularity": pa.array(universe.popularity * store.traffic),
            }
        )


def load_simulation(settings: SimulationSettings) -> Simulation:
    """Return a simulation in the project's words, and the taxonomy's where the data folder has one.

    Where attribute words decide what is bought they are the project's own, which say of what kind they are: the
    taxonomy's hundreds of values would leave nearly every need with a single query.
    """
    types = default_product_types()
    try:
        folder = data_folder()
    except InputRefused:
        return Simulation(Meanings.load(types, None), Composer.from_lexicon({}, seed=settings.seed), settings)
    meanings = Meanings.load(types, Taxonomy(folder))
    values = {} if settings.needs else attribute_values(folder)
    return Simulation(meanings, Composer.from_lexicon(values, seed=settings.seed), settings)


_EVENT_SCHEMA = pa.schema(
    [
        ("event_time", pa.timestamp("us", "UTC")),
        ("session_id", pa.string()),
        ("locale", pa.string()),
        ("query", pa.string()),
        ("product_id", pa.string()),
        ("action", pa.string()),
        ("position", pa.int32()),
    ]
)


def _event_table(store: Store, texts: pa.Array, events: Events, times: NDArray[np.int64]) -> pa.Table:
    count = len(events.session)
    # Within its session an event follows the one before by some seconds.
    starts = np.flatnonzero(np.diff(events.session, prepend=-1))
    later = np.arange(count) - np.repeat(starts, np.diff([*starts, count]))
    seconds = times[events.session] + later * _SECONDS_APART // 8
    when = _FIRST_DAY + seconds.astype("timedelta64[s]")
    return pa.table(
        {
            "event_time": pa.array(when).cast(pa.timestamp("us", "UTC")),
            "session_id": pc.binary_join_element_wise(store.locale, pa.array(events.session).cast(pa.string()), "-"),
            "locale": pa.array([store.locale]).take(pa.array(np.zeros(count, dtype=np.int8))),
            "query": texts.take(pa.array(events.query)),
            "product_id": _product_ids(store, events.product),
            "action": pa.array(ACTIONS).take(pa.array(events.action)),
            "position": pa.array(events.position, mask=events.position == 0),
        },
        schema=_EVENT_SCHEMA,
    )


def _product_ids(store: Store, numbers: NDArray[np.int64]) -> pa.Array:
    missing = numbers < 0
    return pc.binary_join_element_wise(store.locale, pa.array(numbers, mask=missing).cast(pa.string()), "p")
