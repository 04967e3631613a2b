"""The passes through a bundle's networks that an answer needs: one, and a second where it is to be precise.

Both kinds of work share one queue and one thread, so that no two networks ever run at once. Knows no gRPC.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from shelfsense.engines.engine import EngineRow
from shelfsense.query import Options
from shelfsense.reranking import Reranked, Shortlist
from shelfsense.serving.batcher import Batcher, Timed
from shelfsense.serving.kinds import Kind
from shelfsense.type_ranking import RankedTypes
from shelfsense.understander import Prepared, Understander


@dataclass(frozen=True, slots=True)
class Reading:
    """A query for the network.

    Attributes:
        prepared: the query.
        top_k: types of each level that its answer may have; 0: its types are not ranked.
    """

    prepared: Prepared
    top_k: int


@dataclass(frozen=True, slots=True)
class Read:
    """What became of a query in the network.

    Attributes:
        row: of the network's output.
        ranked: its product types, ranked beside those of the whole batch; None where they are not asked for.
    """

    row: EngineRow
    ranked: RankedTypes | None


Work: TypeAlias = Reading | Shortlist
"""What waits for the engine thread: a query for the network, or a shortlist for the re-ranker."""

Outcome: TypeAlias = Read | Reranked
"""What becomes of it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the networks say of one query.

    Attributes:
        row: of the first pass.
        ranked: product types of the first pass; None where they are not asked for.
        reranked: of the second; None where there was none.
    """

    row: EngineRow
    ranked: RankedTypes | None
    reranked: Reranked | None = None


def tokens(work: Work) -> int:
    """Return what a piece of work adds to a batch, in tokens."""
    return work.tokens if isinstance(work, Shortlist) else len(work.prepared.token_ids)


def run(understander: Understander, batch: Sequence[Work]) -> list[Outcome]:
    """Run both networks on what a batch holds for each; on the engine's thread."""
    readings = [each for each in batch if isinstance(each, Reading)]
    read = iter(_read(understander, readings) if readings else ())
    reranked = iter(understander.rerank([each for each in batch if isinstance(each, Shortlist)]))
    return [next(read) if isinstance(each, Reading) else next(reranked) for each in batch]


def _read(understander: Understander, readings: Sequence[Reading]) -> Iterator[Read]:
    output = understander.infer([each.prepared for each in readings])
    wanted = [i for i, each in enumerate(readings) if each.top_k]
    ranked: Iterator[RankedTypes] = iter(())
    if wanted:
        probabilities = output.probabilities if len(wanted) == len(readings) else output.probabilities[wanted]
        top_k = [readings[i].top_k for i in wanted]
        ranked = iter(understander.rank_all([readings[i].prepared for i in wanted], probabilities, top_k))
    for each, row in zip(readings, output.rows(), strict=True):
        yield Read(row, next(ranked) if each.top_k else None)


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
        found = await self._batcher.submit(_reading(prepared, kind, options), expires=expires)
        read = cast("Read", found.result)
        return Timed(Found(read.row, read.ranked), found.queue_us, found.inference_us)

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
        readings = [_reading(each, kind, options) for each in prepared]
        for i, found in enumerate(await self._batcher.submit_all(readings, expires=expires)):
            if isinstance(found, BaseException):
                outcomes.append(found)
                continue
            read = cast("Read", found.result)
            outcomes.append(Timed(Found(read.row, read.ranked), found.queue_us, found.inference_us))
            if not second_pass or read.ranked is None:
                continue
            try:
                shortlist = self._understander.shortlist(prepared[i], read.row, options, read.ranked)
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
    found = Found(first.result.row, first.result.ranked, cast("Reranked", second.result))
    return Timed(found, first.queue_us + second.queue_us, first.inference_us + second.inference_us)


def _reading(prepared: Prepared, kind: Kind, options: Options) -> Reading:
    return Reading(prepared, options.top_k if kind.product_types or kind.reformulations else 0)
