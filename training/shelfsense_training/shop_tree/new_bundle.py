"""The folder of a new bundle is never that of the one it starts from."""

from __future__ import annotations

from pathlib import Path

from shelfsense.errors import InputRefused


def check_apart(start: Path, out: Path) -> None:
    """Refuse to write a bundle over the one it is made from.

    Raises:
        InputRefused: when both are one folder.
    """
    if start.resolve() == out.resolve():
        raise InputRefused(f"{out}: is the bundle to start from, which is never touched; name another folder")
