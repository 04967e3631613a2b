"""The Prometheus figures of one server. Holds no query text, and labels from bounded sets only.

What happens often is counted by a method, on the event loop; what has a state (the queue, the cache, the bundles)
is read where it is whenever the page is asked for. `docs/operations.md` says what each figure means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypedDict, TypeVar, Unpack

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.registry import Collector

from shelfsense.serving.bundle_metrics import BundleCollector, BundleFigures
from shelfsense.serving.instruments import Count, Counter, Histogram, Reading, Spread

_CollectorT = TypeVar("_CollectorT", bound=Collector)

SHED_REASONS = ("queue_full", "limit", "rate", "deadline")
"""Why a call was refused before it was queued: no room, a standing queue, a token that has spent its rate, or a
deadline that would pass first."""

DROP_REASONS = ("expired", "hopeless", "cancelled")
"""Why a query was let in and not answered: its time passed, could not suffice, or its caller left."""

READ_OUTCOMES = ("obeyed", "refused")
"""What became of a file of overrides."""

PARTS = ("product_types", "reformulations")
"""What an answer holds, each with an outcome of its own."""

_OTHER = "other"  # the label of a locale that no loaded bundle has
_US = 1e-6

# From a cache hit to a queue behind many batches; half powers of ten where answers lie, wider above.
_SECONDS = (
    *(1e-4, 2e-4, 3e-4, 5e-4, 7.5e-4),
    *(1e-3, 1.5e-3, 2e-3, 3e-3, 5e-3, 7.5e-3),
    *(0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_QUERIES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_TOKENS = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)


class Reads(TypedDict, total=False):
    """Where the page finds what has a state; called from the page's thread, so each a plain look at a number.

    Attributes:
        waiting: queries waiting for the engine.
        waiting_tokens: tokens of those queries.
        healthy: whether the engine works.
        serving: whether health says SERVING.
        in_flight: calls begun and not ended.
        limit_s: seconds of work that single calls may have waiting now, `Admission.limit_s`.
        cache_entries: answers kept.
        cache_bytes: bytes they take.
        cache_hits: lookups that found an answer, so far.
        cache_misses: lookups that found none, so far.
        cache_joins: of the misses, those that waited for the answer to an equal query under way, so far.
        cache_evictions: answers that made room for others, so far.
        swaps: bundles that took the place of the serving one, so far.
    """

    waiting: Callable[[], float]
    waiting_tokens: Callable[[], float]
    healthy: Callable[[], float]
    serving: Callable[[], float]
    in_flight: Callable[[], float]
    limit_s: Callable[[], float]
    cache_entries: Callable[[], float]
    cache_bytes: Callable[[], float]
    cache_hits: Callable[[], float]
    cache_misses: Callable[[], float]
    cache_joins: Callable[[], float]
    cache_evictions: Callable[[], float]
    swaps: Callable[[], float]


_GAUGES = {
    "waiting": ("shelfsense_queue_queries", "Queries waiting for the engine."),
    "waiting_tokens": ("shelfsense_queue_tokens", "Tokens of the queries waiting for the engine."),
    "healthy": ("shelfsense_engine_up", "1 while the engine works, else 0."),
    "serving": ("shelfsense_serving", "1 while health says SERVING, else 0."),
    "in_flight": ("shelfsense_calls_in_flight", "Calls begun and not ended."),
    "limit_s": ("shelfsense_queue_limit_seconds", "Seconds of work that single calls may have waiting now."),
    "cache_entries": ("shelfsense_cache_entries", "Answers in the cache."),
    "cache_bytes": ("shelfsense_cache_bytes", "Bytes of the answers in the cache."),
}
_TOTALS = {
    "cache_hits": ("shelfsense_cache_hits", "Queries answered from the cache."),
    "cache_misses": ("shelfsense_cache_misses", "Queries whose answer the cache did not have."),
    "cache_joins": ("shelfsense_cache_joins", "Misses that waited for the answer to an equal query under way."),
    "cache_evictions": ("shelfsense_cache_evictions", "Answers that made room for others."),
    "swaps": ("shelfsense_bundle_swaps", "Bundles that took the place of the serving one."),
}


class _Outcomes:
    """The counts of one locale's answers: abstained, accepted."""

    __slots__ = PARTS

    def __init__(self, answers: Counter, locale: str) -> None:
        self.product_types, self.reformulations = (
            (answers.child(locale, part, "abstained"), answers.child(locale, part, "accepted")) for part in PARTS
        )


class Metrics:
    """The figures of one server, in a registry of its own so that two servers may share a process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._of_calls()
        self._of_batches()
        self._of_admission()
        self._of_answers()
        self._bundles = self._add(BundleCollector())
        self._readings = {key: self._add(Reading(*names)) for key, names in _GAUGES.items()}
        self._readings |= {key: self._add(Reading(*names, grows=True)) for key, names in _TOTALS.items()}
        ProcessCollector(registry=self.registry)

    def exposition(self) -> bytes:
        """Return the page, in Prometheus' text form; from any thread."""
        return generate_latest(self.registry)

    def watch(self, **reads: Unpack[Reads]) -> None:
        """Say where the page finds what has a state; a later call replaces what it names."""
        for key, read in reads.items():
            self._readings[key].read = read  # type: ignore[assignment]  # mypy takes a TypedDict's values for objects

    def watch_bundles(self, read: Callable[[], Sequence[BundleFigures]]) -> None:
        """Say where the page finds the loaded bundles; called from the page's thread."""
        self._bundles.read = read

    def know_locales(self, locales: Iterable[str]) -> None:
        """Count answers under these locales too; those of no loaded bundle are counted as ``other``."""
        for locale in locales:
            if locale not in self._answered:
                self._answered[locale] = _Outcomes(self._answers, locale)

    def call_ended(self, rpc: str, code: str, seconds: float) -> None:
        """Count one call, whatever became of it."""
        self._calls.child(rpc, code).add()
        self._call_seconds.child(rpc).observe(seconds)

    def query_timed(self, queue_us: int, inference_us: int, answer_us: int) -> None:
        """Count how long a query that reached the engine spent at each stage, in microseconds."""
        self._queue_seconds.observe(queue_us * _US)
        self._inference_seconds.observe(inference_us * _US)
        self._answer_seconds.observe(answer_us * _US)
        self._total_seconds.observe((queue_us + inference_us + answer_us) * _US)

    def batch_ended(self, queries: int, seconds: float, tokens: int, padded_tokens: int) -> None:
        """Count one batch of the engine.

        Args:
            queries: in it.
            seconds: it took.
            tokens: of its queries.
            padded_tokens: that the engine computed, padding counted; not less than `tokens`.
        """
        self._batch_queries.observe(queries)
        self._batch_tokens.observe(tokens)
        self._engine_seconds.add(seconds)
        self._engine_tokens.add(tokens)
        self._padding_tokens.add(padded_tokens - tokens)

    def shed(self, reason: str) -> None:
        """Count a call refused before it was queued, by one of `SHED_REASONS`."""
        self._sheds[reason].add()

    def dropped(self, reason: str, queries: int = 1) -> None:
        """Count queries that were let in and not answered, by one of `DROP_REASONS`."""
        self._drops[reason].add(queries)

    def answered(self, locale: str, product_types: bool | None, reformulations: bool | None) -> None:  # noqa: FBT001
        """Count one answer that was made; one that is given again from the cache is not counted again.

        Args:
            locale: that answered, `Understanding.locale_used`.
            product_types: whether any product type was accepted; None where none were asked for.
            reformulations: whether any reformulation was accepted; None where none were asked for.
        """
        outcomes = self._answered.get(locale) or self._answered[_OTHER]
        if product_types is not None:
            outcomes.product_types[product_types].add()
        if reformulations is not None:
            outcomes.reformulations[reformulations].add()

    def overridden(self, overrides: int) -> None:
        """Count the shop's overrides that changed one answer."""
        self._overrides_applied.add(overrides)

    def overrides_read(self, outcome: str, rules: int) -> None:
        """Count a reading of the file of overrides.

        Args:
            outcome: one of `READ_OUTCOMES`.
            rules: in force now.
        """
        self._overrides_reads.child(outcome).add()
        self._overrides_in_force = rules

    def bundle_loaded(self, *, good: bool) -> None:
        """Count a try to load a bundle while serving, and whether it was fit to serve."""
        self._bundle_loads.child("loaded" if good else "refused").add()

    def fault(self) -> None:
        """Count an error that is none of those a caller may meet: a fault of ours, or a broken machine."""
        self._faults.add()

    def _of_calls(self) -> None:
        self._calls = self._add(Counter("shelfsense_calls", "Calls by rpc and status code.", "rpc", "code"))
        self._call_seconds = self._add(
            Histogram("shelfsense_call_seconds", "Seconds from a decoded request to its response.", _SECONDS, "rpc")
        )
        stages = self._add(
            Histogram(
                "shelfsense_stage_seconds",
                "Seconds of a query that the engine read: waiting, in the networks, making the answer, all three.",
                _SECONDS,
                "stage",
            )
        )
        self._queue_seconds, self._inference_seconds = stages.child("queue"), stages.child("inference")
        self._answer_seconds, self._total_seconds = stages.child("answer"), stages.child("total")
        self._faults = self._count("shelfsense_faults", "Errors that no caller should meet; the log has each.")

    def _of_batches(self) -> None:
        self._batch_queries = self._spread("shelfsense_batch_queries", "Queries per engine batch.", _QUERIES)
        self._batch_tokens = self._spread(
            "shelfsense_batch_tokens", "Tokens per engine batch, padding left out.", _TOKENS
        )
        self._engine_seconds = self._count("shelfsense_engine_seconds", "Seconds the engine has been busy.")
        self._engine_tokens = self._count("shelfsense_engine_tokens", "Tokens of queries that the engine has read.")
        self._padding_tokens = self._count("shelfsense_padding_tokens", "Tokens of padding computed beside them.")

    def _of_admission(self) -> None:
        sheds = self._add(Counter("shelfsense_sheds", "Calls refused before they were queued, by reason.", "reason"))
        self._sheds = {reason: sheds.child(reason) for reason in SHED_REASONS}
        drops = self._add(
            Counter("shelfsense_dropped_queries", "Queries that were let in and not answered, by reason.", "reason")
        )
        self._drops = {reason: drops.child(reason) for reason in DROP_REASONS}

    def _of_answers(self) -> None:
        self._answers = self._add(
            Counter(
                "shelfsense_answers",
                "Answers made, by locale and part: accepted where it has anything accepted, else abstained.",
                *("locale", "part", "outcome"),
            )
        )
        self._answered = {_OTHER: _Outcomes(self._answers, _OTHER)}
        self._overrides_applied = self._count("shelfsense_overrides_applied", "Overrides that changed an answer.")
        self._overrides_reads = self._outcomes(
            "shelfsense_overrides_reads", "Readings of the file of overrides.", READ_OUTCOMES
        )
        self._overrides_in_force = 0
        in_force = self._add(Reading("shelfsense_overrides_in_force", "Overrides in force."))
        in_force.read = lambda: self._overrides_in_force
        self._bundle_loads = self._outcomes(
            "shelfsense_bundle_loads", "Bundles that were to be loaded while serving.", ("loaded", "refused")
        )

    def _outcomes(self, name: str, help_text: str, outcomes: Iterable[str]) -> Counter:
        counter = self._add(Counter(name, help_text, "outcome"))
        for outcome in outcomes:
            counter.child(outcome)  # from 0, so that the first one is seen as a rise
        return counter

    def _count(self, name: str, help_text: str) -> Count:
        return self._add(Counter(name, help_text)).child()

    def _spread(self, name: str, help_text: str, bounds: Sequence[float]) -> Spread:
        return self._add(Histogram(name, help_text, bounds)).child()

    def _add(self, collector: _CollectorT) -> _CollectorT:
        self.registry.register(collector)
        return collector
