"""Counters, histograms and gauges that cost a tenth of a microsecond to touch.

`prometheus_client` locks and looks labels up at every touch: 0.4 us a counter, 0.9 us a histogram, and a query
touches ten. These hold plain numbers and become its metric families only when the page is asked for. They are
written on one thread, the event loop's, and read on any: a page may miss what happened while it was made.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

_log = logging.getLogger(__name__)


class Count:
    """A number that only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def add(self, amount: float = 1) -> None:
        """Add to it; the amount is not negative."""
        self.value += amount


class Spread:
    """How often values fell between bounds.

    Args:
        bounds: upper bounds of the buckets, rising; what lies above the last has a bucket of its own.
    """

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value; one that equals a bound belongs below it."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class Counter(Collector):
    """A family of counts.

    Args:
        name: without ``_total``.
        help_text: one sentence.
        labels: names of the labels.
    """

    def __init__(self, name: str, help_text: str, *labels: str) -> None:
        self.name = name
        self._help = help_text
        self._labels = labels
        self._children: dict[tuple[str, ...], Count] = {}

    def child(self, *values: str) -> Count:
        """Return the count of these label values, from 0 where it is new; keep it where it is touched often."""
        found = self._children.get(values)
        if found is None:
            found = self._children[values] = Count()
        return found

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the family as it stands."""
        family = CounterMetricFamily(self.name, self._help, labels=self._labels)
        # A copy: the event loop may add a child meanwhile.
        for values, child in list(self._children.items()):
            family.add_metric(values, child.value)
        yield family


class Histogram(Collector):
    """A family of spreads.

    Args:
        name: with its unit.
        help_text: one sentence.
        bounds: upper bounds of the buckets, rising, in that unit.
        labels: names of the labels.
    """

    def __init__(self, name: str, help_text: str, bounds: Sequence[float], *labels: str) -> None:
        self.name = name
        self._help = help_text
        self._labels = labels
        self._bounds = tuple(bounds)
        self._names = [*map(floatToGoString, self._bounds), "+Inf"]
        self._children: dict[tuple[str, ...], Spread] = {}

    def child(self, *values: str) -> Spread:
        """Return the spread of these label values, empty where it is new; keep it where it is touched often."""
        found = self._children.get(values)
        if found is None:
            found = self._children[values] = Spread(self._bounds)
        return found

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the family as it stands."""
        family = HistogramMetricFamily(self.name, self._help, labels=self._labels)
        for values, child in list(self._children.items()):
            total, counts = child.total, list(child.counts)
            family.add_metric(values, list(zip(self._names, accumulate(counts), strict=True)), total)
        yield family


class Reading(Collector):
    """A number that is read where it is, whenever the page is asked for; absent until somebody says where.

    Args:
        name: with its unit; of a counter, without ``_total``.
        help_text: one sentence.
        grows: whether it only ever grows, which makes it a counter; else it is a gauge.
    """

    def __init__(self, name: str, help_text: str, *, grows: bool = False) -> None:
        self.name = name
        self._help = help_text
        self._grows = grows
        self.read: Callable[[], float] | None = None

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Yield the family as it stands; without a number where reading it fails, so that the page goes on."""
        family = (CounterMetricFamily if self._grows else GaugeMetricFamily)(self.name, self._help)
        if self.read is not None:
            try:
                family.add_metric((), float(self.read()))
            except Exception as error:
                _log.error("%s cannot be read: %s", self.name, type(error).__qualname__)
        yield family
