"""One process with two engine threads, or two processes with one each; and what a killed worker costs."""

from __future__ import annotations

import os
import signal
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.finding import BenchmarkFailed, Finding, Setting
from benchmarks.processes import COMMAND, Running, started
from benchmarks.queries import sample_queries
from benchmarks.sockets import children, connections, listens
from shelfsense.query import Query
from shelfsense_client import Client, ItemError, ShelfsenseClientError
from shelfsense_client import Query as Asked

_QUERIES = 2048
_ROUNDS = 7
_BATCH = 64
_CALLERS = 8  # each with a connection of its own, which the kernel gives to one of the workers
_KILLS = 5
_BACK_WITHIN_S = 5.0  # the floor
_GIVE_UP_S = 60.0
# Else all clients of this process share one connection, and with it one worker.
_APART = (("grpc.use_local_subchannel_pool", 1),)
# The cache is off: every query is to meet the engine.
_SERVERS: Mapping[str, tuple[str, ...]] = {
    "1 process, 1 thread": ("--workers", "1", "--threads", "1"),
    "1 process, 2 threads": ("--workers", "1", "--threads", "2"),
    "2 processes, 1 thread each": ("--workers", "2", "--threads", "1"),
    "2 processes, each on a core": ("--workers", "2", "--threads", "1"),
}
_PINNED = "2 processes, each on a core"


@dataclass(slots=True)
class _Kills:
    """One entry per kill, but for the outcomes.

    Attributes:
        there: connections to the worker, each with one call in flight: the most that may fail.
        failed: calls that did fail, of a client that never tries again.
        seconds: from the kill until another worker listens, which it does once its engine is warm.
        outcomes: of the calls of clients as shipped, by class of error; "answered" for the others.
    """

    there: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)


def measure(setting: Setting) -> Finding:
    """Ask all servers the same, round by round, so that a slow minute falls on all alike; then kill."""
    queries = sample_queries(max(_BATCH * _CALLERS, setting.times(_QUERIES)))
    speeds: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(_serving(setting.bundle, name)) for name in _SERVERS}
        for target in servers.values():
            _ask(target, queries, one_by_one=False)
        for _ in range(setting.times(_ROUNDS)):
            for name, target in servers.items():
                for one_by_one in (False, True):
                    began = time.perf_counter()
                    _ask(target, queries, one_by_one=one_by_one)
                    kind = "one by one" if one_by_one else f"batches of {_BATCH}"
                    speeds.setdefault((name, kind), []).append(len(queries) / (time.perf_counter() - began))
    with _started(setting.bundle, ("--workers", "2")) as server:
        kills = _kill(server, queries, setting.times(_KILLS))
    return _finding(speeds, kills)


def _started(bundle: Path, options: Sequence[str]):  # type: ignore[no-untyped-def]  # noqa: ANN202
    command = [COMMAND, "serve", "--bundle", str(bundle), "--port", "0", "--cache-mb", "0", *options]
    return started(command)


@contextmanager
def _serving(bundle: Path, name: str) -> Iterator[str]:
    with _started(bundle, _SERVERS[name]) as server:
        if name == _PINNED:
            cores = sorted(os.sched_getaffinity(0))
            for number, pid in enumerate(children(server.pid)):
                for thread in Path(f"/proc/{pid}/task").iterdir():
                    os.sched_setaffinity(int(thread.name), {cores[number % len(cores)]})
        yield server.target


def _ask(target: str, queries: Sequence[Query], *, one_by_one: bool) -> None:
    """Ask everything once, shared out to the callers."""
    with ThreadPoolExecutor(_CALLERS) as pool:
        shares = [queries[i::_CALLERS] for i in range(_CALLERS)]
        list(pool.map(partial(_ask_share, target, one_by_one=one_by_one), shares))


def _ask_share(target: str, queries: Sequence[Query], *, one_by_one: bool) -> None:
    with Client(target, timeout=30, channel_options=_APART) as client:
        if one_by_one:
            for each in queries:
                client.understand(each.text, locale=each.locale)
            return
        for i in range(0, len(queries), _BATCH):
            batch = [Asked(each.text, each.locale) for each in queries[i : i + _BATCH]]
            if any(isinstance(answer, ItemError) for answer in client.batch_understand(batch)):
                raise BenchmarkFailed("a query of the lists was not answered")
