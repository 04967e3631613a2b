"""`shelfsense-train import-ubi`: OpenSearch User Behavior Insights as the events that mining reads."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.progress import CONSOLE


def import_ubi(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Newline-delimited JSON: ubi_queries and ubi_events.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Events, .parquet.")],
    locale: Annotated[str, typer.Option(help="BCP 47 tag of the store; UBI has none.", show_default=False)],
) -> None:
    """Write UBI documents as events(event_time, session_id, locale, query, product_id, action, position)."""
    from shelfsense.errors import InputRefused
    from shelfsense_training.mining import ubi

    if out.suffix != ".parquet":
        raise InputRefused(f"{out}: events are written as Parquet; give a name that ends in .parquet")
    imported = ubi.import_ubi(source, out, locale)
    for reason, count in sorted(imported.left_out.items()):
        CONSOLE.print(f"left out {count:,}: {reason}", highlight=False)
    kinds = ", ".join(f"{count:,} {action}" for action, count in imported.events.items())
    CONSOLE.print(f"wrote {out}: {kinds or 'no event'}", highlight=False)
