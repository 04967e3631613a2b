"""What a supervisor may ask of a worker that serves, by the command's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shelfsense.serving.bundle_changes import figures
from shelfsense.serving.control_channel import Handler
from shelfsense.serving.server import Server
from shelfsense.serving.trial import Role


class WorkerCommands:
    """The commands of a server's worker.

    Args:
        server: answers queries already.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def handlers(self) -> Mapping[str, Handler]:
        """Return the commands by their names."""
        return {
            "state": self.state,
            "metrics": self.metrics,
            "stage": self.stage,
            "commit": self.commit,
            "abandon": self.abandon,
            "end_trial": self.end_trial,
            "describe": self.describe,
        }

    async def state(self, _: dict[str, Any]) -> dict[str, Any]:
        """Answer ``{"serving", "bundle"}``; asked every second."""
        return {"serving": self._server.serving, "bundle": self._server.bundle_version}

    async def metrics(self, _: dict[str, Any]) -> dict[str, Any]:
        """Answer ``{"page"}``, Prometheus' text."""
        return {"page": self._server.metrics.exposition().decode()}

    async def stage(self, said: dict[str, Any]) -> dict[str, Any]:
        """Load ``{"folder", "role", "share"}`` beside what serves; no role: it is to serve."""
        role = Role(said["role"]) if said["role"] else None
        return {"version": await self._server.bundles.stage(Path(said["folder"]), role, said["share"])}

    async def commit(self, _: dict[str, Any]) -> dict[str, Any]:
        """Let what is staged take its place; answer ``{"version", "previous"}``."""
        swap = self._server.bundles.commit()
        return {"version": swap.version, "previous": swap.previous}

    async def abandon(self, _: dict[str, Any]) -> dict[str, Any]:
        """Let go of what is staged."""
        self._server.bundles.abandon()
        return {}

    async def end_trial(self, said: dict[str, Any]) -> dict[str, Any]:
        """Drop the bundle on trial, or with ``{"promote"}`` let it serve; answer ``{"version"}``, which serves then."""
        return {"version": self._server.bundles.end_trial(promote=said["promote"])}

    async def describe(self, _: dict[str, Any]) -> dict[str, Any]:
        """Answer ``{"bundles"}``, the figures of each that is loaded."""
        return {"bundles": [asdict(each) for each in figures(self._server.bundles)]}
