"""`shelfsense-train fix-reformulations`: a bundle whose reformulations are scored as this version scores them."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def fix_reformulations(
    bundle: Annotated[Path, typer.Option(help="The bundle to start from; it is not touched.")],
    out: Annotated[Path, typer.Option(help="The bundle to write.")],
    version: Annotated[str, typer.Option(help="The new bundle's own version.")],
    threads: Annotated[int, typer.Option(min=1, help="Threads of the engine.")] = 2,
) -> None:
    """Write a copy of a bundle with its reformulations' score and thresholds fitted anew to held-out phrasings.

    For a bundle that is older than the gates and synonyms it is served with.
    """
    from shelfsense.bundle import Bundle
    from shelfsense_training.reformulation_fixing import fix_reformulations as fix

    written = fix(Bundle.open(bundle), out, version, threads=threads)
    typer.echo(f"{written.path}: {written.version}")
