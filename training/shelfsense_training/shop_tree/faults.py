"""What is wrong with a file, all of it at once, so that one run is enough to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from shelfsense.errors import InputRefused
from shelfsense_training.onboarding.cells import Cells

_MOST_SHOWN = 20


class Faults:
    """Collects the faults of one file by line.

    Args:
        path: the file, for the message.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[tuple[int, str]] = []

    def add(self, line: int, fact: str) -> None:
        """Note a fault; its text says the fact and the remedy."""
        self._found.append((line, fact))

    def readable(self, rows: Iterator[Cells]) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield lines and their values, stripped; a row that cannot be read is a fault."""
        for cells in rows:
            values = {name: value.strip() for name, value in cells.values.items()}
            if cells.fault:
                self.add(cells.line, cells.fault)
            elif any("\udc80" <= character <= "\udcff" for value in values.values() for character in value):
                self.add(cells.line, "is not UTF-8; send valid UTF-8")
            else:
                yield cells.line, values

    def refuse(self) -> None:
        """Raise what was found.

        Raises:
            InputRefused: naming up to 20 lines, when there is a fault.
        """
        if not self._found:
            return
        shown = [f"line {line}: {fact}" for line, fact in sorted(self._found)[:_MOST_SHOWN]]
        more = len(self._found) - len(shown)
        tail = [f"and {more} more"] if more else []
        raise InputRefused(f"{self._path}: " + "\n  ".join([*shown, *tail]))
