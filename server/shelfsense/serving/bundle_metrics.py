"""What the page says of the loaded bundles, read where it is whenever the page is asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_log = logging.getLogger(__name__)
_LABELS = ("version", "role")


@dataclass(frozen=True, slots=True)
class BundleFigures:
    """One loaded bundle, as `Admin.DescribeBundles` tells it.

    Attributes:
        version: of the bundle.
        role: ``serving``, ``canary`` or ``shadow``.
        share: of the queries it reads, 0 to 1.
        loaded_at: when it began to answer, in seconds since 1970.
        queries: it has read.
        compared: queries that it and the serving bundle have both read; 0 for the serving one.
        other_first_type: of those, how many had another first product type at level 1.
        other_accepted_types: of those, how many had another set of accepted product types.
        other_reformulation: of those, how many had another first accepted reformulation, or only one had any.
    """

    version: str
    role: str
    share: float
    loaded_at: float
    queries: int = 0
    compared: int = 0
    other_first_type: int = 0
    other_accepted_types: int = 0
    other_reformulation: int = 0


class BundleCollector(Collector):
    """The families of the loaded bundles.

    Attributes:
        read: returns the loaded bundles, the serving one first; called from the page's thread.
    """

    def __init__(self) -> None:
        self.read: Callable[[], Sequence[BundleFigures]] = tuple

    def collect(self) -> Iterator[Metric]:
        """Yield the families as they stand."""
        info = GaugeMetricFamily("shelfsense_bundle_info", "1 for every loaded bundle.", labels=_LABELS)
        share = GaugeMetricFamily("shelfsense_bundle_share", "Share of the queries a bundle reads.", labels=_LABELS)
        loaded = GaugeMetricFamily(
            "shelfsense_bundle_loaded_timestamp_seconds",
            "When a bundle began to answer, in seconds since 1970.",
            labels=_LABELS,
        )
        queries = CounterMetricFamily("shelfsense_bundle_queries", "Queries a bundle has read.", labels=_LABELS)
        compared = CounterMetricFamily(
            "shelfsense_trial_compared", "Queries that a trial and the serving bundle have both read.", labels=_LABELS
        )
        differences = CounterMetricFamily(
            "shelfsense_trial_differences",
            "Compared queries whose answers differ, by the part that does.",
            labels=(*_LABELS, "part"),
        )
        for each in self._loaded():
            labels = (each.version, each.role)
            info.add_metric(labels, 1)
            share.add_metric(labels, each.share)
            loaded.add_metric(labels, each.loaded_at)
            queries.add_metric(labels, each.queries)
            if each.role != "serving":
                compared.add_metric(labels, each.compared)
                differences.add_metric((*labels, "first_type"), each.other_first_type)
                differences.add_metric((*labels, "accepted_types"), each.other_accepted_types)
                differences.add_metric((*labels, "reformulation"), each.other_reformulation)
        yield from (info, share, loaded, queries, compared, differences)

    def _loaded(self) -> Sequence[BundleFigures]:
        try:
            return self.read()
        except Exception as error:  # a swap under way is no reason for a page without any figure
            _log.error("the loaded bundles cannot be read: %s", type(error).__qualname__)
            return ()
