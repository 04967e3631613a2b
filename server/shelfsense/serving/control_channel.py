"""Commands between a supervisor and one of its worker processes, a line of JSON each, over a socket pair.

Both ends are alike: each asks, and each answers what it has a handler for. A line is
``{"id", "command", ...}`` or the reply to one, ``{"id", "answer"}`` or ``{"id", "refused", "message", "facts"}``.
The end of the stream is the end of the other process, however it ended. Knows neither gRPC nor bundles.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from shelfsense.errors import ShelfsenseError
from shelfsense.serving.errors import trace

Handler = Callable[[dict[str, Any]], Awaitable[Mapping[str, Any]]]
"""Carries out a command: its arguments in, what is answered out; a `ShelfsenseError` refuses it."""

FAULT = "Fault"
"""The kind of an error that nobody raised on purpose."""

_LONGEST_LINE = 64 << 20  # bytes; the longest is a page of metrics, of a few hundred KB

_NO_FACTS: Mapping[str, str] = MappingProxyType({})

_log = logging.getLogger(__name__)


class CommandRefused(ShelfsenseError):
    """The other process understood a command and did not carry it out.

    Args:
        kind: class name of the error there, such as ``BundleRefused``; `FAULT` where it is none of ours.
        message: its text, with the fact and the next step.
        facts: the error's attributes that are text.
    """

    def __init__(self, kind: str, message: str, facts: Mapping[str, str] = _NO_FACTS) -> None:
        super().__init__(message)
        self.kind = kind
        self.facts = facts


class NoReply(ShelfsenseError):
    """The other process ended, or was silent for too long.

    Args:
        command: what it was asked.
        fact: how it failed to answer.
    """

    def __init__(self, command: str, fact: str) -> None:
        super().__init__(f"no reply to '{command}': the process {fact}; it is replaced, try again")


class ControlChannel:
    """One end of a socket pair.

    Args:
        reader: what the other process says.
        writer: what it is told.
        handlers: by command; those of commands that take long must not block the event loop.

    Attributes:
        ended: set once the other process has closed its end, or is gone.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handlers: Mapping[str, Handler]
    ) -> None:
        self.ended = asyncio.Event()
        self._reader = reader
        self._writer = writer
        self._handlers = handlers
        self._ids = itertools.count()
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._at_work: set[asyncio.Task[None]] = set()
        self._listening = asyncio.create_task(self._listen(), name="control")

    @classmethod
    async def over(cls, end: socket.socket, handlers: Mapping[str, Handler]) -> ControlChannel:
        """Return the channel over a connected socket, which it owns from now on."""
        reader, writer = await asyncio.open_unix_connection(sock=end, limit=_LONGEST_LINE)
        return cls(reader, writer, handlers)

    async def ask(self, command: str, arguments: Mapping[str, Any] | None = None, *, within_s: float) -> dict[str, Any]:
        """Return what the other process answers.

        Args:
            command: one it has a handler for.
            arguments: of the command, ready for JSON.
            within_s: seconds it may take.

        Raises:
            CommandRefused: it was not carried out.
            NoReply: the process ended, or the time was over; whether it was carried out is unknown.
        """
        if self.ended.is_set():
            raise NoReply(command, "has ended")
        number, reply = next(self._ids), asyncio.get_running_loop().create_future()
        self._asked[number] = reply
        self._say({**(arguments or {}), "id": number, "command": command})
        try:
            async with asyncio.timeout(within_s):
                found = await reply
        except TimeoutError:
            raise NoReply(command, f"was silent for {within_s:g} s") from None
        except ConnectionError:
            raise NoReply(command, "has ended") from None
        finally:
            self._asked.pop(number, None)
        if "refused" in found:
            raise CommandRefused(found["refused"], found["message"], found["facts"])
        return dict(found["answer"])

    async def close(self) -> None:
        """Close this end; commands that are being carried out here are dropped."""
        for task in (self._listening, *self._at_work):
            task.cancel()
        await asyncio.gather(self._listening, *self._at_work, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _listen(self) -> None:
        try:
            # A process that was killed may leave half a line: no line end, no command.
            while (line := await self._reader.readline()).endswith(b"\n"):
                self._hear(json.loads(line))
        except ConnectionError:
            pass  # the same end, as the system tells it where something was left unread
        except ValueError:
            _log.exception("the other process does not speak this protocol; the channel is given up")
        finally:
            self.ended.set()
            for reply in self._asked.values():
                if not reply.done():
                    reply.set_exception(ConnectionResetError())

    def _hear(self, said: dict[str, Any]) -> None:
        if "command" in said:
            task = asyncio.create_task(self._carry_out(said), name=f"command {said['command']}")
            self._at_work.add(task)
            task.add_done_callback(self._at_work.discard)
        elif (reply := self._asked.get(said["id"])) and not reply.done():
            reply.set_result(said)

    async def _carry_out(self, said: dict[str, Any]) -> None:
        number, command = said.pop("id"), said.pop("command")
        try:
            self._say({"id": number, "answer": dict(await self._handler(command)(said))})
        except ShelfsenseError as error:
            facts = {name: value for name, value in vars(error).items() if isinstance(value, str)}
            self._refuse(number, type(error).__name__, str(error), facts)
        except Exception as error:
            _log.error("'%s' failed: %s", command, trace(error))
            self._refuse(number, FAULT, f"'{command}' failed by a fault of ours; the log has its stack")

    def _handler(self, command: str) -> Handler:
        if command not in self._handlers:
            raise CommandRefused(command, f"no command is called '{command}'; both processes must be of one release")
        return self._handlers[command]

    def _refuse(self, number: int, kind: str, message: str, facts: Mapping[str, str] = _NO_FACTS) -> None:
        self._say({"id": number, "refused": kind, "message": message, "facts": dict(facts)})

    def _say(self, message: Mapping[str, Any]) -> None:
        # Not drained: a few short lines at most are under way, and a reader that is gone must hold nobody up.
        self._writer.write(json.dumps(message).encode() + b"\n")
