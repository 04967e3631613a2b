"""Workers that die, hang and refuse: what their supervisor makes of it. They are real processes without a server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shelfsense.serving import worker_process
from shelfsense.serving.settings import Settings
from shelfsense.serving.supervisor import Command, StartFailed, Supervisor

STUB = (sys.executable, str(Path(__file__).with_name("stub_worker.py")))


@contextlib.asynccontextmanager
async def supervising(bundle: str = "one", **settings: Any) -> AsyncIterator[Supervisor]:
    chosen = Settings(**{"bundle": bundle, "port": 1, "workers": 2, "drain_s": 1, **settings})
    async with Supervisor(chosen, STUB) as supervisor:
        yield supervisor


def pids(supervisor: Supervisor) -> list[int]:
    return [slot.worker.pid if slot.worker else 0 for slot in supervisor.slots]


async def bundles(supervisor: Supervisor) -> list[str]:
    return [str(reply.answer and reply.answer["bundle"]) for reply in await supervisor.broadcast("state")]


async def until_replaced(supervisor: Supervisor, number: int, pid: int) -> None:
    async with asyncio.timeout(20):
        while pids(supervisor)[number] in (0, pid):
            await asyncio.sleep(0.02)


async def load(supervisor: Supervisor, bundle: str, **manners: Any) -> tuple[bool, list[str]]:
    stage = {"bundle": bundle, "refused_by": None, **manners.get("stage", {})}
    made, replies = await supervisor.change(
        Command("commit", manners.get("commit", {})),
        stage=Command("stage", stage),
        abandon=Command("abandon", {}),
        settings=supervisor.plan.settings.model_copy(update={"bundle": Path(bundle)}),
    )
    return made, [reply.kind for reply in replies]


async def test_a_command_reaches_every_worker() -> None:
    async with supervising(workers=3) as supervisor:
        replies = await supervisor.broadcast("state")
        assert [reply.worker for reply in replies] == [0, 1, 2]
        assert [reply.pid for reply in replies] == pids(supervisor)
        assert len(set(pids(supervisor))) == 3
        assert await bundles(supervisor) == ["one"] * 3


async def test_a_silent_worker_delays_the_others_replies_by_its_time_limit_only() -> None:
    async with supervising() as supervisor:
        replies = await supervisor.broadcast("sleep", {"worker": 0}, within_s=0.3)
        assert [reply.kind for reply in replies] == ["NoReply", ""]
        assert "silent for 0.3 s" in replies[0].message
        assert await bundles(supervisor) == ["one", "one"]


async def test_a_worker_that_dies_under_a_command_is_told_of_and_replaced() -> None:
    async with supervising() as supervisor:
        old = pids(supervisor)
        asking = asyncio.create_task(supervisor.broadcast("sleep", {"worker": 0}, within_s=30))
        await asyncio.sleep(0.1)
        os.kill(old[0], signal.SIGKILL)
        assert [reply.kind for reply in await asking] == ["NoReply", ""]
        await until_replaced(supervisor, 0, old[0])
        assert pids(supervisor)[1] == old[1]
        assert [slot.restarts for slot in supervisor.slots] == [1, 0]


async def test_a_fault_of_a_command_is_a_reply_without_the_error_s_words() -> None:
    async with supervising(workers=1) as supervisor:
        (reply,) = await supervisor.broadcast("fault")
        assert (reply.answer, reply.kind) == (None, "Fault")
        assert "shopper" not in reply.message
        (reply,) = await supervisor.broadcast("dance")
        assert "no command is called 'dance'" in reply.message


async def test_all_workers_change_and_those_that_come_later_are_like_them() -> None:
    async with supervising() as supervisor:
        assert await load(supervisor, "two") == (True, ["", ""])
        assert await bundles(supervisor) == ["two", "two"]
        old = pids(supervisor)
        os.kill(old[1], signal.SIGKILL)
        await until_replaced(supervisor, 1, old[1])
        assert await bundles(supervisor) == ["two", "two"]
        assert pids(supervisor)[0] == old[0]


async def test_none_changes_where_one_refuses() -> None:
    async with supervising() as supervisor:
        assert await load(supervisor, "two", stage={"refused_by": 1}) == (False, ["", "EngineUnavailable"])
        replies = await supervisor.broadcast("state")
        assert [reply.answer for reply in replies] == [{"serving": True, "bundle": "one", "staged": ""}] * 2


async def test_none_changes_where_one_dies_of_it() -> None:
    async with supervising() as supervisor:
        old = pids(supervisor)
        assert await load(supervisor, "two", stage={"kills": 0}) == (False, ["NoReply", ""])
        await until_replaced(supervisor, 0, old[0])
        assert await bundles(supervisor) == ["one", "one"]


async def test_a_worker_that_cannot_follow_a_change_is_replaced_by_one_that_has() -> None:
    async with supervising() as supervisor:
        old = pids(supervisor)
        assert await load(supervisor, "two", commit={"refused_by": 0}) == (True, ["EngineUnavailable", ""])
        await until_replaced(supervisor, 0, old[0])
        assert await bundles(supervisor) == ["two", "two"]


async def test_commands_for_later_are_given_to_a_worker_before_it_counts_as_ready() -> None:
    async with supervising() as supervisor:
        trial = {"bundle": "trial", "refused_by": None}
        await supervisor.change(Command("state", {}), stage=Command("stage", trial), afterwards=[("stage", trial)])
        old = pids(supervisor)
        os.kill(old[0], signal.SIGKILL)
        await until_replaced(supervisor, 0, old[0])
        replies = await supervisor.broadcast("state")
        assert [reply.answer["staged"] for reply in replies if reply.answer] == ["trial", "trial"]


@pytest.mark.parametrize("manners", [{"hangs": True}, {"serving": False}])
async def test_a_worker_that_hangs_or_gets_no_engine_back_is_replaced(manners: dict[str, bool]) -> None:
    async with supervising(stall_s=0.3) as supervisor:
        old = pids(supervisor)
        await supervisor.broadcast("misbehave", {"worker": 1, **manners})
        await until_replaced(supervisor, 1, old[1])
        assert pids(supervisor)[0] == old[0]


async def test_a_refused_bundle_ends_the_start_with_its_reason_and_leaves_no_process() -> None:
    with pytest.raises(StartFailed, match=r"manifest.json: it is not there; copy it again") as raised:
        async with supervising("refused"):
            pass
    assert raised.value.kind == "BundleRefused"


async def test_workers_that_die_at_every_start_are_given_up() -> None:
    with pytest.raises(StartFailed, match="left with 7, 3 times"):
        async with supervising("deadly", workers=1):
            pass


async def test_a_stop_ends_every_worker() -> None:
    async with supervising() as supervisor:
        old = pids(supervisor)
    for pid in old:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_worker_that_does_not_end_in_time_is_killed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker_process, "_AFTER_DRAIN_S", 0.2)
    async with supervising(drain_s=0) as supervisor:
        os.kill(pids(supervisor)[0], signal.SIGSTOP)
    assert "worker 0" in caplog.text
    assert "did not end in time and is killed" in caplog.text
    assert not [each for each in caplog.records if each.levelname == "ERROR" and "worker 1" in each.getMessage()]
