"""The heads of one locale: one large segment, and behind it small ones of what was added since.

Never changed: whatever is done to it makes another that shares what stayed. So a reader keeps what it
took, and a compaction of minutes can work on one state while others follow it.
N index rows, E embedding, K neighbours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shelfsense.reformulation.head import HeadMatch
from shelfsense.reformulation.head_segment import HeadSegment
from shelfsense.reformulation.live_rows import LiveRows
from shelfsense.reformulation.vector_index import GraphSettings, VectorIndex


@dataclass(frozen=True, slots=True, eq=False)
class LocaleHeads:
    """The heads of a locale.

    Attributes:
        locale: its tag.
        segments: in the order of their heads' numbers; none is empty of rows.
        settings: when its vectors get a graph.
    """

    locale: str
    segments: tuple[HeadSegment, ...]
    settings: GraphSettings

    @property
    def live(self) -> int:
        """How many heads there are."""
        return sum(segment.live.count for segment in self.segments)

    def search(
        self, vector: NDArray[np.float32], k: int, least: float, beside: Collection[int] = ()
    ) -> list[HeadMatch]:
        """Return those of the k heads closest to a vector (E,) that score `least` or more, closest first.

        Heads with the numbers `beside` are left out of them.
        """
        found = [(score, row, part) for part in self.segments for score, row in part.search(vector, k, least)]
        found.sort(key=lambda each: -each[0])  # heads of one score stay in the order of the segments
        return [
            part.match(self.locale, row, score)
            for score, row, part in found[:k]
            if not beside or int(part.numbers[row]) not in beside
        ]

    def find(self, form: str) -> list[HeadMatch]:
        """Return the heads with a normal form."""
        return [part.match(self.locale, row, 1.0, exact=True) for part in self.segments for row in part.find(form)]

    def scored(self, form: str, vector: NDArray[np.float32]) -> list[HeadMatch]:
        """Return the heads with a normal form, their score the cosine to a vector (E,)."""
        return [
            part.match(self.locale, row, min(1.0, max(0.0, part.vectors.cosine(vector, row))))
            for part in self.segments
            for row in part.find(form)
        ]

    def without(self, forms: Iterable[str]) -> LocaleHeads:
        """Return the heads without those that have one of some normal forms."""
        sought = list(forms)
        found = [(part, [row for form in sought for row in part.find(form)]) for part in self.segments]
        return replace(self, segments=tuple(part.without(rows) if rows else part for part, rows in found))

    def with_volumes(self, volumes: Mapping[str, float]) -> LocaleHeads:
        """Return the heads with other volumes, by normal form."""
        found = [(part, {row: volumes[form] for form in volumes for row in part.find(form)}) for part in self.segments]
        return replace(self, segments=tuple(part.with_volumes(rows) if rows else part for part, rows in found))

    def with_added(self, segment: HeadSegment) -> LocaleHeads:
        """Return the heads with further ones behind them.

        Small segments are joined while the last is at least half of the one before it, as a binary
        counter carries: n additions copy each head about log2 n times, and leave about log2 n segments.
        """
        segments = [*self.segments, segment]
        while len(segments) > 1 and self._joins(segments[-2], segments[-1]):
            last = [segments.pop(), segments.pop()][::-1]
            segments += _gathered([(part, part.live.mask()) for part in last], self.settings)
        return replace(self, segments=tuple(segments))

    def _joins(self, before: HeadSegment, last: HeadSegment) -> bool:
        rows = before.live.count + last.live.count
        small = before.vectors.graph is None and rows <= self.settings.exact_rows
        return small and 2 * last.live.count >= before.live.count

    @property
    def settled(self) -> bool:
        """Whether compaction would find nothing to do."""
        if not self.segments:
            return True
        first, *others = self.segments
        if others or (first.vectors.graph is not None) != (self.live > self.settings.exact_rows):
            return False
        return self._kept(first) if first.vectors.graph is not None else first.live.count == first.live.rows

    def _kept(self, first: HeadSegment) -> bool:
        """Return whether a segment's graph is worth keeping."""
        dead = first.live.rows - first.live.count
        return first.vectors.graph is not None and dead <= self.settings.most_dead * first.live.rows

    def compacted(self) -> LocaleHeads:
        """Return the same heads as one segment; of many, in minutes, with a graph.

        Removed rows are gone, save where a graph is kept and only added to.
        """
        if self.live > self.settings.exact_rows and self._kept(self.segments[0]):
            first, *others = self.segments
            chosen = [(part, part.live.mask()) for part in others]
            blocks = (block for part in others for block in part.vectors.blocks(part.live))
            vectors = first.vectors.extended(blocks)
            whole = HeadSegment.joined([(first, np.ones(first.live.rows, dtype=np.bool_)), *chosen], vectors)
            return replace(self, segments=(whole,))
        gathered = _gathered([(part, part.live.mask()) for part in self.segments], self.settings)
        if self.live > self.settings.exact_rows:
            gathered = [replace(part, vectors=part.vectors.with_graph()) for part in gathered]
        return replace(self, segments=tuple(gathered))

    def caught_up(self, start: LocaleHeads, now: LocaleHeads) -> LocaleHeads:
        """Return these heads, which were compacted from `start`, as they are in `now`.

        Whatever was removed since then is removed here, volumes are those of `now`, and what was added follows.
        """
        numbers = _all([part.numbers[part.live.mask()] for part in now.segments], np.int64)
        volumes = _all([part.volumes[part.live.mask()] for part in now.segments], np.float64)
        estimates = _all([part.estimates[part.live.mask()] for part in now.segments], np.bool_)
        segments = []
        for part in self.segments:
            places = np.searchsorted(numbers, part.numbers)  # (N,)
            live = np.zeros(part.live.rows, dtype=np.bool_)
            within = places < len(numbers)
            live[within] = numbers[places[within]] == part.numbers[within]
            values, guessed = part.volumes.copy(), part.estimates.copy()
            values[live], guessed[live] = volumes[places[live]], estimates[places[live]]
            segments.append(replace(part, live=LiveRows.from_mask(live), volumes=values, estimates=guessed))
        last = max((int(part.numbers[-1]) for part in start.segments), default=-1)
        return replace(self, segments=(*segments, *now._after(last)))

    def _after(self, number: int) -> Iterator[HeadSegment]:
        """Yield segments of the heads with a higher number."""
        for part in self.segments:
            if part.numbers[0] > number:
                yield part
            elif part.numbers[-1] > number:
                yield from _gathered([(part, part.live.mask() & (part.numbers > number))], self.settings)


def _gathered(parts: Sequence[tuple[HeadSegment, NDArray[np.bool_]]], settings: GraphSettings) -> list[HeadSegment]:
    """Return some of the live rows of segments as one of them without a graph; none where there are no rows."""
    chosen = [(part, mask) for part, mask in parts if mask.any()]
    if not chosen:
        return []
    blocks = (block for part, mask in chosen for block in part.vectors.blocks(LiveRows.from_mask(mask)))
    vectors = VectorIndex.flat(blocks, chosen[0][0].vectors.width, settings)
    return [HeadSegment.joined(chosen, vectors)]


def _all(arrays: Sequence[NDArray[np.generic]], dtype: type[np.generic]) -> NDArray[np.generic]:
    return np.concatenate([np.empty(0, dtype=dtype), *arrays])
