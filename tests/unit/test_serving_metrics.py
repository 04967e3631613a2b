"""What a server's metrics page says, by Prometheus' own parser."""

from __future__ import annotations

from collections import deque

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shelfsense.serving.bundle_metrics import BundleFigures
from shelfsense.serving.metrics import DROP_REASONS, SHED_REASONS, Metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Return the value of a sample on the page; None where it is absent."""
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    return None


def test_calls_are_counted_by_rpc_and_code_and_timed_by_rpc() -> None:
    metrics = Metrics()
    metrics.call_ended("Understand", "OK", 0.0025)
    metrics.call_ended("Understand", "UNAVAILABLE", 0.0005)
    assert value(metrics, "shelfsense_calls_total", rpc="Understand", code="OK") == 1
    assert value(metrics, "shelfsense_calls_total", rpc="Understand", code="UNAVAILABLE") == 1
    assert value(metrics, "shelfsense_call_seconds_bucket", rpc="Understand", le="0.0005") == 1
    assert value(metrics, "shelfsense_call_seconds_bucket", rpc="Understand", le="0.002") == 1
    assert value(metrics, "shelfsense_call_seconds_bucket", rpc="Understand", le="0.003") == 2
    assert value(metrics, "shelfsense_call_seconds_count", rpc="Understand") == 2
    assert value(metrics, "shelfsense_call_seconds_sum", rpc="Understand") == pytest.approx(0.003)


def test_a_value_above_every_bound_is_counted_in_the_last_bucket_alone() -> None:
    metrics = Metrics()
    metrics.call_ended("Embed", "OK", 11.0)
    assert value(metrics, "shelfsense_call_seconds_bucket", rpc="Embed", le="10.0") == 0
    assert value(metrics, "shelfsense_call_seconds_bucket", rpc="Embed", le="+Inf") == 1


def test_the_stages_of_a_query_are_told_in_seconds_with_their_total() -> None:
    metrics = Metrics()
    metrics.query_timed(queue_us=300, inference_us=1200, answer_us=100)
    sums = {
        stage: value(metrics, "shelfsense_stage_seconds_sum", stage=stage)
        for stage in ("queue", "inference", "answer", "total")
    }
    assert sums == pytest.approx({"queue": 3e-4, "inference": 1.2e-3, "answer": 1e-4, "total": 1.6e-3})


def test_padding_is_what_was_computed_beside_the_queries_own_tokens() -> None:
    metrics = Metrics()
    metrics.batch_ended(3, 0.01, tokens=20, padded_tokens=24)
    assert value(metrics, "shelfsense_batch_queries_sum") == 3
    assert value(metrics, "shelfsense_batch_tokens_sum") == 20
    assert value(metrics, "shelfsense_engine_tokens_total") == 20
    assert value(metrics, "shelfsense_padding_tokens_total") == 4
    assert value(metrics, "shelfsense_engine_seconds_total") == pytest.approx(0.01)


def test_what_has_a_state_is_read_when_the_page_is_asked_for() -> None:
    metrics, waiting = Metrics(), deque[int]()
    metrics.watch(waiting=lambda: len(waiting), healthy=lambda: True, cache_hits=lambda: 7)
    waiting.extend((1, 2))
    assert value(metrics, "shelfsense_queue_queries") == 2
    assert value(metrics, "shelfsense_engine_up") == 1
    assert value(metrics, "shelfsense_cache_hits_total") == 7


def test_a_state_that_cannot_be_read_is_absent_and_the_rest_of_the_page_is_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    metrics = Metrics()
    metrics.watch(waiting=lambda: 1 / 0, healthy=lambda: False)
    assert value(metrics, "shelfsense_queue_queries") is None
    assert value(metrics, "shelfsense_engine_up") == 0
    assert "shelfsense_queue_queries cannot be read: ZeroDivisionError" in caplog.text


def test_answers_are_counted_by_locale_and_part_where_it_was_asked_for() -> None:
    metrics = Metrics()
    metrics.know_locales(["de", "und"])
    metrics.answered("de", product_types=True, reformulations=False)
    metrics.answered("de", product_types=True, reformulations=None)
    counted = {
        (part, outcome): value(metrics, "shelfsense_answers_total", locale="de", part=part, outcome=outcome)
        for part in ("product_types", "reformulations")
        for outcome in ("accepted", "abstained")
    }
    assert counted == {
        ("product_types", "accepted"): 2,
        ("product_types", "abstained"): 0,
        ("reformulations", "accepted"): 0,
        ("reformulations", "abstained"): 1,
    }


def test_a_locale_of_no_bundle_gets_no_label_of_its_own() -> None:
    metrics = Metrics()
    metrics.know_locales(["de"])
    for i in range(100):
        metrics.answered(f"x-{i}", product_types=False, reformulations=None)
    labels = {"locale": "other", "part": "product_types", "outcome": "abstained"}
    assert value(metrics, "shelfsense_answers_total", **labels) == 100
    assert "x-1" not in metrics.exposition().decode()


def test_every_reason_stands_on_the_page_from_zero_so_that_its_first_rise_is_seen() -> None:
    metrics = Metrics()
    assert [value(metrics, "shelfsense_sheds_total", reason=each) for each in SHED_REASONS] == [0] * 4
    assert [value(metrics, "shelfsense_dropped_queries_total", reason=each) for each in DROP_REASONS] == [0] * 3
    metrics.shed("queue_full")
    metrics.dropped("expired", 3)
    assert value(metrics, "shelfsense_sheds_total", reason="queue_full") == 1
    assert value(metrics, "shelfsense_dropped_queries_total", reason="expired") == 3


def test_a_bundle_on_trial_tells_how_it_differs_and_the_serving_one_does_not() -> None:
    metrics = Metrics()
    serving = BundleFigures("shop-1", "serving", share=1, loaded_at=1000, queries=90)
    trial = BundleFigures("shop-2", "canary", share=0.1, loaded_at=2000, queries=10, compared=8, other_first_type=2)
    metrics.watch_bundles(lambda: (serving, trial))
    assert value(metrics, "shelfsense_bundle_info", version="shop-1", role="serving") == 1
    assert value(metrics, "shelfsense_bundle_queries_total", version="shop-2", role="canary") == 10
    assert value(metrics, "shelfsense_trial_compared_total", version="shop-2", role="canary") == 8
    labels = {"version": "shop-2", "role": "canary", "part": "first_type"}
    assert value(metrics, "shelfsense_trial_differences_total", **labels) == 2
    assert value(metrics, "shelfsense_trial_compared_total", version="shop-1", role="serving") is None


def test_loads_reads_overrides_and_faults_are_counted_by_what_became_of_them() -> None:
    metrics = Metrics()
    metrics.bundle_loaded(good=False)
    metrics.overrides_read("obeyed", 12)
    metrics.overridden(2)
    metrics.fault()
    assert value(metrics, "shelfsense_bundle_loads_total", outcome="refused") == 1
    assert value(metrics, "shelfsense_bundle_loads_total", outcome="loaded") == 0
    assert value(metrics, "shelfsense_overrides_reads_total", outcome="obeyed") == 1
    assert value(metrics, "shelfsense_overrides_in_force") == 12
    assert value(metrics, "shelfsense_overrides_applied_total") == 2
    assert value(metrics, "shelfsense_faults_total") == 1


def test_two_servers_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.fault()
    assert value(other, "shelfsense_faults_total") == 0
