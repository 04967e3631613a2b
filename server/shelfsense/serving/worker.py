"""``python -m shelfsense.serving.worker``: one worker process; started by `Supervisor`, never by hand.

Its standard input is one end of a channel. The first command says what to be; from then on it is the ordinary
server on a shared port, until SIGTERM or the end of its supervisor: both drain.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from typing import Any

from shelfsense.errors import ShelfsenseError
from shelfsense.serving import logs
from shelfsense.serving.control_channel import ControlChannel, Handler
from shelfsense.serving.memory import few_arenas
from shelfsense.serving.server import Server
from shelfsense.serving.settings import Settings
from shelfsense.serving.worker_commands import WorkerCommands

_STDIN = 0
_EXIT_NOT_STARTED = 1


class Worker:
    """The server of one worker process, and what its supervisor may ask.

    Attributes:
        leave: set when the process is to end.
        server: None until the first command.
    """

    def __init__(self) -> None:
        self.leave = asyncio.Event()
        self.server: Server | None = None
        self.handlers: dict[str, Handler] = {"start": self._start}

    async def stop(self) -> None:
        """Drain."""
        if self.server is not None:
            await self.server.stop()

    async def _start(self, arguments: dict[str, Any]) -> dict[str, Any]:
        settings = Settings(**arguments["settings"])
        logs.set_up(
            settings.log_format, settings.log_level, log_queries=settings.log_queries, worker=arguments["number"]
        )
        try:
            # Blocks the loop: nothing else may be asked of a worker that is not ready.
            server = Server.load(settings, share_port=True)
            await server.start()
        except ShelfsenseError:
            self.leave.set()
            raise
        self.server = server
        self.handlers.update(WorkerCommands(server).handlers())
        return {"port": server.port, "bundle": server.bundle_version}


async def work(end: socket.socket) -> int:
    """Be a worker at one end of a channel, and return the exit code."""
    worker = Worker()
    channel = await ControlChannel.over(end, worker.handlers)
    loop = asyncio.get_running_loop()
    # A second SIGTERM waits for the drain too: who is in a hurry asks the supervisor, which kills.
    loop.add_signal_handler(signal.SIGTERM, worker.leave.set)
    over = [asyncio.create_task(event.wait()) for event in (worker.leave, channel.ended)]
    await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
    for task in over:
        task.cancel()
    if channel.ended.is_set():
        logging.getLogger(__name__).warning("the supervisor has ended; this worker drains and leaves")
    await worker.stop()
    await channel.close()
    return 0 if worker.server is not None else _EXIT_NOT_STARTED


def main() -> int:
    """Work until told to leave, and return the exit code."""
    logs.set_up()
    few_arenas()
    return asyncio.run(work(socket.socket(fileno=_STDIN)))


if __name__ == "__main__":
    sys.exit(main())
