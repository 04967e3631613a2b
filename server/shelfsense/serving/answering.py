"""From a query to the bytes of its answer: cache, equal questions at the same time, networks, trial.

Knows no gRPC. A hit and a miss differ in `AnswerInfo` alone.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeAlias

from shelfsense.query import Options, Query
from shelfsense.serving import wire
from shelfsense.serving.answer_cache import AnswerCache, AnswerKey
from shelfsense.serving.batcher import Timed
from shelfsense.serving.bundles import Bundles
from shelfsense.serving.comparing import Comparing
from shelfsense.serving.errors import DeadlineExceeded
from shelfsense.serving.kinds import EMBED, Kind
from shelfsense.serving.loaded_bundle import LoadedBundle
from shelfsense.serving.metrics import Metrics
from shelfsense.serving.passes import Found
from shelfsense.serving.single_flight import LeaderLeft, SingleFlight
from shelfsense.serving.tracing import Tracing
from shelfsense.understander import Normalised, Prepared
from shelfsense.understanding import Understanding

# A batch of 1,024 keeps the event loop for 100 ms and more; single queries get in between every so many.
_BREATH = 16

Outcome: TypeAlias = bytes | BaseException
"""What becomes of one query of many: its serialised answer, or why it has none."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One query, and the bundle that is to answer it."""

    loaded: LoadedBundle
    normalised: Normalised
    key: AnswerKey


@dataclass(slots=True)
class _Round:
    """What the queries of one call wait for."""

    leading: dict[int, _Asked] = field(default_factory=dict)
    joined: dict[int, asyncio.Future[bytes]] = field(default_factory=dict)


class Answering:
    """Answers queries with the bundles of one server.

    Args:
        bundles: what is loaded.
        cache: of answers.
        metrics: count what is answered.
        tracing: notes how long the stages took.
    """

    def __init__(self, bundles: Bundles, cache: AnswerCache, metrics: Metrics, tracing: Tracing) -> None:
        self._bundles = bundles
        self._cache = cache
        self._metrics = metrics
        self._tracing = tracing
        self._comparing = Comparing(bundles)
        self.flights: SingleFlight[AnswerKey, bytes] = SingleFlight()

    async def one(self, query: Query, kind: Kind, options: Options, *, expires: float) -> bytes:
        """Return the serialised answer to one query.

        Args:
            query: as read from the wire.
            kind: what is asked.
            options: how much to answer.
            expires: when the caller stops waiting, on the event loop's clock.

        Raises:
            InvalidQuery, Overloaded, DeadlineExceeded, EngineUnavailable, Stopping: there is no answer.
        """
        if not self._cache.most_bytes:  # what is not to be let in need not be looked up first
            self._bundles.serving.batcher.admit(expires=expires)
        while True:
            asked = self._ask(query, kind, options)
            if hit := self._kept(asked):
                return hit
            if self.flights.lead(asked.key):
                return await self._lead(asked, kind, options, expires)
            outcome = await _until(expires, self.flights.join(asked.key))
            if isinstance(outcome, bytes):
                return outcome
            if not isinstance(outcome, LeaderLeft):
                raise outcome

    async def all(
        self, queries: Mapping[int, Query], kind: Kind, options: Options, *, expires: float
    ) -> dict[int, Outcome]:
        """Return for each query its serialised answer, or why there is none.

        Args:
            queries: by their place in the call.
            kind: what is asked.
            options: how much to answer.
            expires: when the caller stops waiting, on the event loop's clock.

        Raises:
            Overloaded, DeadlineExceeded, EngineUnavailable, Stopping: there is none to any of them.
        """
        outcomes: dict[int, Outcome] = {}
        left = queries
        while left:
            joined = await self._round(left, kind, options, expires, outcomes)
            left = {}
            for place, future in joined.items():
                outcomes[place] = await _until(expires, future)
                if isinstance(outcomes[place], LeaderLeft):
                    left[place] = queries[place]
        return outcomes

    async def _round(
        self,
        queries: Mapping[int, Query],
        kind: Kind,
        options: Options,
        expires: float,
        outcomes: dict[int, Outcome],
    ) -> dict[int, asyncio.Future[bytes]]:
        """Answer the queries that nobody else is answering; return the futures of the others."""
        found = _Round()
        entered: set[LoadedBundle] = set()
        with ExitStack() as inside:
            try:
                for n, (place, query) in enumerate(queries.items()):
                    if n % _BREATH == 0:
                        await asyncio.sleep(0)
                    try:
                        asked = self._ask(query, kind, options)
                    except Exception as error:
                        outcomes[place] = error
                        continue
                    if hit := self._kept(asked):
                        outcomes[place] = hit
                    elif self.flights.lead(asked.key):
                        found.leading[place] = asked
                        if asked.loaded not in entered:
                            entered.add(asked.loaded)
                            inside.enter_context(asked.loaded)
                    else:
                        found.joined[place] = self.flights.join(asked.key)
                await self._lead_all(found.leading, kind, options, expires, outcomes)
            finally:
                for asked in found.leading.values():
                    self.flights.leave(asked.key)
        return found.joined

    async def _lead(self, asked: _Asked, kind: Kind, options: Options, expires: float) -> bytes:
        try:
            with asked.loaded as loaded:
                loaded.batcher.admit(expires=expires)  # before anything is done for a call that is not let in
                prepared = loaded.understander.tokenise(asked.normalised)
                found = await loaded.passes.of(prepared, kind, options, expires=expires)
                answer = self._answer(asked, prepared, found, kind, options)
                self._tracing.stages(found.queue_us, found.inference_us, 0)
                return answer
        except DeadlineExceeded:
            raise
        except Exception as error:
            self.flights.fail(asked.key, error)
            raise
        finally:
            self.flights.leave(asked.key)

    async def _lead_all(
        self,
        leading: Mapping[int, _Asked],
        kind: Kind,
        options: Options,
        expires: float,
        outcomes: dict[int, Outcome],
    ) -> None:
        for loaded, arriving in Counter(asked.loaded for asked in leading.values()).items():
            loaded.batcher.admit(arriving, expires=expires)
        by_bundle: dict[LoadedBundle, dict[int, Prepared]] = {}
        for n, (place, asked) in enumerate(leading.items()):
            if n % _BREATH == 0:
                await asyncio.sleep(0)
            try:
                prepared = asked.loaded.understander.tokenise(asked.normalised)
            except Exception as error:
                outcomes[place] = error
            else:
                by_bundle.setdefault(asked.loaded, {})[place] = prepared
        for loaded, queries in by_bundle.items():
            results = await loaded.passes.all(list(queries.values()), kind, options, expires=expires)
            for n, ((place, prepared), found) in enumerate(zip(queries.items(), results, strict=True)):
                if n % _BREATH == 0:
                    await asyncio.sleep(0)
                outcomes[place] = self._outcome(leading[place], prepared, found, kind, options)

    def _outcome(
        self, asked: _Asked, prepared: Prepared, found: Timed[Found] | BaseException, kind: Kind, options: Options
    ) -> Outcome:
        if isinstance(found, BaseException):
            return found
        try:
            return self._answer(asked, prepared, found, kind, options)
        except Exception as error:
            return error

    def _ask(self, query: Query, kind: Kind, options: Options) -> _Asked:
        loaded = self._bundles.serving
        normalised = loaded.understander.normalise(query)
        chosen = self._bundles.choose(normalised.normal_form)
        if chosen is not loaded:
            loaded, normalised = chosen, chosen.understander.normalise(query)
        key = AnswerKey(
            loaded.generation,
            kind.rpc,
            normalised.normal_form,
            normalised.model_text,
            normalised.locale,
            query.truncate,
            options.key,
            loaded.overrides.table.everywhere,
        )
        return _Asked(loaded, normalised, key)

    def _kept(self, asked: _Asked) -> bytes | None:
        """Return the answer from the cache, which holds none that overrides of this very query would change."""
        if asked.loaded.overrides.table.affects(asked.normalised.normal_form, asked.normalised.locale):
            return None
        return self._cache.get(asked.key)

    def _answer(self, asked: _Asked, prepared: Prepared, found: Timed[Found], kind: Kind, options: Options) -> bytes:
        """Make the answer, keep it, give it to whoever waits for the same, and return what is to be sent."""
        began = time.perf_counter()
        asked.loaded.queries += 1
        understanding = self._understanding(asked, prepared, found.result, kind, options)
        body = wire.vector(found.result.row) if kind is EMBED else wire.body(kind, understanding)
        if self._cache.most_bytes or self.flights.awaited(asked.key):
            kept = body + wire.info(kind, understanding, cache_hit=True)
            if not understanding.overrides:
                self._cache.put(asked.key, kept)
            self.flights.land(asked.key, kept)
        if self._bundles.trial and not understanding.overrides:  # else they would count as differences
            self._comparing.begin(asked.loaded, asked.normalised, kind, options, understanding)
        self._count(kind, understanding, found, round((time.perf_counter() - began) * 1e6))
        return body + wire.info(kind, understanding, queue_us=found.queue_us, inference_us=found.inference_us)

    def _understanding(
        self, asked: _Asked, prepared: Prepared, found: Found, kind: Kind, options: Options
    ) -> Understanding:
        understander = asked.loaded.understander
        overriding = asked.loaded.overrides.table.find(prepared.normal_form, prepared.locale, time.time())
        widened = overriding.widened(options) if overriding else options
        answer = understander.answer(
            prepared,
            found.row,
            widened,
            product_types=kind.product_types,
            reformulations=kind.reformulations,
            ranked=found.ranked if widened.top_k == options.top_k else None,
            reranked=found.reranked,
        )
        if overriding is None:
            return answer
        return overriding.apply(
            answer,
            options,
            understander.type_probability(prepared, found.row),
            product_types=kind.product_types,
            reformulations=kind.reformulations,
        )

    def _count(self, kind: Kind, answer: Understanding, found: Timed[Found], answer_us: int) -> None:
        self._metrics.query_timed(found.queue_us, found.inference_us, answer_us)
        self._metrics.answered(
            answer.locale_used,
            any(each.accepted for each in answer.product_types) if kind.product_types else None,
            any(each.accepted for each in answer.reformulations) if kind.reformulations else None,
        )
        if answer.overrides:
            self._metrics.overridden(len(answer.overrides))


async def _until(expires: float, future: asyncio.Future[bytes]) -> Outcome:
    """Return what becomes of a question that somebody else is answering."""
    try:
        async with asyncio.timeout_at(expires):
            return await future
    except TimeoutError:
        return DeadlineExceeded()
    except Exception as error:
        return error
