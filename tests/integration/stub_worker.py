"""A worker process without a server: what real ones seldom do, such as hanging, it does when told to.

``python stub_worker.py``: the settings' bundle folder is its version, and the folder's name its manners at the start.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from shelfsense.errors import BundleRefused, EngineUnavailable
from shelfsense.serving.control_channel import ControlChannel


class Stub:
    def __init__(self) -> None:
        self.number = -1
        self.bundle = ""
        self.staged = ""
        self.serving = True
        self.hangs = False

    async def start(self, said: dict[str, Any]) -> dict[str, Any]:
        self.number, self.bundle = said["number"], Path(said["settings"]["bundle"]).name
        if self.bundle == "refused":
            raise BundleRefused("manifest.json", "it is not there", "copy it again")
        if self.bundle == "deadly":
            os._exit(7)
        return {"port": said["settings"]["port"], "bundle": self.bundle}

    async def state(self, _: dict[str, Any]) -> dict[str, Any]:
        if self.hangs:
            await asyncio.sleep(60)
        return {"serving": self.serving, "bundle": self.bundle, "staged": self.staged}

    async def misbehave(self, said: dict[str, Any]) -> dict[str, Any]:
        if said["worker"] == self.number:
            self.hangs, self.serving = said.get("hangs", False), said.get("serving", True)
        return {}

    async def sleep(self, said: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(60 if said["worker"] == self.number else 0)
        return {}

    async def stage(self, said: dict[str, Any]) -> dict[str, Any]:
        if said["refused_by"] == self.number:
            raise EngineUnavailable("there is no memory for two; give it more")
        if said.get("kills") == self.number:
            os._exit(9)
        self.staged = said["bundle"]
        return {}

    async def commit(self, said: dict[str, Any]) -> dict[str, Any]:
        if said.get("refused_by") == self.number:
            raise EngineUnavailable("nothing is staged")
        self.bundle, self.staged = self.staged, ""
        return {}

    async def abandon(self, _: dict[str, Any]) -> dict[str, Any]:
        self.staged = ""
        return {}

    async def fault(self, _: dict[str, Any]) -> dict[str, Any]:
        raise KeyError("a shopper's words")


async def main() -> None:
    stub, left = Stub(), asyncio.Event()
    names = ("start", "state", "misbehave", "sleep", "stage", "commit", "abandon", "fault")
    channel = await ControlChannel.over(socket.socket(fileno=0), {name: getattr(stub, name) for name in names})
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, left.set)
    over = [asyncio.create_task(event.wait()) for event in (left, channel.ended)]
    await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
    sys.exit(0)


if __name__ == "__main__":
    asyncio.run(main())
