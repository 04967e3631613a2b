"""Progress of long work, on standard error."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

CONSOLE = Console(stderr=True)
"""Where every stage reports."""


def progress_bar() -> Progress:
    """Return a progress display: what, how far, how long, how much longer, and a figure."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figure]}"),
        console=CONSOLE,
        refresh_per_second=1,
    )
