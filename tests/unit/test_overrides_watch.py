"""A file of overrides that changes while a server answers by it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shelfsense.errors import InputRefused
from shelfsense.overrides.override import OverridesRefused
from shelfsense.overrides.override_table import OverrideTable
from shelfsense.serving.overrides_watch import OverridesWatch
from shop_rules import NOW, overridden, parquet, rule, targets

_SOON_S = 20.0

SHOES = parquet([rule("add_type", "sh", name="shoes")])
HOME = parquet([rule("add_type", "ho", name="home"), rule("add_type", "el", name="electronics")])
BAD = parquet([rule("add_type", "sh"), rule("add_type", "nothing"), rule("shout", "sh")])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "overrides.parquet"
    file.write_bytes(HOME)
    return file


def put(path: Path, data: bytes) -> None:
    """Put another file in the place of one, as `docs/overrides.md` says."""
    new = path.with_suffix(".new")
    new.write_bytes(data)
    new.replace(path)


@asynccontextmanager
async def watching(path: Path | None, seen: list[tuple[str, int]]) -> AsyncIterator[OverridesWatch]:
    watch = OverridesWatch(path, targets(), on_read=lambda *each: seen.append(each), every_s=0.01)
    watch.load()
    watch.start()
    try:
        yield watch
    finally:
        await watch.stop()


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(_SOON_S):
        while not happened():
            await asyncio.sleep(0.005)


async def test_another_file_is_obeyed_without_a_restart(path: Path) -> None:
    seen: list[tuple[str, int]] = []
    async with watching(path, seen) as watch:
        old = watch.table
        put(path, SHOES)
        await until(lambda: len(seen) == 2)
        assert seen == [("obeyed", 2), ("obeyed", 1)]
        assert watch.table is not old
        assert len(old) == 2  # who still answers by it finds it as it was


async def test_a_bad_file_is_refused_once_and_the_old_rules_stay(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[tuple[str, int]] = []
    async with watching(path, seen) as watch:
        old = watch.table
        put(path, BAD)
        await until(lambda: len(seen) == 2)
        await asyncio.sleep(0.1)
        assert seen == [("obeyed", 2), ("refused", 2)]
        assert watch.table is old
        assert str(path) in caplog.text
        assert "row 2: " in caplog.text
        assert "row 3: " in caplog.text
        assert "red shoes" not in caplog.text
        put(path, SHOES)
        await until(lambda: watch.table is not old)


async def test_a_file_that_vanishes_leaves_the_old_rules_and_is_read_when_it_is_back(path: Path) -> None:
    seen: list[tuple[str, int]] = []
    async with watching(path, seen) as watch:
        path.unlink()
        await until(lambda: seen[-1][0] == "refused")
        assert len(watch.table) == 2
        put(path, SHOES)
        await until(lambda: len(watch.table) == 1)


async def test_a_file_of_equal_size_and_time_is_known_by_its_inode(path: Path) -> None:
    other = parquet([rule("add_type", "el", name="home"), rule("add_type", "ho", name="electronics")])
    assert len(other) == len(HOME)
    seen: list[tuple[str, int]] = []
    async with watching(path, seen) as watch:
        old, times = watch.table, path.stat()
        new = path.with_suffix(".new")
        new.write_bytes(other)
        os.utime(new, ns=(times.st_atime_ns, times.st_mtime_ns))
        new.replace(path)
        await until(lambda: watch.table is not old)


async def test_an_unforeseen_error_ends_neither_the_rules_nor_the_watch(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> OverrideTable:
        raise RuntimeError("red shoes")

    seen: list[tuple[str, int]] = []
    async with watching(path, seen) as watch:
        with monkeypatch.context() as patched:
            patched.setattr(OverrideTable, "read", fails)
            put(path, SHOES)
            await until(lambda: len(seen) == 2)
        assert (seen[-1], len(watch.table)) == (("refused", 2), 2)
        put(path, SHOES)
        await until(lambda: len(watch.table) == 1)


async def test_answers_during_a_reload_are_those_of_one_file_or_the_other(path: Path) -> None:
    seen: list[tuple[str, int]] = []
    answers: set[tuple[str, ...]] = set()
    async with watching(path, seen) as watch:
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                answers.add(overridden(watch.table, now=NOW).overrides)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            for i in range(10):
                put(path, SHOES if i % 2 else parquet([]))
                await until(lambda i=i: len(seen) == i + 2)  # type: ignore[misc]
        finally:
            done.set()
            asking.join()
    assert answers <= {("home", "electronics"), (), ("shoes",)}
    assert len(answers) > 1


async def test_without_a_file_there_are_no_rules_and_nothing_is_watched() -> None:
    async with watching(None, []) as watch:
        assert len(watch.table) == 0
        assert watch.table.find("red shoes", "en", NOW) is None


def test_at_the_start_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"none\.parquet: cannot be read \(No such file"):
        OverridesWatch(tmp_path / "none.parquet", targets()).load()


def test_at_the_start_a_bad_file_is_refused_with_its_rows(path: Path) -> None:
    path.write_bytes(BAD)
    with pytest.raises(OverridesRefused) as caught:
        OverridesWatch(path, targets()).load()
    assert [fault.row for fault in caught.value.faults] == [2, 3]
