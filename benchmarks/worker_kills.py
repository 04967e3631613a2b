"""What `kill -9` of one of several workers costs under load: failed calls, and seconds until another serves."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks.finding import BenchmarkFailed
from benchmarks.processes import Running
from benchmarks.sockets import children, connections, listens
from shelfsense.query import Query
from shelfsense_client import Client, RetryPolicy, ShelfsenseClientError

APART = (("grpc.use_local_subchannel_pool", 1),)
"""Else all clients of this process share one connection, and with it one worker."""

ANSWERED = "answered"

_CALLERS = 8
_BEFORE_S = 1.0
_PAUSE_S = 0.03  # of a caller between two calls: the load is to leave a machine of two cores something to start with
_GIVE_UP_S = 60.0
_CALL_S = 10.0


@dataclass(slots=True)
class Kills:
    """One entry per kill, but for the outcomes.

    Attributes:
        there: connections to the worker, each with one call in flight at most: so many may fail.
        failed: calls that did fail, of clients that never try again.
        seconds: from the kill until another worker listens, which it does once its engine is warm.
        outcomes: of the calls of clients as shipped, by class of error; `ANSWERED` for the others.
    """

    there: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)


class _Load:
    """Clients that ask again and again, each over a connection of its own.

    Args:
        target: the service.
        queries: asked in turn.
        policy: of the clients.
    """

    def __init__(self, target: str, queries: Sequence[Query], policy: RetryPolicy) -> None:
        self.outcomes: Counter[str] = Counter()
        self._target = target
        self._queries = queries
        self._policy = policy
        self._lock = threading.Lock()
        self._enough = threading.Event()
        self._pool = ThreadPoolExecutor(_CALLERS)

    def start(self) -> None:
        """Begin to ask."""
        for number in range(_CALLERS):
            self._pool.submit(self._ask, number)

    def failed(self) -> int:
        """Return how many calls have failed."""
        with self._lock:
            return self.outcomes.total() - self.outcomes[ANSWERED]

    def stop(self) -> None:
        """Let the calls in flight end, and ask nothing more."""
        self._enough.set()
        self._pool.shutdown()

    def _ask(self, number: int) -> None:
        with Client(self._target, timeout=_CALL_S, retry_policy=self._policy, channel_options=APART) as client:
            while not self._enough.is_set():
                query = self._queries[number % len(self._queries)]
                number += _CALLERS
                try:
                    client.understand(query.text, locale=query.locale)
                    outcome = ANSWERED
                except ShelfsenseClientError as error:
                    outcome = f"{type(error).__name__} {error.code.name}"
                with self._lock:
                    self.outcomes[outcome] += 1
                time.sleep(_PAUSE_S)


def kill_workers(server: Running, queries: Sequence[Query], times: int) -> Kills:
    """Kill one worker after another under load; the next when the one before has been replaced.

    Raises:
        BenchmarkFailed: none took its place.
    """
    port = int(server.target.rpartition(":")[2])
    once, shipped = (_Load(server.target, queries, policy) for policy in (RetryPolicy(attempts=1), RetryPolicy()))
    kills = Kills()
    once.start()
    shipped.start()
    try:
        for _ in range(times):
            time.sleep(_BEFORE_S)
            _kill_one(server.pid, port, once, kills)
    finally:
        once.stop()
        shipped.stop()
    kills.outcomes = shipped.outcomes
    return kills


def _kill_one(supervisor: int, port: int, load: _Load, kills: Kills) -> None:
    workers = children(supervisor)
    # The one with most callers: one without any would show nothing.
    victim = max(workers, key=lambda pid: connections(pid, port))
    before = load.failed()
    kills.there.append(connections(victim, port))
    began = time.perf_counter()
    os.kill(victim, signal.SIGKILL)
    while not any(listens(pid, port) for pid in children(supervisor) if pid not in workers):
        if time.perf_counter() - began > _GIVE_UP_S:
            raise BenchmarkFailed(f"no worker took the place of a killed one within {_GIVE_UP_S:g} s")
        time.sleep(0.02)
    kills.seconds.append(time.perf_counter() - began)
    kills.failed.append(load.failed() - before)
