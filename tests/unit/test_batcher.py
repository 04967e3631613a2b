"""The batcher, with plain functions as engines: what it batches, refuses, drops, and survives."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from shelfsense.errors import EngineUnavailable
from shelfsense.serving.batcher import Batcher, Limits
from shelfsense.serving.engine_thread import LATE, EngineThread
from shelfsense.serving.errors import DeadlineExceeded, Overloaded, Stopping

PROBES = [["probe"], ["probe"]]
"""One that warms the engine, and one that tells its pace."""

Run = Callable[[Sequence[str]], Sequence[str]]


class Echo:
    """An engine that answers in capitals, keeps its batches, and waits at a gate when that is shut."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.broken = False
        self.poison: str | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def __call__(self, items: Sequence[str]) -> list[str]:
        self.batches.append(list(items))
        self.entered.set()
        assert self.gate.wait(20)
        if self.broken or self.poison in items:
            raise RuntimeError("boom")
        return [item.upper() for item in items]

    async def until_entered(self) -> None:
        self.entered.clear()
        await asyncio.to_thread(self.entered.wait, 20)


@dataclass
class Seen:
    """What a batcher told its owner."""

    health: list[bool] = field(default_factory=list)
    batches: list[tuple[int, float, int, int]] = field(default_factory=list)
    sheds: list[str] = field(default_factory=list)
    drops: Counter[str] = field(default_factory=Counter)


@pytest.fixture
def engine() -> Echo:
    return Echo()


@contextlib.asynccontextmanager
async def running(
    run: Run, *, max_batch_tokens: int = 1000, max_queue_tokens: int = 1000, stall_s: float = 20.0, bulk_from: int = 9
) -> AsyncIterator[tuple[Batcher[str, str], Seen]]:
    seen = Seen()
    batcher: Batcher[str, str] = Batcher(
        EngineThread(run, probe="probe"),
        tokens=len,
        limits=Limits(
            max_batch_tokens,
            max_queue_tokens,
            stall_s=stall_s,
            probe_every_s=0.01,
            batch_s=10.0,  # so that no slow moment of the machine makes a batch smaller
            bulk_from=bulk_from,
        ),
        on_health=seen.health.append,
        on_batch=lambda *figures: seen.batches.append(figures),
        on_shed=seen.sheds.append,
        on_drop=lambda reason, queries: seen.drops.update({reason: queries}),
    )
    await batcher.start()
    try:
        yield batcher, seen
    finally:
        await batcher.stop()


def soon(seconds: float = 20.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def blocked(batcher: Batcher[str, str], engine: Echo) -> asyncio.Task[object]:
    """Shut the gate and put one item into the engine, so that whatever comes next has to wait."""
    engine.gate.clear()
    task: asyncio.Task[object] = asyncio.create_task(_result(batcher, "first"))
    await engine.until_entered()
    return task


async def _result(batcher: Batcher[str, str], item: str) -> object:
    return (await batcher.submit(item, expires=soon())).result


async def test_a_lone_item_is_answered_with_its_times(engine: Echo) -> None:
    async with running(engine) as (batcher, _):
        found = await batcher.submit("shoes", expires=soon())
    assert found.result == "SHOES"
    assert found.queue_us >= 0
    assert found.inference_us >= 0


async def test_what_waits_while_the_engine_is_busy_is_the_next_batch_in_order(engine: Echo) -> None:
    async with running(engine) as (batcher, _):
        first = await blocked(batcher, engine)
        rest = [asyncio.create_task(_result(batcher, item)) for item in "abcde"]
        await asyncio.sleep(0)
        engine.gate.set()
        assert await asyncio.gather(first, *rest) == ["FIRST", "A", "B", "C", "D", "E"]
    assert engine.batches == [*PROBES, ["first"], list("abcde")]


async def test_a_batch_is_bounded_by_its_padded_cost(engine: Echo) -> None:
    async with running(engine, max_batch_tokens=8) as (batcher, _):
        first = await blocked(batcher, engine)
        items = ["aa", "bb", "cc", "dddd", "e" * 20, "ffff", "g"]
        rest = asyncio.create_task(batcher.submit_all(items, expires=soon()))
        await asyncio.sleep(0)
        engine.gate.set()
        await asyncio.gather(first, rest)
    # 4 x 2 fit, and like lengths go together; an item beyond the bound runs alone rather than never.
    assert engine.batches[3:] == [["aa", "bb", "cc", "g"], ["dddd", "ffff"], ["e" * 20]]


async def test_items_of_cancelled_calls_never_reach_the_engine(engine: Echo) -> None:
    async with running(engine) as (batcher, _):
        first = await blocked(batcher, engine)
        left = asyncio.create_task(_result(batcher, "left"))
        stayed = asyncio.create_task(_result(batcher, "stayed"))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.wait([left])
        engine.gate.set()
        assert list(await asyncio.gather(first, stayed)) == ["FIRST", "STAYED"]
    assert engine.batches == [*PROBES, ["first"], ["stayed"]]


async def test_items_of_expired_calls_fail_in_time_and_never_reach_the_engine(engine: Echo) -> None:
    async with running(engine) as (batcher, _):
        first = await blocked(batcher, engine)
        with pytest.raises(DeadlineExceeded):
            await batcher.submit("late", expires=soon(0.02))
        engine.gate.set()
        await first
        assert await _result(batcher, "next") == "NEXT"
    assert engine.batches == [*PROBES, ["first"], ["next"]]


async def test_a_full_queue_refuses_and_says_when_to_come_back(engine: Echo) -> None:
    async with running(engine, max_queue_tokens=4) as (batcher, seen):
        first = await blocked(batcher, engine)
        waiting = asyncio.create_task(batcher.submit_all(["a", "b"], expires=soon()))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as refused:
            await batcher.submit("c", expires=soon())
        assert refused.value.retry_after_s > 0
        assert seen.sheds == ["queue_full"]
        engine.gate.set()
        await asyncio.gather(first, waiting)
        assert await _result(batcher, "c") == "C"


async def test_a_request_of_many_is_admitted_whole_or_not_at_all(engine: Echo) -> None:
    async with running(engine, max_queue_tokens=4) as (batcher, _):
        first = await blocked(batcher, engine)
        waiting = asyncio.create_task(batcher.submit_all(["a"], expires=soon()))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await batcher.submit_all(["b", "c"], expires=soon())
        assert len(batcher) == 1
        engine.gate.set()
        await asyncio.gather(first, waiting)


async def test_a_request_larger_than_the_queue_is_answered_where_nobody_waits(engine: Echo) -> None:
    async with running(engine, max_queue_tokens=4) as (batcher, _):
        assert len(await batcher.submit_all(["item"] * 20, expires=soon())) == 20


async def test_a_call_that_has_begun_is_let_in_whatever_waits(engine: Echo) -> None:
    async with running(engine, max_queue_tokens=2) as (batcher, _):
        first = await blocked(batcher, engine)
        rest = [asyncio.create_task(batcher.submit(item, expires=soon(), begun=True)) for item in "abcd"]
        await asyncio.sleep(0)
        engine.gate.set()
        await asyncio.gather(first, *rest)


async def test_callers_that_left_hold_no_place_in_a_full_queue(engine: Echo) -> None:
    async with running(engine, max_queue_tokens=8) as (batcher, seen):
        first = await blocked(batcher, engine)
        left = asyncio.create_task(_result(batcher, "left"))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.wait([left])
        assert len(batcher) == 0
        stayed = asyncio.create_task(_result(batcher, "stayed"))
        await asyncio.sleep(0)
        engine.gate.set()
        assert list(await asyncio.gather(first, stayed)) == ["FIRST", "STAYED"]
        assert seen.drops == {"cancelled": 1}


async def test_a_query_the_engine_fails_on_fails_alone_and_health_stays(engine: Echo) -> None:
    async with running(engine) as (batcher, seen):
        first = await blocked(batcher, engine)
        engine.poison = "bad"
        rest = asyncio.create_task(batcher.submit_all(["good", "bad", "fine"], expires=soon()))
        await asyncio.sleep(0)
        engine.gate.set()
        await first
        good, bad, fine = await rest
        assert not isinstance(good, BaseException)
        assert not isinstance(fine, BaseException)
        assert (good.result, fine.result) == ("GOOD", "FINE")
        assert isinstance(bad, EngineUnavailable)
        assert batcher.healthy
    assert seen.health == []


async def test_a_dead_engine_turns_health_off_fails_fast_and_comes_back(engine: Echo) -> None:
    async with running(engine) as (batcher, seen):
        engine.broken = True
        with pytest.raises(EngineUnavailable):
            await batcher.submit("a", expires=soon())
        assert seen.health == [False]
        ran = len(engine.batches)
        with pytest.raises(EngineUnavailable):
            await batcher.submit("b", expires=soon())
        assert ["b"] not in engine.batches[ran:]
        engine.broken = False
        while not batcher.healthy:
            await asyncio.sleep(0.005)
        assert await _result(batcher, "c") == "C"
    assert seen.health == [False, True]


async def test_what_waits_when_the_engine_dies_is_told_so(engine: Echo) -> None:
    async with running(engine) as (batcher, _):
        first = await blocked(batcher, engine)
        rest = asyncio.create_task(batcher.submit_all(["a", "b"], expires=soon()))
        await asyncio.sleep(0)
        engine.broken = True
        engine.gate.set()
        with pytest.raises(EngineUnavailable):
            await first
        assert all(isinstance(outcome, EngineUnavailable) for outcome in await rest)


async def test_an_engine_that_hangs_counts_as_down_until_it_returns(engine: Echo) -> None:
    async with running(engine, stall_s=0.05) as (batcher, seen):
        first = await blocked(batcher, engine)
        with pytest.raises(EngineUnavailable):
            await first
        assert seen.health == [False]
        engine.gate.set()
        while not batcher.healthy:
            await asyncio.sleep(0.005)
        assert await _result(batcher, "next") == "NEXT"


async def test_an_engine_that_answers_too_few_is_a_failure_not_a_mix_up() -> None:
    def drops_one(items: Sequence[str]) -> list[str]:
        return [item.upper() for item in items if item != "dropped"]

    async with running(drops_one) as (batcher, _):
        kept, dropped = await batcher.submit_all(["kept", "dropped"], expires=soon())
        assert not isinstance(kept, BaseException)
        assert kept.result == "KEPT"
        assert isinstance(dropped, EngineUnavailable)


async def test_stop_answers_what_waits_and_admits_nothing_new(engine: Echo) -> None:
    async with running(engine) as (batcher, _):
        first = await blocked(batcher, engine)
        rest = asyncio.create_task(batcher.submit_all(["a", "b"], expires=soon()))
        await asyncio.sleep(0)
        stopping = asyncio.create_task(batcher.stop())
        await asyncio.sleep(0)
        with pytest.raises(Stopping):
            await batcher.submit("c", expires=soon())
        engine.gate.set()
        await stopping
        assert await first == "FIRST"
        assert [outcome.result for outcome in await rest if not isinstance(outcome, BaseException)] == ["A", "B"]


async def test_a_single_call_goes_before_bulk_that_came_earlier_and_bulk_keeps_its_share(engine: Echo) -> None:
    async with running(engine, max_batch_tokens=4, bulk_from=3) as (batcher, _):
        first = await blocked(batcher, engine)
        bulk = asyncio.create_task(batcher.submit_all(["b"] * 40, expires=soon()))
        await asyncio.sleep(0)
        singles = [asyncio.create_task(_result(batcher, "s")) for _ in range(40)]
        await asyncio.sleep(0)
        engine.gate.set()
        await asyncio.gather(first, bulk, *singles)
    kinds = "".join(batch[0] for batch in engine.batches[3:])
    assert kinds.index("s") <= 1
    # While both wait, every fourth batch is bulk's.
    assert kinds[:12].count("b") == 3


async def test_each_batch_is_told_with_its_tokens_and_its_padding(engine: Echo) -> None:
    async with running(engine) as (batcher, seen):
        first = await blocked(batcher, engine)
        rest = asyncio.create_task(batcher.submit_all(["a", "bbb"], expires=soon()))
        await asyncio.sleep(0)
        engine.gate.set()
        await asyncio.gather(first, rest)
    (_, _, *alone), (queries, seconds, *tokens) = seen.batches
    assert alone == [5, 5]
    assert (queries, tokens) == (2, [4, 6])
    assert seconds > 0


async def test_an_item_whose_time_passes_on_the_way_to_the_engine_is_not_run(engine: Echo) -> None:
    thread: EngineThread[str, str] = EngineThread(engine, probe="probe")
    ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    thread.submit(["past", "future"], [soon(-0.001), soon()], ended.set_result)
    assert list((await ended).results) == [LATE, "FUTURE"]
    assert engine.batches == [["future"]]
    thread.close(wait=True)


async def test_whatever_callers_do_each_has_one_outcome_and_the_queue_is_empty_in_the_end() -> None:
    chance = random.Random(0)

    def moody(items: Sequence[str]) -> list[str]:
        if items != ["probe"] and chance.random() < 0.05:
            raise RuntimeError("boom")
        return [item.upper() for item in items]

    async def caller(batcher: Batcher[str, str]) -> str:
        await asyncio.sleep(chance.random() * 0.05)
        items = ["x" * chance.randint(1, 30) for _ in range(chance.choice([1, 1, 1, 4, 20]))]
        call = asyncio.create_task(batcher.submit_all(items, expires=soon(chance.choice([0.0, 0.002, 5.0]))))
        if chance.random() < 0.2:
            await asyncio.sleep(chance.random() * 0.01)
            call.cancel()
        try:
            outcomes = await call
        except (DeadlineExceeded, EngineUnavailable, Overloaded, asyncio.CancelledError) as error:
            return type(error).__name__
        for item, outcome in zip(items, outcomes, strict=True):
            assert isinstance(outcome, EngineUnavailable) or outcome.result == item.upper()  # type: ignore[union-attr]
        return "answered"

    async with running(moody, max_batch_tokens=64) as (batcher, seen):
        outcomes = Counter(await asyncio.gather(*(caller(batcher) for _ in range(300))))
        await asyncio.sleep(0.01)
        assert len(batcher) == 0
        assert batcher.waiting_tokens == 0
    assert set(outcomes) >= {"answered", "DeadlineExceeded", "CancelledError"}
    assert seen.health == []


async def test_an_engine_that_fails_at_its_first_query_does_not_start(engine: Echo) -> None:
    engine.broken = True
    with pytest.raises(EngineUnavailable, match="first query"):
        async with running(engine):
            pass


async def test_the_log_never_holds_a_query(engine: Echo, caplog: pytest.LogCaptureFixture) -> None:
    def quotes(items: Sequence[str]) -> list[str]:
        if items != ["probe"]:
            raise ValueError(f"cannot read {items}")
        return list(items)

    async with running(quotes) as (batcher, _):
        await batcher.submit_all(["my secret", "another"], expires=soon())
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="a nice value is a whole process's here")
async def test_the_engine_lets_the_loop_go_first() -> None:
    def priorities(items: Sequence[str]) -> list[int]:
        return [os.getpriority(os.PRIO_PROCESS, threading.get_native_id())] * len(items)

    ours = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    thread: EngineThread[str, int] = EngineThread(priorities, probe="probe")
    run = await thread.run(["item"])
    thread.close(wait=True)
    assert list(run.results) == [min(19, ours + 4)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == ours
