"""Sends requests: as they arrive, whether or not earlier ones are answered, or a fixed number at a time.

Requests are bytes and answers stay bytes, so that the generator costs a fraction of what the server does; how
late it sent and what it cost is part of every run. It belongs on a core of its own.
"""

from __future__ import annotations

import asyncio
import gc
import selectors
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc

from benchmarks.load.played import OK, Played

UNDERSTAND = "/shelfsense.v1.QueryUnderstanding/Understand"
CLASSIFY = "/shelfsense.v1.QueryUnderstanding/Classify"
EMBED = "/shelfsense.v1.QueryUnderstanding/Embed"
BATCH_UNDERSTAND = "/shelfsense.v1.QueryUnderstanding/BatchUnderstand"

_CHANNELS = 4
_KEEP_EVERY = 16  # of answers, one in so many is kept
_OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),  # else all channels would share one connection
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", 64 << 20),
)


@dataclass(frozen=True, slots=True)
class Caller:
    """One method of one server.

    Attributes:
        calls: the method, once per connection.
        metadata: what every call carries.
    """

    calls: Sequence[grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]]
    metadata: tuple[tuple[str, str], ...] = ()


class LoadGenerator:
    """Plays requests to servers; a context manager with an event loop of its own."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=_precise_loop)
        self._channels: list[grpc.aio.Channel] = []

    def caller(
        self,
        target: str,
        method: str = UNDERSTAND,
        *,
        channels: int = _CHANNELS,
        credentials: grpc.ChannelCredentials | None = None,
        metadata: tuple[tuple[str, str], ...] = (),
    ) -> Caller:
        """Open connections to a server and return one of its methods."""

        async def opened() -> list[grpc.aio.Channel]:
            if credentials:
                return [grpc.aio.secure_channel(target, credentials, options=_OPTIONS) for _ in range(channels)]
            return [grpc.aio.insecure_channel(target, options=_OPTIONS) for _ in range(channels)]

        mine = self._runner.run(opened())
        self._channels += mine
        calls: list[Any] = [channel.unary_unary(method) for channel in mine]
        return Caller(calls, metadata)

    def play(
        self, caller: Caller, requests: Sequence[bytes], arrivals: Sequence[float], *, limit_s: float = 10.0
    ) -> Played:
        """Send each request at its time, and wait for all answers.

        Args:
            caller: whom to ask.
            requests: as many as arrivals.
            arrivals: seconds from the beginning, ascending.
            limit_s: the deadline of each call.
        """
        with _counted() as played:
            self._runner.run(_play(caller, requests, arrivals, limit_s, played))
        return played

    def keep_asking(
        self, caller: Caller, requests: Sequence[bytes], seconds: float, *, in_flight: int, limit_s: float = 10.0
    ) -> Played:
        """Keep so many requests in flight for a time, from the first on again when they run out."""
        with _counted() as played:
            self._runner.run(_keep_asking(caller, requests, seconds, in_flight, limit_s, played))
        return played

    def ask_all(self, caller: Caller, requests: Sequence[bytes], *, in_flight: int, limit_s: float = 30.0) -> Played:
        """Send every request once, so many in flight."""
        with _counted() as played:
            self._runner.run(_ask_all(caller, requests, in_flight, limit_s, played))
        return played

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(_closed(self._channels))
        self._runner.close()


def _precise_loop() -> asyncio.AbstractEventLoop:
    # epoll's waits are whole milliseconds in Python, as long as a whole answer takes; select's are not.
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


async def _closed(channels: Sequence[grpc.aio.Channel]) -> None:
    await asyncio.gather(*(each.close() for each in channels))


@contextmanager
def _counted() -> Iterator[Played]:
    """Time a run, without pauses of the garbage collector in it."""
    played = Played()
    gc.collect()
    gc.disable()
    cpu, began = time.process_time(), time.perf_counter()
    try:
        yield played
    finally:
        played.seconds, played.generator_cpu_s = time.perf_counter() - began, time.process_time() - cpu
        gc.enable()


async def _ask(caller: Caller, number: int, request: bytes, due: float, limit_s: float, played: Played) -> None:
    call = caller.calls[number % len(caller.calls)]
    try:
        answer = await call(request, timeout=limit_s, metadata=caller.metadata)
    except grpc.aio.AioRpcError as error:
        played.codes[error.code().name] += 1
        return
    played.latencies.append((time.perf_counter() - due) * 1000)
    played.codes[OK] += 1
    if number % _KEEP_EVERY == 0:
        played.samples.append(answer)


async def _play(
    caller: Caller, requests: Sequence[bytes], arrivals: Sequence[float], limit_s: float, played: Played
) -> None:
    began = time.perf_counter()
    tasks = set()
    for number, (request, arrival) in enumerate(zip(requests, arrivals, strict=True)):
        due = began + arrival
        wait = due - time.perf_counter()
        if wait > 0 or number % 16 == 0:  # also under backlog, answers are to be read now and then
            await asyncio.sleep(max(0.0, wait))
        played.late.append((time.perf_counter() - due) * 1000)
        task = asyncio.create_task(_ask(caller, number, request, due, limit_s, played))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)


async def _keep_asking(
    caller: Caller, requests: Sequence[bytes], seconds: float, in_flight: int, limit_s: float, played: Played
) -> None:
    until = time.perf_counter() + seconds
    numbers = iter(range(1 << 60))

    async def one_by_one() -> None:
        while (now := time.perf_counter()) < until:
            number = next(numbers)
            await _ask(caller, number, requests[number % len(requests)], now, limit_s, played)

    await asyncio.gather(*(one_by_one() for _ in range(in_flight)))


async def _ask_all(caller: Caller, requests: Sequence[bytes], in_flight: int, limit_s: float, played: Played) -> None:
    numbered = iter(enumerate(requests))

    async def one_by_one() -> None:
        for number, request in numbered:
            await _ask(caller, number, request, time.perf_counter(), limit_s, played)

    await asyncio.gather(*(one_by_one() for _ in range(in_flight)))
