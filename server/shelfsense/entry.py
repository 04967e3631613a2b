"""The `shelfsense` command, which is installed with the base package and says so when it can do nothing yet."""

from __future__ import annotations

import sys
from importlib import import_module

from shelfsense.errors import MissingExtra

_USAGE = 2


def main() -> None:
    """Run the command line, or name the extra it needs and exit with 2."""
    try:
        # By name and only now: the base install has neither typer nor anything else the commands need.
        cli = import_module("shelfsense.cli.app")
    except ModuleNotFoundError as error:
        missing = error.name or "a module"
        if missing.partition(".")[0] == "shelfsense":
            raise
        sys.stderr.write(f"shelfsense: {MissingExtra('server', missing)}\n")
        sys.exit(_USAGE)
    cli.app()
