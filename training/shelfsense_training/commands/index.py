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
    from shelfsense_training.progress import CONSOLE

    opened = Bundle.open(bundle)
    read = read_heads_file(heads, opened.manifest["locales"])
    CONSOLE.print(f"{heads}: {read}", markup=False, soft_wrap=True)
    written = index_heads(opened, read.heads, out)
    typer.echo(f"{written.path}: {len(read.heads):,} heads in {len({head.locale for head in read.heads})} locales")
