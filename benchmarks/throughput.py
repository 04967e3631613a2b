"""How many queries one core answers per second: over gRPC in batches, and by the engine alone."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar

import grpc

from benchmarks.finding import BenchmarkFailed, Finding, Setting
from benchmarks.machine import pinned, two_cores
from benchmarks.processes import serving
from benchmarks.queries import sample_queries
from shelfsense.bundle import Bundle
from shelfsense.query import Query
from shelfsense.understander import Understander
from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense.v1.query_understanding_pb2_grpc import QueryUnderstandingStub
from shelfsense_client.calls import CHANNEL_OPTIONS

_QUERIES = 1024
_ROUNDS = 7
_WIRE_BATCH = 64
_IN_FLIGHT = (1, 2)
_ENGINE_BATCHES = (1, 8, 32)

_Way: TypeAlias = Callable[[], None]  # answers every query once
_T = TypeVar("_T")


def measure(setting: Setting) -> Finding:
    """Answer the same queries in every way, round by round, so that a slow minute falls on all alike."""
    rounds = setting.times(_ROUNDS)
    queries = sample_queries(max(_WIRE_BATCH * 2, setting.times(_QUERIES)))
    with _ways_over_grpc(setting.bundle, queries) as over_grpc:
        ways = {**over_grpc, **_ways_of_the_engine(setting.bundle, queries)}
        for way in ways.values():
            way()
        speeds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                began = time.perf_counter()
                way()
                speeds[name].append(len(queries) / (time.perf_counter() - began))
    return _finding(speeds, len(queries), rounds)


def _finding(speeds: Mapping[str, Sequence[float]], queries: int, rounds: int) -> Finding:
    return Finding(
        title="Queries per second",
        claim=f"What one core answers in batches over gRPC, and what the network alone allows; "
        f"median of {rounds} rounds of {queries:,} queries.",
        columns=("queries per second", "median", "lowest", "highest"),
        rows=tuple(
            (name, *(f"{each:,.0f}" for each in (statistics.median(found), min(found), max(found))))
            for name, found in speeds.items()
        ),
        figures={f"{name}, queries/s": statistics.median(found) for name, found in speeds.items()},
        notes=(
            (
                "The engine has one thread, and server and engine one core, the client another where there are two. "
                "Engine alone is `Understander.infer`: no tokenising, no ranking, no head index; "
                "batches are padded to their longest query, as they come."
            ),
        ),
    )


@contextmanager
def _ways_over_grpc(bundle: Path, queries: Sequence[Query]) -> Iterator[dict[str, _Way]]:
    requests = [
        pb.BatchUnderstandRequest(queries=[pb.Query(text=each.text, locale=each.locale) for each in batch])
        for batch in _batched(queries, _WIRE_BATCH)
    ]
    server_core, client_core = two_cores()
    with (
        serving(bundle, core=server_core) as server,
        pinned(client_core),
        grpc.insecure_channel(server.target, options=CHANNEL_OPTIONS) as channel,
    ):
        call = QueryUnderstandingStub(channel).BatchUnderstand  # type: ignore[no-untyped-call]  # generated
        yield {
            f"BatchUnderstand of {_WIRE_BATCH}, {in_flight} in flight": partial(_call_all, call, requests, in_flight)
            for in_flight in _IN_FLIGHT
        }


def _call_all(
    call: Callable[[pb.BatchUnderstandRequest], pb.BatchUnderstandResponse],
    requests: Sequence[pb.BatchUnderstandRequest],
    in_flight: int,
) -> None:
    with ThreadPoolExecutor(in_flight) as callers:
        for response in callers.map(call, requests):
            if any(item.HasField("error") for item in response.items):
                raise BenchmarkFailed("a query of the lists was not answered")


def _ways_of_the_engine(bundle: Path, queries: Sequence[Query]) -> dict[str, _Way]:
    server_core, _ = two_cores()
    with pinned(server_core):
        understander = Understander.load(Bundle.open(bundle))
    prepared = [understander.prepare(query) for query in queries]

    def infer_all(batch: int) -> None:
        with pinned(server_core):
            for each in _batched(prepared, batch):
                understander.infer(each)

    return {f"engine alone, batches of {batch}": partial(infer_all, batch) for batch in _ENGINE_BATCHES}


def _batched(items: Sequence[_T], size: int) -> list[Sequence[_T]]:
    return [items[i : i + size] for i in range(0, len(items), size)]
