"""The scheduler that ours is compared with does what it says: no more, and no less."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from benchmarks.reference_scheduler import ReferenceScheduler, TokenIds


async def test_it_serves_in_order_pads_to_the_longest_and_keeps_its_bounds() -> None:
    batches: list[list[TokenIds]] = []

    def run(items: Sequence[TokenIds]) -> list[int]:
        batches.append(list(items))
        return [ids[0] for ids in items]

    scheduler = ReferenceScheduler(run, max_queries=3, max_tokens=8)
    queries: list[TokenIds] = [(10,), (11, 5), (12,), (13,), (14, 5, 5, 5), (15,) * 9, (16,)]
    assert await asyncio.gather(*map(scheduler.submit, queries)) == [10, 11, 12, 13, 14, 15, 16]
    scheduler.close()
    assert batches == [
        [(10, 3), (11, 5), (12, 3)],
        [(13, 3, 3, 3), (14, 5, 5, 5)],
        [(15,) * 9],
        [(16,)],
    ]
