"""What a hundred thousand inputs that nobody should send do to a server, and to those who ask it beside them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import grpc

from benchmarks.finding import Finding, Floor, Setting, missed
from benchmarks.hostile.large_query import Cost, measure_cost
from benchmarks.hostile.neighbours import KnownAnswers, neighbours
from benchmarks.hostile.sending import BATCH, HANG_S, Sender
from benchmarks.hostile.tally import Tally
from benchmarks.load.rounds import ROUNDS, median_ratio
from benchmarks.load.servers import Served, served
from benchmarks.machine import pinned, two_cores
from shelfsense.serving.service import SERVICE
from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense_client import Client

_CALLS, _BATCHES, _CONNECTIONS = 40_000, 64, 1_000  # half with a cache, half without
_COST_CALLS = 40
_LEAST_INPUTS = 100_000
_MOST_GROWTH_MB = 250.0
"""Of resident memory: 64 MB of kept answers, caches of gates and locales, and batches in flight."""


def measure(setting: Setting) -> Finding:
    """Send to a server that keeps answers and to one that keeps none, then weigh a large query."""
    tally, growth, compared, largest, faults = Tally(), list[float](), 0, 0.0, list[str]()
    began = time.perf_counter()
    for seed, cache_mb in enumerate((64, 0)):
        with served(setting, cache_mb=cache_mb) as server, pinned(two_cores()[1]):
            known = KnownAnswers(_answers(server.target))
            before = server.running.memory_mb()
            asyncio.run(_send(server.target, known, tally, seed, setting))
            growth.append(server.running.memory_mb() - before)
            faults += _health(server, known)
            compared, largest = compared + known.compared, max(largest, known.largest)
    seconds = time.perf_counter() - began
    with served(setting, cache_mb=0) as server, pinned(two_cores()[1]):
        cost = measure_cost(
            server.running, setting.bundle, rounds=setting.times(ROUNDS), calls=setting.times(_COST_CALLS)
        )
    inputs = tally.calls.total() + tally.items.total()
    floors = (
        Floor("inputs over the wire", inputs, _LEAST_INPUTS / (20 if setting.quick else 1)),
        # The cheapest of 1 KB that is answered: against one of 64 tokens the ratio is smaller.
        Floor("CPU of a 1 MB query over a 1 KB one", median_ratio(cost.large, cost.padded), 1.5, at_most=True),
        Floor("resident memory grown by, MB", max(growth), _MOST_GROWTH_MB, at_most=True),
        Floor("slowest reply, s", tally.slowest_s, HANG_S, at_most=True),
    )
    return Finding(
        title="Poison",
        claim="Whatever is sent is answered or refused with a status that callers are promised, "
        "and whoever asks beside it gets the answer of a quiet server.",
        columns=("status", "calls", "queries of batches"),
        rows=tuple(
            (status, f"{tally.calls[status]:,}", f"{tally.items[status]:,}")
            for status in sorted(tally.calls.keys() | tally.items.keys())
        ),
        figures={
            "inputs": inputs,
            "calls": tally.calls.total(),
            "queries_of_batches": tally.items.total(),
            "connections": tally.connections,
            "neighbours_compared": compared,
            "largest_difference": largest,
            "slowest_reply_s": tally.slowest_s,
            "memory_growth_mb": max(growth),
            "seconds": seconds,
            **_costs(cost),
        },
        notes=(
            (
                f"{tally.connections:,} connections sent no HTTP/2 or broke off. {compared:,} neighbours compared, among "
                f"the queries of the batches of {BATCH:,} and between calls: largest difference {largest:.1e}. "
                f"Half went to a server that keeps answers, half to one that does not; {seconds:.0f} s."
            ),
            _cost_note(cost),
        ),
        faults=(*tally.faults, *faults, *missed(floors)),
        floors=floors,
    )


async def _send(target: str, known: KnownAnswers, tally: Tally, seed: int, setting: Setting) -> None:
    await Sender(target, known, tally, seed).send(
        calls=setting.times(_CALLS) // 2,
        batches=max(1, setting.times(_BATCHES) // 2),
        connections=setting.times(_CONNECTIONS) // 2,
    )


def _answers(target: str) -> list[pb.UnderstandResponse]:
    with grpc.insecure_channel(target) as channel:
        ask: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{SERVICE}/Understand")
        requests = [pb.UnderstandRequest(query=each).SerializeToString() for each in neighbours()]
        return [pb.UnderstandResponse.FromString(ask(request, timeout=HANG_S)) for request in requests]


def _health(server: Served, known: KnownAnswers) -> list[str]:
    """Return what is wrong with a server after all that."""
    faults = [known.difference(place, answer) for place, answer in enumerate(_answers(server.target))]
    if not Path(f"/proc/{server.pid}").exists():
        faults.append("the process has ended")
    with Client(server.target, timeout=HANG_S) as client:
        faults += [] if client.healthy() else ["the server is not SERVING"]
    ours = server.metric("shelfsense_faults_total")
    faults += [f"{ours:.0f} errors that no caller should meet"] if ours else []
    return [fault for fault in faults if fault]


def _costs(cost: Cost) -> dict[str, float]:
    return {
        "cpu_ms_1_mb": sorted(cost.large)[len(cost.large) // 2],
        "cpu_ms_1_kb_answered": sorted(cost.answered)[len(cost.answered) // 2],
        "cpu_ms_1_kb_of_two_words": sorted(cost.padded)[len(cost.padded) // 2],
        "cpu_ms_1_kb_refused": sorted(cost.refused)[len(cost.refused) // 2],
    }


def _cost_note(cost: Cost) -> str:
    found = _costs(cost)
    return (
        f"CPU of the server per call, the cache off: 1 MB of text, refused, {found['cpu_ms_1_mb']:.2f} ms; 1,024 bytes "
        f"of words, answered, {found['cpu_ms_1_kb_answered']:.2f} ms; two words and spaces to 1,024 bytes, answered, "
        f"{found['cpu_ms_1_kb_of_two_words']:.2f} ms; 1,024 bytes of too many tokens, refused, "
        f"{found['cpu_ms_1_kb_refused']:.2f} ms. Medians of {len(cost.large)} rounds."
    )
