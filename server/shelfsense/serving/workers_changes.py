"""Changes of bundles in all workers together: one of them alone never serves what the others do not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from shelfsense.errors import BundleRefused, EngineUnavailable
from shelfsense.serving.bundle_metrics import BundleFigures
from shelfsense.serving.bundles import Swap
from shelfsense.serving.errors import NothingStaged
from shelfsense.serving.supervisor import LOAD_S, Command, Reply, Supervisor
from shelfsense.serving.trial import Role

_SUMMED = ("queries", "compared", "other_first_type", "other_accepted_types", "other_reformulation")


class WorkersChanges:
    """`BundleChanges` for several workers. Workers that come later serve what was loaded last, and its trial.

    Args:
        supervisor: reaches the workers.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._one_at_a_time = asyncio.Lock()  # each begins with what the one before has made

    async def load(self, folder: Path, role: Role | None, share: float) -> Swap:
        """Load a bundle in every worker, and only when all have it let it take its place in all.

        Raises:
            BundleRefused: a worker refused it; what serves goes on, in all.
            EngineUnavailable: a worker could not start its engine, or died of it; likewise.
        """
        arguments = {"folder": str(folder.absolute()), "role": role.value if role else None, "share": share}
        async with self._one_at_a_time:
            settings = self._supervisor.plan.settings
            made, replies = await self._supervisor.change(
                Command("commit"),
                stage=Command("stage", arguments, LOAD_S),
                abandon=Command("abandon"),
                settings=settings if role else settings.model_copy(update={"bundle": folder.absolute()}),
                afterwards=[("stage", arguments), ("commit", {})] if role else None,
            )
        answer = _first_answer(made, replies)
        return Swap(answer["version"], answer["previous"])

    async def end_trial(self, *, promote: bool) -> str:
        """End the trial in every worker, and return the version that serves then.

        Raises:
            NothingStaged: none is on trial.
            EngineUnavailable: no worker is ready.
        """
        async with self._one_at_a_time:
            plan = self._supervisor.plan
            if not plan.afterwards:
                raise NothingStaged
            tried = Path(plan.afterwards[0][1]["folder"])
            made, replies = await self._supervisor.change(
                Command("end_trial", {"promote": promote}),
                settings=plan.settings.model_copy(update={"bundle": tried}) if promote else plan.settings,
                afterwards=(),
            )
        return str(_first_answer(made, replies)["version"])

    async def describe(self) -> Sequence[BundleFigures]:
        """Return what is loaded, the serving bundle first; queries are those of all workers together."""
        found: dict[tuple[str, str], BundleFigures] = {}
        for reply in await self._supervisor.broadcast("describe"):
            for each in (BundleFigures(**figures) for figures in (reply.answer or {}).get("bundles", ())):
                key = each.role, each.version
                found[key] = _together(found[key], each) if key in found else each
        return sorted(found.values(), key=lambda each: each.role != "serving")


def _first_answer(made: bool, replies: Sequence[Reply]) -> Mapping[str, Any]:  # noqa: FBT001 -- as `change` returns it
    """Return an answer to a change that was made, or raise the reason why it was not."""
    refusals = [reply for reply in replies if reply.answer is None]
    answers = [reply.answer for reply in replies if reply.answer is not None]
    if made and answers:
        return answers[0]
    # What a worker said of the bundle tells more than that another one is gone.
    for reply in refusals:
        if reply.kind == BundleRefused.__name__:
            raise BundleRefused(**reply.facts)
    if refusals:
        raise EngineUnavailable(f"worker {refusals[0].worker}: {refusals[0].message}")
    raise EngineUnavailable("no worker is ready; try again when one is")


def _together(one: BundleFigures, other: BundleFigures) -> BundleFigures:
    sums = {name: getattr(one, name) + getattr(other, name) for name in _SUMMED}
    return replace(one, loaded_at=max(one.loaded_at, other.loaded_at), **sums)
