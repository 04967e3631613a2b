"""Threads search a head index while it is added to, removed from and compacted: no head is lost, and none comes back."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shelfsense.reformulation.head_index import HeadIndex, head_index_files
from shelfsense.reformulation.vector_index import GraphSettings
from tiny_heads import bundle_of, clumps, numbered

# Loaded with a graph, built anew and added to. So many links and candidates that a graph reaches every row: with 8 and
# 40, one row in 16,000 of such clumps is linked from nowhere, thread or no thread.
SETTINGS = GraphSettings(exact_rows=250, links=16, construction=200, least_search=300, most_dead=0.1)
ROWS, STAYS, COME, STEPS = 400, 150, 1000, 200
VECTORS, COMING = clumps(ROWS), clumps(STEPS, seed=9)


@dataclass
class Readers:
    """Threads that search, and what they found wrong.

    Heads 0 to `STAYS` stay for good; `gone` and `come` are told only once a change has returned.
    """

    index: HeadIndex
    gone: list[int] = field(default_factory=list)
    come: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    searches: int = 0
    finished: threading.Event = field(default_factory=threading.Event)

    def run(self, seed: int) -> None:
        draw = random.Random(seed)
        while not self.finished.is_set() and not self.faults:
            gone, number = set(self.gone), draw.choice([*range(STAYS), *self.come])
            try:
                self._look(number, gone)
            except Exception as error:  # a thread's own failure would pass unseen
                self.faults.append(repr(error))
            self.searches += 1

    def _look(self, number: int, gone: set[int]) -> None:
        vector = COMING[number - COME] if number >= COME else VECTORS[number]
        found = [int(match.query.split()[1]) for match in self.index.search("en", vector, 10)]
        if len(set(found)) != 10 or number not in found:
            self.faults.append(f"{number} is not among ten of {found}")
        if gone & set(found):
            self.faults.append(f"{gone & set(found)} had been removed")
        if len(self.index.exact("en", [f"head {number}"])) != 1:
            self.faults.append(f"{number} is not found once by its words")


@pytest.fixture
def _eager_threads() -> Iterator[None]:
    """Let threads take turns a hundred times as often, so that they meet in every state."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 100)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("_eager_threads")
def test_readers_meet_no_dead_head_and_miss_no_live_one_while_all_changes(tmp_path: Path) -> None:
    files = head_index_files(numbered(ROWS), VECTORS, settings=SETTINGS)
    index = HeadIndex.load(bundle_of(tmp_path, files, width=VECTORS.shape[1]), SETTINGS)
    readers = Readers(index)
    threads = [threading.Thread(target=readers.run, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    compactions = set()
    for step in range(STEPS):
        removed = STAYS + step
        assert index.remove("en", f"head {removed}") == 1
        readers.gone.append(removed)
        index.add(numbered(1, first=COME + step), COMING[step : step + 1])
        readers.come.append(COME + step)
        index.update_volumes("en", {f"head {step % STAYS}": 10_000.0 + step})
        compactions.add(index.compact())
    while readers.searches < 100 and not readers.faults:
        time.sleep(0.01)
    readers.finished.set()
    for thread in threads:
        thread.join(timeout=60)
    assert readers.faults == []
    assert sum(bool(each.result(timeout=60)) for each in compactions) >= 2
    index.compact().result(timeout=60)
    assert index.settled
    assert index.heads("en") == ROWS
    found = {number for number in [*range(ROWS), *range(COME, COME + STEPS)] if index.exact("en", [f"head {number}"])}
    assert found == {*range(STAYS), *range(STAYS + STEPS, ROWS), *range(COME, COME + STEPS)}
    last = {step % STAYS: 10_000.0 + step for step in range(STEPS)}
    assert [index.exact("en", [f"head {i}"])[0].volume for i in range(STAYS)] == [last[i] for i in range(STAYS)]
