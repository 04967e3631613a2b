"""What a supervisor may ask of a worker that serves, by the command's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shelfsense.serving.control_channel import Handler
from shelfsense.serving.server import Server


def worker_commands(server: Server) -> Mapping[str, Handler]:
    """Return the handlers of a server's worker.

    ``state``: ``{"serving", "bundle"}``, asked every second. ``metrics``: ``{"page"}``, Prometheus' text.
    """

    async def state(_: dict[str, Any]) -> dict[str, Any]:
        return {"serving": server.serving, "bundle": server.bundle_version}

    async def metrics(_: dict[str, Any]) -> dict[str, Any]:
        return {"page": server.metrics.exposition().decode()}

    return {"state": state, "metrics": metrics}
