"""The passes through a bundle's networks that an answer needs: one, and a second where it is to be precise.

Both kinds of work share one queue and one thread, so that no two networks ever run at once. Knows no gRPC.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from shelfsense.engines.engine import EngineRow
from shelfsense.query import Options
from shelfsense.reranking import Reranked, Shortlist
from shelfsense.serving.batcher import Batcher, Timed
from shelfsense.serving.kinds import Kind
from shelfsense.understander import Prepared, Understander

Work: TypeAlias = Prepared | Shortlist
"""What waits for the engine thread: a query for the network, or a shortlist for the re-ranker."""

Outcome: TypeAlias = EngineRow | Reranked
"""What becomes of it: a row of the former, the latter re-ranked."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the networks say of one query.

    Attributes:
        row: of the first pass.
        reranked: of the second; None where there was none.
    """

    row: EngineRow
    reranked: Reranked | None = None


def tokens(work: Work) -> int:
    """Return what a piece of work adds to a batch, in tokens."""
    return work.tokens if isinstance(work, Shortlist) else len(work.token_ids)


def run(understander: Understander, batch: Sequence[Work]) -> list[Outcome]:
    """Run both networks on what a batch holds for each; on the engine's thread."""
    queries = [each for each in batch if isinstance(each, Prepared)]
    rows = iter(understander.infer(queries).rows() if queries else ())
    reranked = iter(understander.rerank([each for each in batch if isinstance(each, Shortlist)]))
    return [next(rows) if isinstance(each, Prepared) else next(reranked) for each in batch]


class Passes:
    """Puts queries through the networks of one server.

    Args:
        understander: makes shortlists between the passes.
        batcher: runs the networks, by `run`.
    """

    def __init__(self, understander: Understander, batcher: Batcher[Work, Outcome]) -> None:
        self._understander = understander
        self._batcher = batcher

    async def of(self, prepared: Prepared, kind: Kind, options: Options, *, expires: float) -> Timed[Found]:
        """Return what the networks say of one query, the re-ranker only where kind and options ask for it.

        Raises:
            Overloaded, DeadlineExceeded, EngineUnavailable, Stopping: as `Batcher.submit`.
        """
        if kind.reformulations and options.precise:
            (outcome,) = await self.all([prepared], kind, options, expires=expires)
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome
        found = await self._batcher.submit(prepared, expires=expires)
        return Timed(Found(cast("EngineRow", found.result)), found.queue_us, found.inference_us)

    async def all(
        self, prepared: Sequence[Prepared], kind: Kind, options: Options, *, expires: float
    ) -> list[Timed[Found] | BaseException]:
        """Return what the networks say of each query, or an error, in their order.

        Raises:
            Overloaded, DeadlineExceeded, EngineUnavailable, Stopping: as `Batcher.submit_all`.
        """
        second_pass = kind.reformulations and options.precise
        outcomes: list[Timed[Found] | BaseException] = []
        waiting: dict[int, Shortlist] = {}
        for i, found in enumerate(await self._batcher.submit_all(prepared, expires=expires)):
            if isinstance(found, BaseException):
                outcomes.append(found)
                continue
            row = cast("EngineRow", found.result)
            outcomes.append(Timed(Found(row), found.queue_us, found.inference_us))
            if not second_pass:
                continue
            try:
                shortlist = self._understander.shortlist(prepared[i], row, options)
            except Exception as error:
                outcomes[i] = error
                continue
            if shortlist:
                waiting[i] = shortlist
                await asyncio.sleep(0)  # a shortlist takes about a millisecond, and others want the event loop
        if waiting:
            again = await self._batcher.submit_all(list(waiting.values()), expires=expires, begun=True)
            for i, second in zip(waiting, again, strict=True):
                outcomes[i] = _together(outcomes[i], second)
        return outcomes


def _together(
    first: Timed[Found] | BaseException, second: Timed[Outcome] | BaseException
) -> Timed[Found] | BaseException:
    if isinstance(first, BaseException):
        return first
    if isinstance(second, BaseException):
        return second
    found = Found(first.result.row, cast("Reranked", second.result))
    return Timed(found, first.queue_us + second.queue_us, first.inference_us + second.inference_us)
