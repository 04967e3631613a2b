"""`shelfsense-train index`: a bundle with a shop's own head queries."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def index(
    heads: Annotated[Path, typer.Option(help="CSV, TSV or Parquet with query, locale, volume.")],
    bundle: Annotated[Path, typer.Option(help="The bundle to start from; it is not touched.")],
    out: Annotated[Path, typer.Option(help="The bundle to write.")],
) -> None:
    """Write a copy of a bundle whose head index holds the given queries instead of its own."""
    from shelfsense.bundle import Bundle
    from shelfsense_training.bundle_building import index_heads
    from shelfsense_training.heads_file import read_heads_file

    opened = Bundle.open(bundle)
    rows = read_heads_file(heads, opened.manifest["locales"])
    written = index_heads(opened, rows, out)
    typer.echo(f"{written.path}: {len(rows):,} heads in {len({row.locale for row in rows})} locales")
