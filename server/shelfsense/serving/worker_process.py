"""One worker process as its supervisor sees it: started, asked, told to stop, ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shelfsense.serving.control_channel import ControlChannel

COMMAND = (sys.executable, "-m", "shelfsense.serving.worker")
"""The program that a worker runs. A new process, never a fork: gRPC and ONNX Runtime have threads."""

_STDERR = 2
_AFTER_DRAIN_S = 5.0  # for what follows the drain: ending the engine, letting go of memory
# Libraries size their pools by these, each by the cores it sees; N workers would each take them all.
_POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")

_log = logging.getLogger(__name__)


class WorkerProcess:
    """A process and the channel to it.

    Args:
        number: of the worker, from 0; one that takes its place has the same.
        process: the process.
        channel: its standard input, at the other end.
    """

    def __init__(self, number: int, process: Process, channel: ControlChannel) -> None:
        self.number = number
        self.pid = process.pid
        self._process = process
        self._channel = channel
        self._exit = asyncio.create_task(process.wait(), name=f"worker {number}")

    @classmethod
    async def spawn(cls, number: int, *, threads: int, command: Sequence[str] = COMMAND) -> WorkerProcess:
        """Start a process, which waits for its first command.

        Args:
            number: of the worker.
            threads: CPU threads of its engine, and of every other pool in it.
            command: the program; it finds its end of the channel as standard input.

        Raises:
            OSError: the system has no room for one more.
        """
        ours, theirs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=theirs.fileno(),
                stdout=_STDERR,  # the supervisor alone speaks on stdout: one ready line
                env={**os.environ, **dict.fromkeys(_POOLS, str(threads))},
                # In a group of its own: Ctrl-C at a terminal is for the supervisor, which then stops its workers.
                process_group=0,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(number, process, await ControlChannel.over(ours, {}))

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return not self._exit.done()

    @property
    def leaving(self) -> bool:
        """Whether it has closed its end of the channel, which is the last thing that it does."""
        return self._channel.ended.is_set()

    def when_ended(self, then: Callable[[], None]) -> None:
        """Call something, without arguments, at the end of the process."""
        self._exit.add_done_callback(lambda _: then())

    async def ask(self, command: str, arguments: Mapping[str, Any] | None = None, *, within_s: float) -> dict[str, Any]:
        """Return what it answers; raises as `ControlChannel.ask`."""
        return await self._channel.ask(command, arguments, within_s=within_s)

    async def ended(self, within_s: float) -> bool:
        """Wait for its end, a limited time, and return whether it has come."""
        await asyncio.wait((self._exit,), timeout=within_s)
        return self._exit.done()

    async def stop(self, drain_s: float) -> None:
        """Let it drain, kill it if that takes too long, and clear up behind it.

        Args:
            drain_s: seconds that it may give to calls in flight.
        """
        self._signal(signal.SIGTERM)
        if not await self.ended(drain_s + _AFTER_DRAIN_S):
            _log.error("worker %d (process %d) did not end in time and is killed", self.number, self.pid)
        await self.kill()

    def kill_now(self) -> None:
        """End it at once, without waiting for its end."""
        self._signal(signal.SIGKILL)

    async def kill(self) -> None:
        """End it at once, if it has not ended, and clear up behind it."""
        self.kill_now()
        await asyncio.shield(self._exit)
        await self._channel.close()

    def how_it_ended(self) -> str:
        """Return its exit code, or the signal that killed it, in words."""
        code = self._process.returncode
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return f"was killed by {signal.Signals(-code).name}"
        return f"left with {code}"

    def _signal(self, number: signal.Signals) -> None:
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
