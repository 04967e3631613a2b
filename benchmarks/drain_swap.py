"""Restarts and changes of bundle under load, as a shop with the shipped client meets them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import grpc

from benchmarks.finding import BenchmarkFailed, Finding, Floor, Setting, missed
from benchmarks.load.played import Played
from benchmarks.load.query_mix import load_queries
from benchmarks.load.servers import Served, free_port, served
from benchmarks.load.shopping import shop
from benchmarks.machine import pinned, two_cores
from shelfsense.query import Query
from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense.v1.query_understanding_pb2_grpc import AdminStub
from shelfsense_client import AsyncClient

_SWAPS = 20
_RESTARTS = 6
_RATE = 100.0
_SETTLE_S = 5.0
_STOP_LIMIT_S = 60.0
# Until the channel has found again a server that was started again: gRPC tries every 5 s at last.
_REJOIN_S = 6.0
# As a channel to several replicas is set up: calls go to each in turn, but to none that says NOT_SERVING.
_REPLICAS = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": "shelfsense.v1.QueryUnderstanding"},
    }
)


@dataclass(frozen=True, slots=True)
class _Swapped:
    """Attributes: what callers saw, seconds of each swap, and memory before and after, in MB."""

    played: Played
    seconds: list[float]
    before_mb: float
    after_mb: float


def measure(setting: Setting) -> Finding:
    """Swap the bundle of one server many times, then restart two servers in turn, both under load."""
    queries, source = load_queries()
    with pinned(two_cores()[1]):
        swapped = _swap(setting, queries)
        restarted, restarts = _restart(setting, queries)
    return _finding(swapped, restarted, restarts, source)


def _swap(setting: Setting, queries: Sequence[Query]) -> _Swapped:
    admin_port = free_port()
    with served(setting, admin_port=admin_port) as server:
        seconds: list[float] = []
        memory: list[float] = []

        def operate() -> None:
            with grpc.insecure_channel(f"127.0.0.1:{admin_port}") as channel:
                load = AdminStub(channel).LoadBundle  # type: ignore[no-untyped-call]  # generated
                time.sleep(setting.seconds(_SETTLE_S))
                memory.append(server.running.memory_mb())
                for _ in range(setting.times(_SWAPS)):
                    began = time.perf_counter()
                    load(pb.LoadBundleRequest(path=str(setting.bundle), role=pb.BUNDLE_ROLE_SERVING), timeout=120)
                    seconds.append(time.perf_counter() - began)
                time.sleep(setting.seconds(_SETTLE_S))
                memory.append(server.running.memory_mb())

        played = _under_load(server.target, queries, operate)
    return _Swapped(played, seconds, *memory)


def _restart(setting: Setting, queries: Sequence[Query]) -> tuple[Played, int]:
    """Stop and start two servers in turn, and return what callers saw and how often."""
    ports = (free_port(), free_port())
    restarts = setting.times(_RESTARTS)
    with ExitStack() as stack:
        holds = [stack.enter_context(ExitStack()) for _ in ports]
        servers = [hold.enter_context(served(setting, port=port)) for hold, port in zip(holds, ports, strict=True)]

        def operate() -> None:
            for number in range(restarts):
                which = number % 2
                time.sleep(_REJOIN_S)
                _stop(servers[which])
                holds[which].close()
                servers[which] = holds[which].enter_context(served(setting, port=ports[which]))

        target = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
        return _under_load(target, queries, operate), restarts


def _stop(server: Served) -> None:
    """Ask a server to stop, and wait until it has.

    Raises:
        BenchmarkFailed: it does not.
    """
    os.kill(server.pid, signal.SIGTERM)
    latest = time.monotonic() + _STOP_LIMIT_S
    while _runs(server.pid):
        if time.monotonic() > latest:
            raise BenchmarkFailed(f"the server had not stopped {_STOP_LIMIT_S:g} s after SIGTERM")
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123 -- as short as it gets
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _under_load(target: str, queries: Sequence[Query], operate: Callable[[], None]) -> Played:
    """Return what callers saw while something was done."""

    async def both() -> Played:
        done = asyncio.Event()
        async with AsyncClient(target, channel_options=[("grpc.service_config", _REPLICAS)]) as client:
            shopping = asyncio.create_task(shop(client, queries, _RATE, done))
            try:
                await asyncio.to_thread(operate)
            finally:
                done.set()
            return await shopping

    return asyncio.run(both())


def _finding(swapped: _Swapped, restarted: Played, restarts: int, source: str) -> Finding:
    swaps = len(swapped.seconds)
    growth = swapped.after_mb / swapped.before_mb
    floors = (
        Floor(f"failed calls, {swaps} hot swaps", swapped.played.errors, 0, at_most=True),
        Floor(f"failed calls, {restarts} drains and restarts", restarted.errors, 0, at_most=True),
        Floor(f"memory after {swaps} hot swaps over before", growth, 1.1, at_most=True),
    )

    def row(name: str, played: Played) -> tuple[str, ...]:
        p50, p99 = (f"{played.latency(percentile):,.1f}" for percentile in (50, 99))
        return name, f"{played.count:,}", f"{played.errors:,}", p50, p99

    kinds = {**swapped.played.codes} if swapped.played.errors else {}
    kinds |= {**restarted.codes} if restarted.errors else {}
    return Finding(
        title="Swaps and restarts under load",
        claim="What callers of the shipped client notice of them: nothing but time.",
        columns=("with the shipped client", "calls", "failed", "p50 ms", "p99 ms"),
        rows=(
            row(f"one server, its bundle swapped {swaps} times", swapped.played),
            row(f"two servers, {restarts} times one of them stopped and started", restarted),
        ),
        figures={"swap_s": statistics.median(swapped.seconds), "memory_mb": swapped.after_mb, "memory_ratio": growth},
        notes=(
            (
                f"{source.capitalize()}, {_RATE:,.0f} calls/s arriving, deadlines and retries as they come with the "
                "client; the channel to two servers takes them in turn and watches their health. "
                f"A swap took {statistics.median(swapped.seconds):.1f} s on the core that serves; resident "
                f"memory was {swapped.before_mb:,.0f} MB before and {swapped.after_mb:,.0f} MB after."
            ),
        ),
        faults=(*missed(floors), *((f"how calls ended: {kinds}",) if kinds else ())),
        floors=floors,
    )
