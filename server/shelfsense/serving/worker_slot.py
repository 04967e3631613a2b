"""The place of one worker: a process is kept running in it, and replaced when it dies, hangs or is out of date."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from shelfsense.serving.control_channel import CommandRefused, NoReply
from shelfsense.serving.settings import Settings
from shelfsense.serving.worker_process import COMMAND, WorkerProcess

_START_LIMIT_S = 120.0  # the largest bundle there is loads in a few seconds; a start that hangs is no start
_LOOK_EVERY_S = 1.0
# The engine is tried every half second from inside and comes back by itself, unless its thread hangs in a
# batch: then nothing inside can end it. So many times the stall that turned it off is patience enough.
_STALLS = 3
_SETTLED_S = 30.0  # a worker that lasted so long did not die of its start
_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 30.0
_LEAVING_S = 5.0  # between the end of a process's channel and its own
_NO_EDITION = -1
_SILENT = "answers its supervisor no more"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """What every worker is to be.

    Attributes:
        settings: of each worker; the port is known.
        afterwards: commands, each with its arguments, that a worker is given as soon as it is ready,
            so that one that takes another's place has the bundle on trial too.
        edition: larger than that of the plan before; a worker made by an older one is replaced.
    """

    settings: Settings
    afterwards: Sequence[tuple[str, Mapping[str, Any]]] = ()
    edition: int = 0

    def with_changes(self, settings: Settings, afterwards: Sequence[tuple[str, Mapping[str, Any]]]) -> Plan:
        """Return the plan that follows this one."""
        return replace(self, settings=settings, afterwards=afterwards, edition=self.edition + 1)


def delay_before_start(failures: int) -> float:
    """Return the seconds to wait before a worker is started again.

    Args:
        failures: how many have died in a row without settling; the first is replaced at once.
    """
    return 0.0 if failures <= 1 else min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0 ** (failures - 2))


class Owner(Protocol):
    """Who has slots.

    Attributes:
        plan: what every worker is to be, now.
    """

    plan: Plan

    def became_ready(self, slot: WorkerSlot) -> None:
        """Take note that a slot has a worker that serves."""

    def start_failed(self, fact: str, kind: str, failures: int) -> None:
        """Take note of a worker that did not become ready.

        Args:
            fact: which and why.
            kind: class name of its own error; empty for a death without one.
            failures: how many have failed in a row.
        """


class WorkerSlot:
    """Keeps one worker running until `stop`.

    Args:
        number: of the worker, from 0.
        owner: says what it is to be.
        command: the program of a worker.

    Attributes:
        worker: the one that is ready; None while there is none.
        edition: of the plan that it was made by.
        bundle: the version it serves, as it said a second ago at most.
        restarts: how many times a worker took another's place.
        ready: set once the first one was.
    """

    def __init__(
        self,
        number: int,
        owner: Owner,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.number = number
        self.worker: WorkerProcess | None = None
        self.edition = 0
        self.bundle = ""
        self.restarts = 0
        self.ready = asyncio.Event()
        self._owner = owner
        self._command = command
        self._failures = 0
        self._process: WorkerProcess | None = None  # ready or not
        self._stopping = asyncio.Event()
        self._wake = asyncio.Event()  # there is something to look at before the next second
        self._keeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to keep a worker."""
        self._keeping = asyncio.create_task(self._keep(), name=f"slot {self.number}")

    def replace_worker(self) -> None:
        """Let the worker drain and another take its place."""
        self.edition = _NO_EDITION
        self._wake.set()

    def kill_worker(self) -> None:
        """End the worker at once, whatever it is doing."""
        if self._process is not None:
            self._process.kill_now()

    async def stop(self) -> None:
        """Drain the worker and keep none any more; one that is not ready yet is killed, as it has no calls."""
        self._stopping.set()
        self._wake.set()
        if self.worker is None:
            self.kill_worker()
        if self._keeping is not None:
            await self._keeping

    async def _keep(self) -> None:
        while not self._stopping.is_set():
            await self._run_one()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay_before_start(self._failures))
            self.restarts += 1

    async def _run_one(self) -> None:
        plan = self._owner.plan
        try:
            worker = await WorkerProcess.spawn(self.number, threads=plan.settings.threads, command=self._command)
        except OSError as error:
            self._start_failed(f"the system starts no process ({error})")
            return
        self._process = worker
        worker.when_ended(self._wake.set)
        try:
            if (bundle := await self._started(worker, plan)) is not None:
                self.worker, self.edition, self.bundle = worker, plan.edition, bundle
                self.ready.set()
                self._owner.became_ready(self)
                await self._stay(worker, plan.settings)
        finally:
            self.worker = self._process = None
            worker.kill_now()
            await asyncio.shield(worker.kill())  # also where this task was cancelled: no process is left behind

    async def _started(self, worker: WorkerProcess, plan: Plan) -> str | None:
        """Return the version of the bundle that a new worker serves; None where it does not start."""
        arguments = {"number": self.number, "settings": plan.settings.model_dump(mode="json")}
        if self._stopping.is_set():
            return None
        try:
            facts = await worker.ask("start", arguments, within_s=_START_LIMIT_S)
        except CommandRefused as refusal:
            self._start_failed(str(refusal), refusal.kind)
            return None
        except NoReply as silence:
            self._start_failed(worker.how_it_ended() if await worker.ended(_LOOK_EVERY_S) else str(silence))
            return None
        for command, more in plan.afterwards:
            try:
                await worker.ask(command, more, within_s=_START_LIMIT_S)
            except (CommandRefused, NoReply) as error:
                _log.error("worker %d (process %d) serves without '%s': %s", self.number, worker.pid, command, error)
        return str(facts["bundle"])

    async def _stay(self, worker: WorkerProcess, settings: Settings) -> None:
        """Return when a worker that was ready has ended, or hangs, and count why."""
        began = asyncio.get_running_loop().time()
        fault = await self._fault(worker, settings)
        if fault:
            _log.error("worker %d (process %d) %s; another takes its place", self.number, worker.pid, fault)
            lasted_s = asyncio.get_running_loop().time() - began
            self._failures = 1 if lasted_s >= _SETTLED_S else self._failures + 1
        else:
            self._failures = 0
        if worker.alive and fault != _SILENT:
            await worker.stop(settings.drain_s)

    async def _fault(self, worker: WorkerProcess, settings: Settings) -> str:
        """Return what is wrong with a worker once something is; empty when it is told to go."""
        loop = asyncio.get_running_loop()
        last_well = loop.time()
        while not self._stopping.is_set() and self.edition == self._owner.plan.edition:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _LOOK_EVERY_S)
            if not worker.alive:
                return worker.how_it_ended()
            if self._stopping.is_set():
                break
            try:
                state = await worker.ask("state", within_s=settings.stall_s)
            except (CommandRefused, NoReply):
                left = worker.leaving and await worker.ended(_LEAVING_S)
                return worker.how_it_ended() if left else _SILENT
            self.bundle = str(state["bundle"])
            last_well = loop.time() if state["serving"] else last_well
            if loop.time() - last_well > _STALLS * settings.stall_s:
                return f"has had no engine for {loop.time() - last_well:.0f} s"
        return ""

    def _start_failed(self, fact: str, kind: str = "") -> None:
        if not self._stopping.is_set():
            self._failures += 1
            self._owner.start_failed(f"worker {self.number} {fact}" if not kind else fact, kind, self._failures)
