"""The parts of the load benchmarks that no server is needed for."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import numpy as np
import pytest

from benchmarks.finding import Floor, Setting, missed
from benchmarks.load.arrivals import poisson
from benchmarks.load.http_load import post, read_answer
from benchmarks.load.played import OK, Played
from benchmarks.load.processor_time import ProcessorTime
from benchmarks.load.query_mix import QueryMix
from benchmarks.load.queue_simulation import BatchCosts, simulate
from benchmarks.load.rounds import interleaved, median_ratio
from benchmarks.serving_page import serving_page
from shelfsense.query import Query
from shelfsense.v1 import query_understanding_pb2 as pb

QUERIES = [Query(f"query {i}", "en") for i in range(4000)]


def test_arrivals_come_at_the_rate_as_a_poisson_process_and_are_the_same_again() -> None:
    times = poisson(200, 50, seed=1)
    gaps = np.diff(times)
    assert len(times) == pytest.approx(10_000, rel=0.05)
    assert times == sorted(times)
    assert times[-1] < 50
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)  # as of an exponential distribution
    assert poisson(200, 50, seed=1) == times
    assert poisson(200, 50, seed=2) != times


def test_a_mix_asks_a_share_again_and_all_others_once() -> None:
    mix = QueryMix(QUERIES, hits=0.8)
    often = {query.text for query in QUERIES[:512]}
    drawn = [query.text for query in mix.queries(5000)]
    once = [text for text in drawn if text not in often]
    assert len(once) / len(drawn) == pytest.approx(0.2, abs=0.03)
    assert len(set(once)) == len(once)
    by_rank = [drawn.count(query.text) for query in QUERIES[:512]]
    assert by_rank[0] == max(by_rank)
    assert by_rank[0] / by_rank[9] == pytest.approx(10, rel=0.5)  # Zipf: the tenth a tenth as often


def test_a_mix_without_hits_goes_through_the_queries_in_turn() -> None:
    requests = QueryMix(QUERIES[:3]).requests(4)
    texts = [pb.UnderstandRequest.FromString(request).query.text for request in requests]
    assert texts == ["query 0", "query 1", "query 2", "query 0"]


def test_a_simulated_queue_takes_what_waits_as_its_next_batch() -> None:
    costs = BatchCosts({1: [1.0], 3: [2.0]})
    # 0 alone until 1.0; 0.2 and 0.4 wait, and take 1.5 together, until 2.5; 9.0 is alone again.
    assert simulate([0.0, 0.2, 0.4, 9.0], costs, seed=0) == pytest.approx([1000, 2300, 2100, 1000])


def test_costs_between_two_sizes_are_interpolated() -> None:
    costs = BatchCosts({2: [1.0], 4: [2.0]})
    drawn = [costs.draw(size, random.Random(0)) for size in (1, 2, 3, 4)]
    assert drawn == [1.0, 1.0, 1.5, 2.0]


def test_rounds_alternate_and_ratios_are_taken_within_them() -> None:
    order: list[str] = []
    found = interleaved({name: lambda _, name=name: order.append(name) or len(order) for name in "ab"}, 2)  # type: ignore[misc, func-returns-value]
    assert order == ["a", "b", "b", "a"]
    assert found == {"a": [1, 4], "b": [2, 3]}
    assert median_ratio([2.0, 9.0, 3.0], [1.0, 1.0, 3.0]) == 2.0


def test_a_run_tells_answers_from_refusals_and_faults() -> None:
    played = Played(seconds=2.0, latencies=[1.0, 3.0, 5.0])
    played.codes.update({OK: 3, "RESOURCE_EXHAUSTED": 4, "INTERNAL": 1})
    assert (played.count, played.errors, played.broken) == (8, 5, 1)
    assert (played.answers_per_second, played.within(3.0), played.latency(50)) == (1.5, 2, 3.0)
    assert Played().latency(99) == float("inf")


def test_processor_time_is_told_by_thread_and_of_the_engine_alone() -> None:
    before = ProcessorTime({1: 1.0, 2: 5.0}, {1: "python", 2: "engine"}, 1)
    after = ProcessorTime({1: 1.5, 2: 7.0, 3: 0.25}, {1: "python", 2: "engine", 3: "poller"}, 1)
    assert after.since(before) == 2.75
    assert after.engine_since(before) == 2.0
    nameless = ProcessorTime({1: 9.0, 2: 7.0, 3: 8.0}, {1: "python", 2: "python", 3: "poller"}, 1)
    assert nameless.engine_since(before) == 2.0


async def test_http_load_reads_whole_answers_and_their_codes() -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 503 No\r\nx: y\r\ncontent-length: 0\r\n\r\n"
    )
    assert [await read_answer(stream), await read_answer(stream)] == [OK, "503"]
    assert post("/predict", b"{}").endswith(b"content-length: 2\r\n\r\n{}")


def test_a_promise_not_kept_is_a_fault_and_stands_on_the_page() -> None:
    kept, broken = Floor("speed", 2.0, 1.5), Floor("tail", 1.4, 1.3, at_most=True)
    assert missed((kept, broken)) == ("tail: 1.4, promised at most 1.3",)
    machine = {"cpu": "Abacus", "cores": 2, "python": "3.11", "onnxruntime": "1", "load_1_min": 0.1}
    run = {
        "name": "tail",
        "title": "Tail",
        "claim": "One.",
        "columns": ["a"],
        "rows": [],
        "notes": [],
        "faults": [],
        "machine": machine,
        "bundle": "b",
        "date": "2026-01-01",
        "floors": [
            {"figure": floor.figure, "value": floor.value, "limit": floor.limit, "at_most": floor.at_most}
            for floor in (kept, broken)
        ],
    }
    page = serving_page([run], ["tail"])
    assert "1 of 2 held" in page
    assert "| speed | 2 | ≥ 1.5 | held |" in page
    assert "| tail | 1.4 | ≤ 1.3 | **missed** |" in page


def test_a_quick_setting_loads_for_a_second_at_most() -> None:
    assert Setting(Path(), quick=True).seconds(5) == 1
    assert Setting(Path()).seconds(5) == 5
