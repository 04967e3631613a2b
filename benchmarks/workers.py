"""One process with two engine threads, or two processes with one each; and what a killed worker costs."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

import grpc

from benchmarks.finding import Finding, Floor, Setting
from benchmarks.processes import COMMAND, Running, started
from benchmarks.queries import sample_queries
from benchmarks.sockets import children
from benchmarks.worker_kills import ANSWERED, APART, Kills, kill_workers
from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense_client.calls import CHANNEL_OPTIONS

_QUERIES = 2048
_ROUNDS = 7
_BATCH = 64
_CALLERS = 8  # each with a connection of its own, which the kernel gives to one of the workers
_KILLS = 5
_BACK_WITHIN_S = 5.0  # the floor
_CALL_S = 60.0
_ONE = "1 process, 1 thread"
_PINNED = "2 processes, each on a core"
_SERVERS: Mapping[str, tuple[str, ...]] = {
    _ONE: ("--threads", "1"),
    "1 process, 2 threads": ("--threads", "2"),
    "2 processes, 1 thread each": ("--workers", "2"),
    _PINNED: ("--workers", "2"),
}
_SERVICE = "/shelfsense.v1.QueryUnderstanding"

_Requests = tuple[str, Sequence[bytes]]  # the rpc, and what it is asked


def measure(setting: Setting) -> Finding:
    """Ask all servers the same, round by round, so that a slow minute falls on all alike; then kill."""
    queries = sample_queries(max(_BATCH * _CALLERS, setting.times(_QUERIES)))
    asked = [pb.Query(text=each.text, locale=each.locale) for each in queries]
    kinds: dict[str, _Requests] = {
        f"batches of {_BATCH}": (f"{_SERVICE}/BatchUnderstand", _batches(asked)),
        "one by one": (
            f"{_SERVICE}/Understand",
            [pb.UnderstandRequest(query=each).SerializeToString() for each in asked],
        ),
    }
    speeds: dict[str, dict[str, list[float]]] = {kind: {name: [] for name in _SERVERS} for kind in kinds}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(_serving(setting.bundle, name)) for name in _SERVERS}
        for target in servers.values():
            _ask(target, *kinds["one by one"])
        for _ in range(setting.times(_ROUNDS)):
            for kind, requests in kinds.items():
                for name, target in servers.items():
                    began = time.perf_counter()
                    _ask(target, *requests)
                    speeds[kind][name].append(len(queries) / (time.perf_counter() - began))
    with _started(setting.bundle, ("--workers", "2")) as server:
        kills = kill_workers(server, queries, setting.times(_KILLS))
    return _finding(speeds, kills)


def _batches(asked: Sequence[pb.Query]) -> list[bytes]:
    batches = (asked[i : i + _BATCH] for i in range(0, len(asked), _BATCH))
    return [pb.BatchUnderstandRequest(queries=each).SerializeToString() for each in batches]


def _started(bundle: Path, options: Sequence[str]) -> AbstractContextManager[Running]:
    # Without the cache: every query is to meet the engine.
    return started([COMMAND, "serve", "--bundle", str(bundle), "--port", "0", "--cache-mb", "0", *options])


@contextmanager
def _serving(bundle: Path, name: str) -> Iterator[str]:
    with _started(bundle, _SERVERS[name]) as server:
        if name == _PINNED:
            cores = sorted(os.sched_getaffinity(0))
            for number, pid in enumerate(children(server.pid)):
                for thread in Path(f"/proc/{pid}/task").iterdir():
                    os.sched_setaffinity(int(thread.name), {cores[number % len(cores)]})
        yield server.target


def _ask(target: str, rpc: str, requests: Sequence[bytes]) -> None:
    """Ask everything once, shared out to the callers, whose connections are new each time."""
    with ThreadPoolExecutor(_CALLERS) as pool:
        list(pool.map(partial(_ask_share, target, rpc), (requests[i::_CALLERS] for i in range(_CALLERS))))


def _ask_share(target: str, rpc: str, requests: Sequence[bytes]) -> None:
    # Bytes in, bytes out: what callers cost is taken from the same cores.
    with grpc.insecure_channel(target, options=(*CHANNEL_OPTIONS, *APART)) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(rpc)
        for each in requests:
            call(each, timeout=_CALL_S)


def _finding(speeds: Mapping[str, Mapping[str, Sequence[float]]], kills: Kills) -> Finding:
    medians = {
        (kind, name): statistics.median(found) for kind, servers in speeds.items() for name, found in servers.items()
    }
    # Of each round on its own: the servers of a round share its slow moments.
    ratios = {
        (kind, name): statistics.median(a / b for a, b in zip(found, servers[_ONE], strict=True))
        for kind, servers in speeds.items()
        for name, found in servers.items()
    }
    rounds = len(next(iter(speeds.values()))[_ONE])
    return Finding(
        title="Several processes on one port",
        claim=f"What a second core adds, as a thread of the engine or as a process; median of {rounds} rounds. A worker "
        f"that is killed under load costs no more calls than were in flight there, and is back within {_BACK_WITHIN_S:g} s.",
        columns=("server", *(f"{kind}, queries/s" for kind in speeds), *(f"{kind}, to 1 process" for kind in speeds)),
        rows=tuple(
            (
                name,
                *(f"{medians[kind, name]:,.0f}" for kind in speeds),
                *(f"{ratios[kind, name]:.2f}" for kind in speeds),
            )
            for name in _SERVERS
        ),
        figures={
            **{f"{name}, {kind}, queries/s": value for (kind, name), value in medians.items()},
            **{f"{name}, {kind}, ratio": value for (kind, name), value in ratios.items()},
            "kills": len(kills.seconds),
            "failed calls without retries": sum(kills.failed),
            "calls in flight at the killed": sum(kills.there),
            "seconds until back, median": statistics.median(kills.seconds),
            "seconds until back, longest": max(kills.seconds),
            "failed calls of the shipped client": kills.outcomes.total() - kills.outcomes[ANSWERED],
        },
        notes=(
            f"{_CALLERS} callers with a connection each; callers and servers share the machine's cores. Cache off.",
            (
                f"`kill -9`, {len(kills.seconds)} times under load: {sum(kills.failed)} calls failed of clients that never "
                f"try again, {sum(kills.there)} connections were there; of the shipped client's, "
                f"{kills.outcomes[ANSWERED]:,} were answered and {kills.outcomes.total() - kills.outcomes[ANSWERED]} failed; "
                f"back in {statistics.median(kills.seconds):.1f} s, {max(kills.seconds):.1f} s at most."
            ),
        ),
        faults=tuple(_faults(kills)),
        floors=(
            Floor(
                "calls that failed over those in flight at a killed worker, the worst of all kills",
                max(failed / max(1, there) for failed, there in zip(kills.failed, kills.there, strict=True)),
                1.0,
                at_most=True,
            ),
            Floor(
                "seconds until a killed worker is back, the longest", max(kills.seconds), _BACK_WITHIN_S, at_most=True
            ),
        ),
    )


def _faults(kills: Kills) -> Iterator[str]:
    for number, (failed, there, seconds) in enumerate(
        zip(kills.failed, kills.there, kills.seconds, strict=True), start=1
    ):
        if failed > there:
            yield f"kill {number}: {failed} calls failed, {there} were in flight there at most"
        if seconds > _BACK_WITHIN_S:
            yield f"kill {number}: {seconds:.1f} s until another worker served"
    for outcome, count in kills.outcomes.items():
        if outcome != ANSWERED:
            yield f"{count} calls of the shipped client ended with {outcome}"
