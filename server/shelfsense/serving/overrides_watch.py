"""Keeps a bundle's table of overrides as its file has it: read again when the file changes, without a restart.

A file that cannot be obeyed is refused as a whole, and the table there was stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

from shelfsense.errors import InputRefused
from shelfsense.overrides.override import OverridesRefused
from shelfsense.overrides.override_table import OverrideTable
from shelfsense.overrides.override_targets import OverrideTargets
from shelfsense.serving.errors import trace

_log = logging.getLogger(__name__)

_EVERY_S = 1.0

Signature = tuple[int, int, int]
"""When a file was changed, in nanoseconds, its bytes and its inode: another file has another."""


class OverridesWatch:
    """Watches one file for one loaded bundle.

    Args:
        path: the file; None: there are no rules, and nothing is watched.
        targets: of the bundle.
        on_read: told after each reading ``obeyed`` or ``refused``, and how many rules are in force now.
        every_s: seconds between two looks.

    Attributes:
        table: the rules now; another object when they change, itself never changed.
    """

    def __init__(
        self,
        path: Path | None,
        targets: OverrideTargets,
        *,
        on_read: Callable[[str, int], None] = lambda _outcome, _rules: None,
        every_s: float = _EVERY_S,
    ) -> None:
        self.table = OverrideTable.none(targets)
        self._path = path
        self._targets = targets
        self._on_read = on_read
        self._every_s = every_s
        self._seen: Signature | None = None
        self._watching: asyncio.Task[None] | None = None

    def load(self) -> None:
        """Read the file for the first time; called off the event loop where others answer meanwhile.

        Raises:
            InputRefused: it is not there, or cannot be obeyed; its bad rows are listed.
        """
        if self._path is None:
            return
        self._seen = _signature(self._path)
        self._take(self._path, self._read(self._path))

    def start(self) -> None:
        """Begin to look, in a task of the running event loop."""
        if self._path is not None:
            self._watching = asyncio.create_task(self._watch(self._path), name="overrides")

    async def stop(self) -> None:
        """Look no more."""
        watching, self._watching = self._watching, None
        if watching:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _watch(self, path: Path) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            # In a thread: neither a file system that hangs nor a long file is to hold up the event loop.
            outcome = await asyncio.to_thread(self._look, path)
            if isinstance(outcome, OverrideTable):
                self._take(path, outcome)
            elif outcome is not None:
                self._refuse(path, outcome)

    def _look(self, path: Path) -> OverrideTable | Exception | None:
        """Return what became of a file that has changed; None where it has not, or is still being written."""
        signature = _signature(path)
        if signature == self._seen:
            return None
        outcome: OverrideTable | Exception
        try:
            outcome = self._read(path)
        except Exception as error:  # whatever it is, the table there was goes on to serve
            outcome = error
        if _signature(path) != signature:
            return None
        self._seen = signature  # also of a file that was refused: it is read again when it changes
        return outcome

    def _read(self, path: Path) -> OverrideTable:
        try:
            data = path.read_bytes()
        except OSError as error:
            fact = error.strerror or type(error).__name__
            raise InputRefused(
                f"{path}: cannot be read ({fact}); put a file there: one without rows drops all overrides"
            ) from error
        try:
            return OverrideTable.read(data, self._targets, time.time())
        except OverridesRefused as error:
            raise OverridesRefused(error.faults, str(path)) from error
        except InputRefused as error:
            raise InputRefused(f"{path}: {error}") from error

    def _take(self, path: Path, table: OverrideTable) -> None:
        self.table = table
        _log.info("%s: %d overrides in force (sha256 %s)", path, len(table), table.digest[:12])
        self._on_read("obeyed", len(table))

    def _refuse(self, path: Path, error: Exception) -> None:
        kept = f"the {len(self.table)} overrides of before stay in force"
        if isinstance(error, InputRefused):
            _log.error("%s; %s", error, kept)
        else:
            _log.error("%s cannot be read, by a fault of ours; %s; %s", path, kept, trace(error))
        self._on_read("refused", len(self.table))


def _signature(path: Path) -> Signature | None:
    """Return what tells a file from one that was changed, None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
