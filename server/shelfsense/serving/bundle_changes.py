"""Changing what a running server serves: one interface, whether one process serves or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from shelfsense.serving.bundle_metrics import BundleFigures
from shelfsense.serving.bundles import Bundles, Swap
from shelfsense.serving.trial import Role


class BundleChanges(Protocol):
    """Changes what is served."""

    async def load(self, folder: Path, role: Role | None, share: float) -> Swap:
        """Load a bundle and let it take its place.

        Args:
            folder: the bundle.
            role: what it is to be on trial as; None: it is to serve.
            share: of the queries, for a trial.

        Raises:
            BundleRefused, EngineUnavailable: it cannot serve; what serves goes on.
        """
        ...

    async def end_trial(self, *, promote: bool) -> str:
        """End the trial of a second bundle, and return the version that serves then.

        Raises:
            NothingStaged: none is on trial.
        """
        ...

    async def describe(self) -> Sequence[BundleFigures]:
        """Return what is loaded, the serving bundle first."""
        ...


class OwnChanges:
    """Changes the bundles of this process.

    Args:
        bundles: its bundles.
    """

    def __init__(self, bundles: Bundles) -> None:
        self._bundles = bundles

    async def load(self, folder: Path, role: Role | None, share: float) -> Swap:
        """As `BundleChanges.load`."""
        await self._bundles.stage(folder, role, share)
        return self._bundles.commit()

    async def end_trial(self, *, promote: bool) -> str:
        """As `BundleChanges.end_trial`."""
        return self._bundles.end_trial(promote=promote)

    async def describe(self) -> Sequence[BundleFigures]:
        """As `BundleChanges.describe`."""
        return figures(self._bundles)


def figures(bundles: Bundles) -> list[BundleFigures]:
    """Return what a process has loaded, the serving bundle first."""
    serving = bundles.serving
    found = [BundleFigures(serving.version, "serving", 1.0, serving.loaded_at, serving.queries)]
    if trial := bundles.trial:
        loaded = trial.loaded
        found.append(
            BundleFigures(
                loaded.version,
                trial.role.value,
                trial.share,
                loaded.loaded_at,
                loaded.queries,
                **asdict(trial.differences),
            )
        )
    return found
