"""The pages of several workers as one: what is summed, what is told of each, and what a restart must not do."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shelfsense.serving.bundle_metrics import BundleFigures
from shelfsense.serving.merged_metrics import SUMMED_GAUGES, MergedMetrics
from shelfsense.serving.metrics import Metrics


def page(calls: int = 0, waiting: int = 0, started: float = 1.0, healthy: int = 1) -> bytes:
    """Return the page of a worker that was started at a moment."""
    metrics = Metrics()
    for _ in range(calls):
        metrics.call_ended("Understand", "OK", 0.0025)
    metrics.watch(waiting=lambda: waiting, healthy=lambda: healthy)
    lines = [line for line in metrics.exposition().decode().splitlines() if "process_start_time" not in line]
    lines += ["# TYPE process_start_time_seconds gauge", f"process_start_time_seconds {started}"]
    return "\n".join([*lines, ""]).encode()


def value(text: bytes, name: str, **labels: str) -> float | None:
    """Return the value of a sample; None where it is absent."""
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    return None


OK = {"rpc": "Understand", "code": "OK"}


def test_counters_and_histograms_are_summed() -> None:
    merged = MergedMetrics().page({"0": page(calls=2), "1": page(calls=3)})
    assert value(merged, "shelfsense_calls_total", **OK) == 5
    assert value(merged, "shelfsense_call_seconds_bucket", rpc="Understand", le="0.002") == 0
    assert value(merged, "shelfsense_call_seconds_bucket", rpc="Understand", le="0.003") == 5
    assert value(merged, "shelfsense_call_seconds_count", rpc="Understand") == 5
    assert value(merged, "shelfsense_call_seconds_sum", rpc="Understand") == pytest.approx(0.0125)


def test_amounts_are_summed_and_states_are_told_of_each_worker() -> None:
    merged = MergedMetrics().page({"0": page(waiting=2), "1": page(waiting=3, healthy=0)})
    assert value(merged, "shelfsense_queue_queries") == 5
    assert value(merged, "shelfsense_engine_up", worker="0") == 1
    assert value(merged, "shelfsense_engine_up", worker="1") == 0
    assert value(merged, "shelfsense_workers_up") == 2


def test_a_worker_that_was_started_again_lets_no_sum_fall() -> None:
    merging = MergedMetrics()
    merging.page({"0": page(calls=10), "1": page(calls=5)})
    again = merging.page({"0": page(calls=1, started=2.0), "1": page(calls=6)})
    assert value(again, "shelfsense_calls_total", **OK) == 17
    assert value(again, "shelfsense_call_seconds_bucket", rpc="Understand", le="+Inf") == 17
    later = merging.page({"0": page(calls=4, started=2.0), "1": page(calls=6)})
    assert value(later, "shelfsense_calls_total", **OK) == 20


def test_a_worker_that_is_down_keeps_what_it_counted_and_loses_its_gauges() -> None:
    merging = MergedMetrics()
    merging.page({"0": page(calls=10, waiting=4), "1": page(calls=5)})
    without = merging.page({"1": page(calls=5)})
    assert value(without, "shelfsense_calls_total", **OK) == 15
    assert value(without, "shelfsense_queue_queries") == 0
    assert value(without, "shelfsense_engine_up", worker="0") is None
    assert value(without, "shelfsense_workers_up") == 1
    nobody = merging.page({})
    assert value(nobody, "shelfsense_calls_total", **OK) == 15
    assert value(nobody, "shelfsense_workers_up") == 0


def test_help_and_types_stay_and_every_family_stands_once() -> None:
    merged = MergedMetrics().page({"0": page(calls=1), "1": page(calls=1)})
    families = list(text_string_to_metric_families(merged.decode()))
    names = [each.name for each in families]
    assert len(names) == len(set(names))
    calls = next(each for each in families if each.name == "shelfsense_calls")
    assert (calls.type, calls.documentation) == ("counter", "Calls by rpc and status code.")


def test_labels_survive_whatever_a_bundle_is_called() -> None:
    metrics = Metrics()
    name = 'a "b" \\ {c="d"},\n2'
    metrics.watch_bundles(lambda: (BundleFigures(name, "serving", share=1, loaded_at=5, queries=4),))
    merged = MergedMetrics().page({"0": metrics.exposition(), "1": metrics.exposition()})
    assert value(merged, "shelfsense_bundle_queries_total", version=name, role="serving") == 8
    assert value(merged, "shelfsense_bundle_info", version=name, role="serving", worker="1") == 1


def test_every_summed_gauge_is_one_that_a_worker_has() -> None:
    families = text_string_to_metric_families(Metrics().exposition().decode())
    assert {each.name for each in families if each.type == "gauge"} > SUMMED_GAUGES


def test_what_is_no_page_is_refused() -> None:
    with pytest.raises(ValueError, match="no Prometheus page"):
        MergedMetrics().page({"0": b"shelfsense_calls_total{code= 1\n"})
