"""Several worker processes behind one port, and the process that keeps them: it answers no query itself.

Each worker is the ordinary server, with a bundle and an engine of its own. The supervisor holds the port, replaces
workers that die, brings every command to all of them, and stops them in order. Should it die itself, they
see their channel end, drain and leave.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from shelfsense.errors import ShelfsenseError
from shelfsense.serving.control_channel import CommandRefused, NoReply
from shelfsense.serving.settings import Settings
from shelfsense.serving.worker_process import COMMAND
from shelfsense.serving.worker_slot import Plan, WorkerSlot, delay_before_start

QUICK_S = 5.0
"""Seconds a worker may take for a command that does nothing long."""

LOAD_S = 120.0
"""Seconds a worker may take to load a bundle beside the one it serves."""

_STARTS = 3  # of one worker in a row that die without a reason, before there is anything to keep alive

_log = logging.getLogger(__name__)


class StartFailed(ShelfsenseError):
    """The workers could not all be started.

    Args:
        kind: class name of a worker's error, such as ``BundleRefused``; empty where it died without one.
        message: the fact and the next step.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Reply:
    """What one worker made of a command.

    Attributes:
        worker: its number.
        pid: its process.
        answer: what it answered; None where it did not carry the command out, or nobody knows.
        kind: class name of its error, ``NoReply`` for one that ended or was silent; empty with an answer.
        message: of the error.
        facts: its attributes that are text.
    """

    worker: int
    pid: int
    answer: Mapping[str, Any] | None
    kind: str = ""
    message: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """A command with its arguments, ready for JSON."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    within_s: float = QUICK_S


class Supervisor:
    """Keeps the workers; ``async with`` starts and stops them.

    Args:
        settings: the operator's choices, with the port that is held.
        command: the program of a worker.
    """

    def __init__(self, settings: Settings, command: Sequence[str] = COMMAND) -> None:
        self.plan = Plan(settings.model_copy(update={"workers": 1, "metrics_port": None, "admin_port": None}))
        self.slots = tuple(WorkerSlot(number, self, command) for number in range(settings.workers))
        self._changing = asyncio.Lock()
        self._cannot_start: asyncio.Future[StartFailed] | None = None

    @property
    def bundle_version(self) -> str:
        """The version of the bundle that the first worker serves."""
        return self.slots[0].bundle

    async def start(self) -> None:
        """Start all workers and wait until every one is ready.

        Raises:
            StartFailed: one refused its bundle or settings, or died again and again.
        """
        for slot in self.slots:
            slot.start()
        try:
            await self._all_ready()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Let every worker drain, all at a time, and wait for their ends."""
        await asyncio.gather(*(slot.stop() for slot in self.slots))

    def kill(self) -> None:
        """End every worker at once."""
        for slot in self.slots:
            slot.kill_worker()

    async def broadcast(
        self, name: str, arguments: Mapping[str, Any] | None = None, *, within_s: float = QUICK_S
    ) -> list[Reply]:
        """Bring a command to every worker that is ready, all at a time, and return what each made of it.

        A worker that is dead, starting or silent holds nobody up: it is missing, or its reply says so.
        """
        return await self._ask(self._ready(), Command(name, arguments or {}, within_s))

    async def change(
        self,
        commit: Command,
        *,
        stage: Command | None = None,
        abandon: Command | None = None,
        settings: Settings | None = None,
        afterwards: Sequence[tuple[str, Mapping[str, Any]]] | None = None,
    ) -> tuple[bool, list[Reply]]:
        """Change all workers or none, in two steps: all stage; only if every one did, all commit.

        A worker that is lost between the steps, or cannot commit, is replaced by one made by the new plan.

        Args:
            commit: makes the change, at once.
            stage: makes ready what nobody sees yet; None: there is nothing to make ready.
            abandon: lets go of what was staged, if anything was; None: nothing has to.
            settings: of workers to come; None: as before.
            afterwards: commands for workers to come, once ready; None: as before.

        Returns:
            Whether the change was made, and every worker's reply: to `commit` where it was, else to `stage`.
            No reply at all: no worker is ready.
        """
        async with self._changing:
            slots = self._ready()
            staged = await self._ask(slots, stage) if stage else []
            if not slots or any(reply.answer is None for reply in staged):
                if abandon:
                    await self._ask(slots, abandon)
                return False, staged
            new = self.plan.settings if settings is None else settings
            self.plan = self.plan.with_changes(new, self.plan.afterwards if afterwards is None else afterwards)
            for slot in slots:
                slot.edition = self.plan.edition
            committed = await self._ask(slots, commit)
            for slot, reply in zip(slots, committed, strict=True):
                if reply.answer is None:
                    _log.error("worker %d did not '%s': %s", slot.number, commit.name, reply.message)
                    slot.replace_worker()
            return True, committed

    def became_ready(self, slot: WorkerSlot) -> None:
        """Say so in the log, and whether it serves something else than the others."""
        pid = slot.worker.pid if slot.worker else 0
        _log.info("worker %d (process %d) is ready with bundle %s", slot.number, pid, slot.bundle)
        others = {each.bundle for each in self._ready()} - {slot.bundle}
        if others:
            _log.warning("worker %d read another bundle from the folder than others serve (%s): load it in all, "
                         "or put the folder back and stop that worker", slot.number, ", ".join(others))  # fmt: skip

    def start_failed(self, fact: str, kind: str, failures: int) -> None:
        """End a start of all workers that cannot succeed; later, say in the log why one is missing."""
        waiting = self._cannot_start
        if waiting is not None and not waiting.done() and kind:
            waiting.set_result(StartFailed(kind, fact))
            return
        delay_s = delay_before_start(failures)
        _log.error("no start, %d in a row, tried again in %.1f s: %s", failures, delay_s, fact)
        if waiting is not None and not waiting.done() and failures >= _STARTS:
            waiting.set_result(
                StartFailed("", f"{fact}, {failures} times before it was ready; try one worker, or fewer: see the log")
            )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        await self.stop()

    async def _all_ready(self) -> None:
        self._cannot_start = asyncio.get_running_loop().create_future()
        all_ready = asyncio.gather(*(slot.ready.wait() for slot in self.slots))
        try:
            await asyncio.wait((all_ready, self._cannot_start), return_when=asyncio.FIRST_COMPLETED)
            if self._cannot_start.done():
                raise self._cannot_start.result()
        finally:
            self._cannot_start = None
            all_ready.cancel()
            await asyncio.gather(all_ready, return_exceptions=True)

    def _ready(self) -> list[WorkerSlot]:
        return [slot for slot in self.slots if slot.worker is not None]

    async def _ask(self, slots: Sequence[WorkerSlot], command: Command) -> list[Reply]:
        return await asyncio.gather(*(_ask_one(slot, command) for slot in slots))


async def _ask_one(slot: WorkerSlot, command: Command) -> Reply:
    worker = slot.worker
    if worker is None:
        return Reply(slot.number, 0, None, NoReply.__name__, "the worker has ended and is being replaced")
    try:
        answer = await worker.ask(command.name, command.arguments, within_s=command.within_s)
    except CommandRefused as refusal:
        return Reply(slot.number, worker.pid, None, refusal.kind, str(refusal), refusal.facts)
    except NoReply as silence:
        return Reply(slot.number, worker.pid, None, NoReply.__name__, str(silence))
    return Reply(slot.number, worker.pid, answer)
