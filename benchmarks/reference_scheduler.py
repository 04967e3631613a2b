"""The reference scheduler: first come, first served; a token budget; every batch padded to its longest query.

It is what servers of encoders commonly do, here to be compared with; nothing serves with it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

from shelfsense.serving.engine_thread import BatchRun, EngineThread

ResultT = TypeVar("ResultT")

TokenIds: TypeAlias = tuple[int, ...]
"""What the network reads for one query."""

_FILLER = 3  # XLM-R's <unk>: a graph that packs would leave <pad> out, and compute no padding at all


class ReferenceScheduler(Generic[ResultT]):
    """Batches queries as they come.

    Args:
        run: answers a batch of queries that are equally long.
        max_queries: most queries of a batch.
        max_tokens: most tokens of a batch, padding counted.
    """

    def __init__(
        self, run: Callable[[Sequence[TokenIds]], Sequence[ResultT]], *, max_queries: int, max_tokens: int
    ) -> None:
        self._engine: EngineThread[TokenIds, ResultT] = EngineThread(lambda items: run(padded(items)), probe=(0, 2))
        self._max_queries = max_queries
        self._max_tokens = max_tokens
        self._queue: deque[tuple[TokenIds, asyncio.Future[ResultT]]] = deque()
        self._running = False

    async def submit(self, token_ids: TokenIds) -> ResultT:
        """Return the result of one query."""
        answer: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        self._queue.append((token_ids, answer))
        if not self._running:
            self._running = True
            asyncio.get_running_loop().call_soon(self._dispatch)
        return await answer

    def close(self) -> None:
        """End the engine's thread."""
        self._engine.close(wait=True)

    def _dispatch(self) -> None:
        batch: list[tuple[TokenIds, asyncio.Future[ResultT]]] = []
        longest = 0
        while self._queue and len(batch) < self._max_queries:
            longest = max(longest, len(self._queue[0][0]))
            if batch and longest * (len(batch) + 1) > self._max_tokens:
                break
            batch.append(self._queue.popleft())
        self._running = bool(batch)
        if not batch:
            return

        def ended(outcome: BatchRun[ResultT] | Exception) -> None:
            self._dispatch()
            for i, (_, answer) in enumerate(batch):
                if isinstance(outcome, Exception):
                    answer.set_exception(outcome)
                else:
                    answer.set_result(outcome.results[i])  # type: ignore[arg-type]  # none is ever late

        self._engine.submit([ids for ids, _ in batch], [float("inf")] * len(batch), ended)


def padded(batch: Sequence[TokenIds]) -> list[TokenIds]:
    """Return queries as long as the longest of them.

    The padding goes to the engine as tokens, so that it computes it whether or not its graph packs queries.
    """
    longest = max(map(len, batch))
    return [ids + (_FILLER,) * (longest - len(ids)) for ids in batch]
