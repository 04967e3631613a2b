"""Sends hostile calls to a server, many at a time, and neighbours between them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc

from benchmarks.hostile.connections import hostile_connection
from benchmarks.hostile.messages import (
    HEALTH,
    HostileCall,
    batch_of,
    batch_options,
    hostile_call,
    hostile_query,
    large_call,
)
from benchmarks.hostile.neighbours import KnownAnswers, neighbours
from benchmarks.hostile.tally import PROMISED, Tally
from shelfsense.serving.service import SERVICE
from shelfsense.v1 import query_understanding_pb2 as pb

BATCH = 1024
"""Queries of a batch, the most there may be; some of them are neighbours."""

HANG_S = 30.0
"""Seconds after which a call that nobody answered counts as hanging."""

_UNARY_AT_ONCE, _BATCHES_AT_ONCE, _CONNECTIONS_AT_ONCE = 24, 2, 8
_NEIGHBOUR_EVERY = 100  # calls
_OF_EACH_BATCH = 16  # neighbours
_TRIES, _LATER_S = 20, 0.5
_LARGE = 0.002  # share of the calls
_PATIENT = PROMISED - {"DEADLINE_EXCEEDED", "CANCELLED"}
_OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
)
_METADATA: tuple[tuple[tuple[str, str | bytes], ...], ...] = (
    (("authorization", "Bearer nobody"),),
    (("authorization", "Basic" + " " * 100), ("x-bin", b"\0\xff\xfe")),
    (("traceparent", "00-" + "f" * 32 + "-zz"), ("tracestate", "=,=;;" * 50)),
    tuple((f"x-{i}", "y" * 50) for i in range(60)),
    (("x-large", "y" * 7_000),),
    (("x-too-large", "y" * 40_000),),
)


class Sender:
    """Sends to one server.

    Args:
        target: where it listens.
        known: what it answered the neighbours.
        tally: counts what becomes of everything.
        seed: of all that is made up.
    """

    def __init__(self, target: str, known: KnownAnswers, tally: Tally, seed: int) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self._known = known
        self._tally = tally
        self._chance = random.Random(seed)
        self._channels = [grpc.aio.insecure_channel(target, options=_OPTIONS) for _ in range(4)]
        self._calls: dict[tuple[int, str], Any] = {}

    async def send(self, *, calls: int, batches: int, connections: int) -> None:
        """Send so many single calls, batches and broken connections, all at the same time."""
        await asyncio.gather(
            *_workers(_UNARY_AT_ONCE, calls, self._single),
            *_workers(_BATCHES_AT_ONCE, batches, self._batch),
            *_workers(_CONNECTIONS_AT_ONCE, connections, self._connection),
        )
        await asyncio.gather(*(channel.close() for channel in self._channels))

    async def _single(self, number: int) -> None:
        if number % _NEIGHBOUR_EVERY == 0:
            await self._neighbour(number // _NEIGHBOUR_EVERY)
        chance = self._chance
        call = large_call(chance) if chance.random() < _LARGE else hostile_call(chance)
        odd = chance.random()
        if odd < 0.02:
            await self._cancelled(call)
        elif odd < 0.04:
            await self._ask(call, timeout=chance.choice((1e-4, 1e-3, 5e-3, 0.02)), allowed=PROMISED)
        elif odd < 0.06:
            await self._ask(call, metadata=chance.choice(_METADATA))
        elif odd < 0.08:
            await self._ask(call, compression=chance.choice((grpc.Compression.Gzip, grpc.Compression.Deflate)))
        else:
            await self._ask(call)

    async def _batch(self, number: int) -> None:
        """Send a batch of hostile queries with neighbours at random places, which must be answered as if alone."""
        chance, known = self._chance, neighbours()
        queries = [hostile_query(chance) for _ in range(BATCH)]
        places = {place: chance.randrange(len(known)) for place in chance.sample(range(BATCH), _OF_EACH_BATCH)}
        for place, which in places.items():
            queries[place] = known[which].SerializeToString()
        usual = number % 4 != 0
        request = batch_of(queries) if usual else batch_of(queries) + batch_options(chance)
        for _ in range(_TRIES):
            answer = await self._ask(HostileCall("BatchUnderstand", request))
            if answer is not None:
                break
            await asyncio.sleep(_LATER_S)  # refused as overload, beside all the others
        else:
            self._tally.fault(f"a batch was refused {_TRIES} times")
            return
        items = pb.BatchUnderstandResponse.FromString(answer).items
        if len(items) != BATCH:
            self._tally.fault(f"a batch of {BATCH} has {len(items)} answers")
            return
        for place, item in enumerate(items):
            if place not in places:
                self._tally.item(item.error.code, item.error.message)
            elif usual:
                self._compare(places[place], item.answer)

    async def _neighbour(self, number: int) -> None:
        known = neighbours()
        place = number % len(known)
        request = pb.UnderstandRequest(query=known[place]).SerializeToString()
        answer = await self._ask(HostileCall("Understand", request), allowed=frozenset(("OK", "RESOURCE_EXHAUSTED")))
        if answer is not None:
            self._compare(place, pb.UnderstandResponse.FromString(answer))

    def _compare(self, place: int, answer: pb.UnderstandResponse) -> None:
        difference = self._known.difference(place, answer)
        if difference:
            self._tally.fault(difference)

    async def _cancelled(self, call: HostileCall) -> None:
        asked = asyncio.ensure_future(self._ask(call, allowed=PROMISED))
        await asyncio.sleep(self._chance.choice((0.0, 0.001, 0.005)))
        if asked.cancel():
            self._tally.calls["CANCELLED"] += 1
        await asyncio.gather(asked, return_exceptions=True)

    async def _ask(
        self,
        call: HostileCall,
        *,
        timeout: float = HANG_S,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        compression: grpc.Compression = grpc.Compression.NoCompression,
        allowed: frozenset[str] = _PATIENT,
    ) -> bytes | None:
        """Return the answer to a call, None where it has none; what became of it is counted."""
        allowed = allowed | {"NOT_FOUND"} if call.rpc == HEALTH else allowed
        began, status, answer = time.perf_counter(), "OK", None
        try:
            answer = await self._method(call.rpc)(
                call.request, timeout=timeout, metadata=tuple(metadata), compression=compression
            )
        except grpc.aio.AioRpcError as error:
            status = error.code().name
            call = call if status in allowed else HostileCall(f"{call.rpc} ({error.details()})", call.request)
        what = f"{call.rpc} of {len(call.request)} bytes {call.request[:40]!r}"
        self._tally.call(what, status, time.perf_counter() - began, allowed=allowed)
        return answer

    async def _connection(self, number: int) -> None:  # noqa: ARG002 -- as all workers
        await hostile_connection(self._host, self._port, self._chance)
        self._tally.connections += 1

    def _method(self, rpc: str) -> Any:
        key = (self._chance.randrange(len(self._channels)), rpc)
        if key not in self._calls:
            method = rpc if rpc.startswith("/") else f"/{SERVICE}/{rpc}"
            self._calls[key] = self._channels[key[0]].unary_unary(method)
        return self._calls[key]


def _workers(many: int, times: int, work: Callable[[int], Awaitable[None]]) -> list[Awaitable[None]]:
    numbers = iter(range(times))

    async def one_by_one() -> None:
        for number in numbers:
            await work(number)

    return [one_by_one() for _ in range(many)]
