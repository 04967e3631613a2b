"""What a benchmark is asked and what it finds. Knows neither files nor how findings are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).resolve().parents[1]
"""The checkout."""

QUERY_VECTORS = ROOT / "work" / "head_search"
"""Where a million embedded queries are kept unless another folder is named; git does not see it."""

_QUICK = 20


class BenchmarkFailed(Exception):
    """A benchmark that could not be carried out, so that there is no figure at all."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a benchmark is asked to measure.

    Attributes:
        bundle: a verified bundle folder.
        quick: a twentieth of the work, to see that a benchmark runs; such figures are never written down.
        with_tests: whether `fresh_clone` also times ``make test``.
        vectors: folder of the vectors that `head_search` searches, or where it keeps those it makes.
        queries: real queries among those it makes, as ``LOCALE=FILE``, one a line; empty for none.
        minutes: how long `fuzz` goes on.
        other: the bundle folder that `beside` compares with; None where none is named.
    """

    bundle: Path
    quick: bool = False
    with_tests: bool = False
    vectors: Path = QUERY_VECTORS
    queries: str = ""
    minutes: float = 20.0
    other: Path | None = None

    def times(self, full: int) -> int:
        """Return how often to repeat what a full run repeats `full` times."""
        return max(2, full // _QUICK) if self.quick else full

    def seconds(self, full: float) -> float:
        """Return how long to load a server that a full run loads for so many seconds."""
        return min(full, 1.0) if self.quick else full


@dataclass(frozen=True, slots=True)
class Floor:
    """A promise about one figure.

    Attributes:
        figure: what is promised, in words.
        value: what was measured.
        limit: what is promised.
        at_most: whether the limit bounds it from above; from below otherwise.
    """

    figure: str
    value: float
    limit: float
    at_most: bool = False

    @property
    def held(self) -> bool:
        """Whether the promise is kept."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    def __str__(self) -> str:
        sign = "at most" if self.at_most else "at least"
        return f"{self.figure}: {self.value:.3g}, promised {sign} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one benchmark found.

    Attributes:
        title: heading of its section.
        claim: the one thing it measures or shows, as a sentence.
        columns: headings of the table.
        rows: the table, its cells ready to show.
        figures: the same figures as plain values, named with their unit.
        notes: how it was measured, where a reader could take it otherwise.
        faults: what was observed against the claim; empty when it holds.
        floors: the promises that were measured; those not kept are faults too.
    """

    title: str
    claim: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    figures: Mapping[str, float | int | str | bool]
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    floors: tuple[Floor, ...] = ()


def missed(floors: Iterable[Floor]) -> tuple[str, ...]:
    """Return a fault for each promise that is not kept."""
    return tuple(str(floor) for floor in floors if not floor.held)


Benchmark: TypeAlias = Callable[[Setting], Finding]
