"""Calls as a shop makes them: with the shipped client, its deadlines and its retries."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

from benchmarks.load.arrivals import poisson
from benchmarks.load.played import OK, Played
from shelfsense.query import Query
from shelfsense_client import AsyncClient, ShelfsenseClientError


async def shop(client: AsyncClient, queries: Sequence[Query], rate: float, until: asyncio.Event) -> Played:
    """Ask as requests arrive, until told to stop; every call that the client gave up on is counted by its error.

    Args:
        client: asks.
        queries: asked in turn.
        rate: calls per second.
        until: ends it; calls under way are waited for.
    """
    played = Played(codes=Counter())
    began, number, tasks = time.perf_counter(), 0, set()
    while not until.is_set():
        offset = time.perf_counter() - began
        for arrival in poisson(rate, 1.0, seed=number):
            await asyncio.sleep(max(0.0, began + offset + arrival - time.perf_counter()))
            if until.is_set():
                break
            task = asyncio.create_task(_ask(client, queries[number % len(queries)], played))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
    await asyncio.gather(*tasks)
    played.seconds = time.perf_counter() - began
    return played


async def _ask(client: AsyncClient, query: Query, played: Played) -> None:
    began = time.perf_counter()
    try:
        await client.understand(query.text, locale=query.locale)
    except ShelfsenseClientError as error:
        played.codes[type(error).__name__] += 1
        return
    played.codes[OK] += 1
    played.latencies.append((time.perf_counter() - began) * 1000)
