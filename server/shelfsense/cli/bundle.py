"""`shelfsense bundle show | verify`: what a bundle folder is, and whether it is whole."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shelfsense.bundle import Bundle

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Bundle folder.", show_default=False)]

bundle_app = typer.Typer(help="Look at a bundle folder.", no_args_is_help=True)


@bundle_app.command()
def verify(folder: Folder) -> None:
    """Check every file of a bundle against its digest; exit 4 when it is refused."""
    bundle = Bundle.open(folder)
    files = bundle.manifest["files"]
    size = sum(entry["bytes"] for entry in files.values())
    sys.stdout.write(f"ok bundle={bundle.version} files={len(files)} bytes={size}\n")
