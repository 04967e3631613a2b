"""The bundles of one server: the one that serves, a second on trial, and how one takes the other's place under load.

Changing goes in two steps, so that several processes can take the second together: `stage` loads beside
what serves, `commit` swaps in no time, `abandon` lets go. Calls in flight end on the bundle they began on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from shelfsense.serving.answer_cache import AnswerCache
from shelfsense.serving.errors import NothingStaged
from shelfsense.serving.loaded_bundle import LoadedBundle
from shelfsense.serving.memory import tidy
from shelfsense.serving.priority import let_the_loop_go_first
from shelfsense.serving.trial import Role, Trial

_log = logging.getLogger(__name__)

Load = Callable[[Path, LoadedBundle], LoadedBundle]
"""Verifies and loads a folder; called off the event loop."""


@dataclass(frozen=True, slots=True)
class Swap:
    """What a commit did.

    Attributes:
        version: of the bundle that was staged.
        previous: of the bundle whose place it took; empty where it took none.
    """

    version: str
    previous: str


@dataclass(frozen=True, slots=True)
class _Staged:
    loaded: LoadedBundle
    role: Role | None
    share: float


class Bundles:
    """What is loaded.

    Args:
        serving: answers; not yet started.
        load: loads another folder beside the serving bundle, and may share with it what both hold alike.
        cache: forgets the answers of bundles that leave.
        on_health: told whether the serving bundle's engine works.
    """

    def __init__(
        self, serving: LoadedBundle, load: Load, cache: AnswerCache, on_health: Callable[[bool], None]
    ) -> None:
        self.serving = serving
        self.trial: Trial | None = None
        self.swaps = 0
        self._load = load
        self._cache = cache
        self._on_health = on_health
        self._staged: _Staged | None = None
        self._changing = asyncio.Lock()
        # As an equal of the engine: ahead of it, loading would leave it too little to answer with. One thread for
        # all bundles, as glibc keeps what a thread has freed for that thread.
        self._loading = ThreadPoolExecutor(1, "loading", initializer=let_the_loop_go_first)
        self._leaving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Warm the serving bundle's engine.

        Raises:
            EngineUnavailable: it failed at its first query.
        """
        await self.serving.start()
        self.serving.watch_health(self._on_health)

    async def stop(self) -> None:
        """Answer what waits in every bundle, then end all engine threads."""
        self.abandon()
        if self.trial:
            self._leave(self.trial.loaded)
            self.trial = None
        await self.serving.stop()
        await asyncio.gather(*self._leaving)
        self._loading.shutdown(wait=False)

    def choose(self, normal_form: str) -> LoadedBundle:
        """Return the bundle that is to answer a query."""
        trial = self.trial
        if trial and trial.role is Role.CANARY and trial.reads(normal_form):
            return trial.loaded
        return self.serving

    async def stage(self, folder: Path, role: Role | None, share: float) -> str:
        """Verify, load and warm a bundle beside those there are, and return its version.

        Args:
            folder: the bundle.
            role: what it is to be on trial as; None: it is to serve.
            share: of the queries, for a trial.

        Raises:
            BundleRefused: a file is not what it should be; what serves goes on.
            EngineUnavailable: its engine cannot be started; what serves goes on.
        """
        async with self._changing:
            self.abandon()
            # Loading takes the core for a second or two. Queries wait for it rather than be refused.
            admission = self.serving.batcher.admission
            admission.lenient = True
            try:
                loaded = await asyncio.get_running_loop().run_in_executor(
                    self._loading, self._load, folder, self.serving
                )
                await loaded.start()
            finally:
                admission.lenient = False
            self._staged = _Staged(loaded, role, share)
        return loaded.version

    def commit(self) -> Swap:
        """Let the staged bundle take its place; queries that come from now on meet it.

        Raises:
            NothingStaged: there is none.
        """
        staged, self._staged = self._staged, None
        if staged is None:
            raise NothingStaged
        if staged.role is None:
            return self._serve(staged.loaded)
        previous = self._drop_trial()
        self.trial = Trial(staged.loaded, staged.role, staged.share)
        _log.info("%s reads %.3g of the queries as %s", staged.loaded.version, staged.share, staged.role.value)
        return Swap(staged.loaded.version, previous)

    def abandon(self) -> None:
        """Let go of a staged bundle, if there is one."""
        staged, self._staged = self._staged, None
        if staged:
            self._leave(staged.loaded)

    def end_trial(self, *, promote: bool) -> str:
        """Make the bundle on trial the one that serves, or drop it; return the version that serves then.

        Raises:
            NothingStaged: none is on trial.
        """
        if self.trial is None:
            raise NothingStaged
        if promote:
            loaded, self.trial = self.trial.loaded, None
            return self._serve(loaded).version
        self._drop_trial()
        return self.serving.version

    def _serve(self, loaded: LoadedBundle) -> Swap:
        old, self.serving = self.serving, loaded
        old.watch_health(None)
        loaded.watch_health(self._on_health)
        self.swaps += 1
        _log.info("%s serves in place of %s", loaded.version, old.version)
        self._leave(old)
        return Swap(loaded.version, old.version)

    def _drop_trial(self) -> str:
        trial, self.trial = self.trial, None
        if trial is None:
            return ""
        self._leave(trial.loaded)
        return trial.loaded.version

    def _leave(self, loaded: LoadedBundle) -> None:
        task = asyncio.create_task(self._retire(loaded), name="retire")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        task.add_done_callback(lambda _: tidy())

    async def _retire(self, loaded: LoadedBundle) -> None:
        self._cache.forget(loaded.generation)
        await loaded.retire()
        self._cache.forget(loaded.generation)  # what its last calls have put there
        _log.info("%s is no longer loaded", loaded.version)
