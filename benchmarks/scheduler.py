"""What choosing batches is worth: queries per second of our batcher and of the reference scheduler, one engine."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence

from benchmarks.cost_fit import CostFit, fit_cost
from benchmarks.finding import Finding, Floor, Setting, missed
from benchmarks.machine import pinned, two_cores
from benchmarks.queries import sample_queries
from benchmarks.real_queries import real_queries
from benchmarks.reference_scheduler import ReferenceScheduler, TokenIds, padded
from shelfsense.bundle import Bundle
from shelfsense.engines.engine import Engine, EngineRow, load_engine
from shelfsense.serving.batcher import Batcher, Limits
from shelfsense.serving.engine_thread import EngineThread
from shelfsense.understander import Understander

_QUERIES = 2048
_ROUNDS = 9
_IN_FLIGHT = 256
_REFERENCE_BATCH = 32
_LONG_TOKENS = 64
_LONG_SHARE = 0.01
_BATCH_S = 0.015  # as served
_PATIENCE_S = 600.0  # no call is to expire here, nor be refused

_FLOORS = {"real lengths": 1.4, "1 % of 64 tokens": 2.0}


def measure(setting: Setting) -> Finding:
    """Answer the same queries by both, round by round, 256 at a time."""
    rounds, count = setting.times(_ROUNDS), max(_IN_FLIGHT, setting.times(_QUERIES))
    bundle = Bundle.open(setting.bundle)
    core, _ = two_cores()
    with pinned(core):
        understander = Understander.load(bundle)
        engine = load_engine("onnx", bundle)
        queries, origin = real_queries(count) or (sample_queries(count), "the project's own head and tail lists")
        real = [understander.prepare(query).token_ids for query in queries]
        fit = fit_cost(engine.run)
        mixes = {"real lengths": real, "1 % of 64 tokens": _with_long(real)}
        ratios: dict[str, list[float]] = {name: [] for name in mixes}
        speeds: dict[str, list[tuple[float, float]]] = {name: [] for name in mixes}
        for _ in range(rounds):
            for name, mix in mixes.items():
                theirs, ours = asyncio.run(_reference(engine, mix)), asyncio.run(_ours(engine, fit, mix))
                speeds[name].append((len(mix) / theirs, len(mix) / ours))
                ratios[name].append(theirs / ours)
    return _finding(mixes, speeds, ratios, fit, origin)


def _finding(
    mixes: dict[str, list[TokenIds]],
    speeds: dict[str, list[tuple[float, float]]],
    ratios: dict[str, list[float]],
    fit: CostFit,
    origin: str,
) -> Finding:
    medians = {name: statistics.median(found) for name, found in ratios.items()}
    floors = tuple(Floor(f"{name}, ours / reference", medians[name], floor) for name, floor in _FLOORS.items())
    rounds = len(next(iter(ratios.values())))
    reference = {name: statistics.median(theirs for theirs, _ in found) for name, found in speeds.items()}
    ours = {name: statistics.median(our for _, our in found) for name, found in speeds.items()}
    return Finding(
        title="Scheduling",
        claim=f"What the choice of batches is worth against the reference scheduler (first come, first served, "
        f"{_REFERENCE_BATCH} queries, padded to the longest); median of {rounds} rounds.",
        columns=("lengths", "reference, queries/s", "ours, queries/s", "ours / reference", "lowest", "promised"),
        rows=tuple(
            (
                name,
                f"{reference[name]:,.0f}",
                f"{ours[name]:,.0f}",
                f"{medians[name]:.2f}",
                f"{min(ratios[name]):.2f}",
                f"≥ {_FLOORS[name]}",
            )
            for name in mixes
        ),
        figures={
            **{f"{name}, ours / reference": ratio for name, ratio in medians.items()},
            **{f"{name}, reference padded/real tokens": _padding(mix) for name, mix in mixes.items()},
            "us per token": fit.us_per_token,
            "per batch, tokens": fit.cost.per_batch,
            "per query, tokens": fit.cost.per_query,
            "per token of padding, tokens": fit.cost.padding,
            "largest error of the fit": fit.worst,
        },
        notes=(
            (
                f"Queries of {origin}; {_IN_FLIGHT} in flight; one engine, one thread, both schedulers on the event loop "
                "beside it, all of it counted in processor time. The reference pads by tokens, so that the graph "
                "computes padding whether or not it packs. A batch of ours costs, as fitted just before: "
                f"{fit.cost.per_batch:.1f} tokens a run, {fit.cost.per_query:.1f} a query, "
                f"{fit.cost.padding:.2f} a token of padding."
            ),
        ),
        faults=missed(floors),
        floors=floors,
    )


def _with_long(real: Sequence[TokenIds]) -> list[TokenIds]:
    """Return queries of which one in a hundred is 64 tokens long, made of those that are there."""
    chance = random.Random(0)
    mixed = list(real)
    for place in chance.sample(range(len(real)), max(1, round(_LONG_SHARE * len(real)))):
        start, locale, *_, end = real[place]
        text = [token for ids in chance.sample(real, _LONG_TOKENS) for token in ids[2:-1]]
        mixed[place] = (start, locale, *text[: _LONG_TOKENS - 3], end)
    return mixed


def _padding(mix: Sequence[TokenIds]) -> float:
    batches = [mix[i : i + _REFERENCE_BATCH] for i in range(0, len(mix), _REFERENCE_BATCH)]
    return sum(sum(map(len, padded(batch))) for batch in batches) / sum(map(len, mix))


async def _reference(engine: Engine, mix: Sequence[TokenIds]) -> float:
    scheduler: ReferenceScheduler[EngineRow] = ReferenceScheduler(
        lambda items: engine.run(items).rows(),
        max_queries=_REFERENCE_BATCH,
        max_tokens=_REFERENCE_BATCH * _LONG_TOKENS,
    )
    seconds = await _seconds(scheduler.submit, mix)
    scheduler.close()
    return seconds


async def _ours(engine: Engine, fit: CostFit, mix: Sequence[TokenIds]) -> float:
    thread: EngineThread[TokenIds, EngineRow] = EngineThread(lambda items: engine.run(items).rows(), probe=mix[0])
    batcher: Batcher[TokenIds, EngineRow] = Batcher(
        thread,
        tokens=len,
        # What runs in 15 ms of processor time: the clock on the wall would count what other processes take.
        limits=Limits(round(_BATCH_S * 1e6 / fit.us_per_token - fit.cost.per_batch), 1 << 20, batch_s=_PATIENCE_S),
        on_health=lambda _: None,
        on_batch=lambda *_: None,
        cost=fit.cost,
    )
    await batcher.start()
    expires = asyncio.get_running_loop().time() + _PATIENCE_S
    seconds = await _seconds(lambda item: batcher.submit(item, expires=expires, begun=True), mix)
    await batcher.stop()
    return seconds


async def _seconds(submit: Callable[[TokenIds], Awaitable[object]], mix: Sequence[TokenIds]) -> float:
    """Return the processor seconds of answering all, so many at a time."""
    waiting: Iterator[TokenIds] = iter(mix)

    async def caller() -> None:
        for item in waiting:
            await submit(item)

    began = time.process_time()
    await asyncio.gather(*(caller() for _ in range(_IN_FLIGHT)))
    return time.process_time() - began
