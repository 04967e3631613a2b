"""Head queries, searchable by vector and by their words; one index per locale, changed while it is searched.

What a reader meets is never changed: every change makes the state anew, sharing what stayed, and puts
it in place by one assignment. So readers need no lock, and see a change whole or not at all; writers
take turns. Knows nothing of gates, thresholds or product types beyond their ids.
N index rows, E embedding, K neighbours.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.errors import BundleRefused, InputRefused
from shelfsense.manifest_values import manifest_number
from shelfsense.reformulation.graph_files import GRAPHS, graph_name, read_graph
from shelfsense.reformulation.head import Head, HeadMatch, check_heads, head_table, is_volume
from shelfsense.reformulation.head_files import FOLDER, HEADS, head_index_files, locale_rows, read_head_files
from shelfsense.reformulation.head_segment import HeadSegment
from shelfsense.reformulation.head_vectors import REMEDY, all_unit
from shelfsense.reformulation.locale_heads import LocaleHeads
from shelfsense.reformulation.vector_index import GraphSettings, VectorIndex
from shelfsense.text import normal_form

__all__ = ["Head", "HeadIndex", "HeadMatch", "head_index_files"]


class HeadIndex:
    """The heads of a bundle, and of whoever adds to them.

    Any number of threads may search while others change it.

    Args:
        locales: the heads, by locale.
        width: E.
        settings: when and how a locale's vectors get a graph.
    """

    def __init__(self, locales: Mapping[str, LocaleHeads], width: int, settings: GraphSettings) -> None:
        self._locales = dict(locales)  # replaced as a whole, never changed
        self._width = width
        self._settings = settings
        self._next = sum(len(part.numbers) for heads in locales.values() for part in heads.segments)
        self._writing = threading.Lock()
        self._compaction: Future[tuple[str, ...]] | None = None

    @classmethod
    def load(cls, bundle: Bundle, settings: GraphSettings | None = None) -> HeadIndex:
        """Read a bundle's head index; a bundle without one has no heads.

        A locale of many heads without a stored graph is searched exactly, until it is compacted.

        Args:
            bundle: verified.
            settings: of its graphs.

        Raises:
            BundleRefused: naming the file at fault.
        """
        settings = settings or GraphSettings()
        width = manifest_number(bundle, "embedding", "width")
        if not any(name.startswith(FOLDER) for name in bundle.manifest["files"]):
            return cls({}, width, settings)
        table, vectors = read_head_files(bundle)
        locales: dict[str, LocaleHeads] = {}
        for locale, first, end in locale_rows(table):
            if locale in locales:
                raise BundleRefused(
                    HEADS, f"is not grouped by locale ({locale} starts again at row {first})", "sort it"
                )
            rows, name = vectors[first:end], graph_name(locale)
            index = VectorIndex.flat([rows], width, settings)
            if bundle.has(name):
                index = read_graph(name, bundle.read(name), rows, index)
            locales[locale] = LocaleHeads(locale, (HeadSegment.of(table[first:end], index, first),), settings)
        for name in sorted(_graphs(bundle) - {graph_name(locale) for locale in locales}):
            raise BundleRefused(name, "is a graph of a locale that has no heads", REMEDY)
        return cls(locales, width, settings)

    @property
    def locales(self) -> tuple[str, ...]:
        """The locales that have heads."""
        return tuple(locale for locale, heads in self._locales.items() if heads.live)

    @property
    def product_types(self) -> tuple[str, ...]:
        """The ids of the types that heads have, each once; an empty one where a head has none."""
        parts = (part for heads in self._locales.values() for part in heads.segments)
        return tuple(dict.fromkeys(name for part in parts for name in part.product_types))

    def queries(self, locale: str) -> tuple[pa.StringArray, ...]:
        """Return the queries of a locale's heads, part by part, removed ones too.

        A part is the very same array for as long as it is not put together anew.
        """
        found = self._locales.get(locale)
        return tuple(part.queries for part in found.segments) if found else ()

    def heads(self, locale: str) -> int:
        """Return how many heads a locale has."""
        found = self._locales.get(locale)
        return found.live if found else 0

    def search(
        self,
        locale: str,
        embedding: NDArray[np.float32],
        k: int,
        *,
        least: float = 0.0,
        beside: Collection[HeadMatch] = (),
    ) -> list[HeadMatch]:
        """Return the k heads of a locale closest to a vector, closest first; fewer where there are fewer.

        Args:
            locale: a tag; one without heads finds nothing.
            embedding: (E,) unit length.
            k: 1 or more.
            least: leave out heads that score less.
            beside: heads that were found already, and are left out of the k.
        """
        found = self._locales.get(locale)
        return found.search(embedding, k, least, {match.row for match in beside}) if found else []

    def exact(self, locale: str, forms: Iterable[str]) -> list[HeadMatch]:
        """Return the heads of a locale whose normal form is one of the given ones, each with score 1."""
        found = self._locales.get(locale)
        return [match for form in dict.fromkeys(forms) for match in found.find(form)] if found else []

    def scored(self, locale: str, queries: Iterable[str], embedding: NDArray[np.float32]) -> list[HeadMatch]:
        """Return heads of a locale by their words, their score the cosine to a vector.

        Args:
            locale: a tag.
            queries: however they are written; those that are no heads are passed over.
            embedding: (E,) unit length.
        """
        found = self._locales.get(locale)
        forms = dict.fromkeys(map(normal_form, queries))
        return [match for form in forms for match in found.scored(form, embedding)] if found else []

    def remove(self, locale: str, query: str) -> int:
        """Remove a query from a locale's heads, at once; no search that begins after this finds it.

        Args:
            locale: a tag.
            query: however it is written: its normal form counts.

        Returns:
            How many heads went: 0 where there was none, more than 1 where several were written alike.
        """
        with self._writing:
            found = self._locales.get(locale)
            if found is None:
                return 0
            left = found.without([normal_form(query)])
            self._put({locale: left})
            return found.live - left.live

    def add(self, heads: Sequence[Head], vectors: NDArray[np.floating]) -> None:
        """Add heads, searchable at once and all at once; a locale's head of the same words gives way.

        Args:
            heads: of any locales; of equal words of one locale the last counts.
            vectors: (N, E) unit vectors, row i of head i.

        Raises:
            InputRefused: when rows or widths do not match, a head has no words or a bad volume, or a vector is
                no unit vector; then nothing is added.
        """
        if vectors.shape != (len(heads), self._width):
            raise InputRefused(
                f"head index: {len(heads)} heads need vectors of shape {(len(heads), self._width)}, got {vectors.shape}"
            )
        check_heads(heads)
        if not all_unit(vectors):
            raise InputRefused("head index: the vectors are not of length 1; normalise them")
        rows: dict[str, dict[str, int]] = {}  # locale to normal form to row
        for i, head in enumerate(heads):
            rows.setdefault(head.locale, {})[normal_form(head.query)] = i
        with self._writing:
            changed = {}
            for locale, forms in rows.items():
                chosen = list(forms.values())
                index = VectorIndex.flat([vectors[chosen]], self._width, self._settings)
                added = HeadSegment.of(head_table([heads[i] for i in chosen]), index, self._next)
                self._next += len(chosen)
                before = self._locales.get(locale) or LocaleHeads(locale, (), self._settings)
                changed[locale] = before.without(forms).with_added(added)
            self._put(changed)

    def update_volumes(self, locale: str, volumes: Mapping[str, float]) -> int:
        """Give heads of a locale other volumes, which count searches and are no estimates.

        Args:
            locale: a tag.
            volumes: searches by query, however it is written; queries that are no heads are passed over.

        Returns:
            How many of the queries are heads.

        Raises:
            InputRefused: when a volume is no number of 0 or more; then nothing is changed.
        """
        for query, volume in volumes.items():
            if not is_volume(volume):
                raise InputRefused(f"head index: the volume of {query!r} is {volume}; give a number of 0 or more")
        forms = {normal_form(query): volume for query, volume in volumes.items()}
        with self._writing:
            found = self._locales.get(locale)
            if found is None:
                return 0
            self._put({locale: found.with_volumes(forms)})
            return sum(bool(found.find(form)) for form in forms)

    @property
    def settled(self) -> bool:
        """Whether `compact` would find nothing to do."""
        return all(heads.settled for heads in self._locales.values())

    def compact(self) -> Future[tuple[str, ...]]:
        """Start to put together what was added and to drop what was removed, in a thread of its own.

        Searches and changes go on meanwhile, and nothing of them is lost. A locale of many heads gets its
        graph: most of a minute of one core for every 100,000, or for as many added.

        Returns:
            What ends with the locales that were compacted, or with what went wrong; one compaction runs at
            a time, and who asks again gets the one that runs.
        """
        with self._writing:
            if self._compaction is None or self._compaction.done():
                self._compaction = Future()
                # Ends with the process: what it makes is of no use to another.
                threading.Thread(
                    target=self._compact, args=(self._compaction,), name="head-index-compaction", daemon=True
                ).start()
            return self._compaction

    def _compact(self, outcome: Future[tuple[str, ...]]) -> None:
        done = []
        try:
            for locale, start in self._locales.items():
                if start.settled:
                    continue
                compacted = start.compacted()
                with self._writing:
                    self._put({locale: compacted.caught_up(start, self._locales[locale])})
                done.append(locale)
        except BaseException as error:  # whoever waits is told
            outcome.set_exception(error)
        else:
            outcome.set_result(tuple(done))

    def _put(self, changed: Mapping[str, LocaleHeads]) -> None:
        """Let readers meet a new state; only with the lock held."""
        self._locales = {**self._locales, **changed}


def _graphs(bundle: Bundle) -> set[str]:
    return {name for name in bundle.manifest["files"] if name.startswith(GRAPHS)}
