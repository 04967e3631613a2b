"""`shelfsense-train mine-heads`: the queries with enough traffic to stand for others, from a log."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.progress import CONSOLE, progress_bar


def mine_heads(
    events: Annotated[Path, typer.Option(help="Parquet file or folder: the events of a log.", show_default=False)],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Heads, .parquet.", show_default=False)],
    *,
    min_sessions: Annotated[int, typer.Option(min=1, help="Distinct sessions that searched a head.")] = 20,
    memory_limit: Annotated[str, typer.Option(help="Of DuckDB; what does not fit goes to a temporary folder.")] = "4GB",
    threads: Annotated[int, typer.Option(min=1, help="Of DuckDB.")] = 2,
) -> None:
    """Mine heads(query, locale, volume, sessions) from a log, as `index --heads` reads them; a report lies beside.

    Queries with e-mail addresses, phone or card numbers are dropped and counted.
    """
    from shelfsense.errors import InputRefused
    from shelfsense_training.mining import head_mining
    from shelfsense_training.mining.mined_file import write_mined
    from shelfsense_training.mining.sql_engine import duckdb_engine

    if out.suffix != ".parquet":
        raise InputRefused(f"{out}: heads are written as Parquet; give a name that ends in .parquet")
    with duckdb_engine(memory_limit=memory_limit, threads=threads) as engine, progress_bar() as progress:
        task = progress.add_task("mine", total=head_mining.STAGES, figure="")
        mined = head_mining.mine_heads(
            engine,
            events,
            min_sessions=min_sessions,
            on_stage=lambda stage: progress.update(task, advance=1, figure=stage),
        )
    report = write_mined(mined.heads, mined.report(), out)
    for kind, counted in mined.facts["personal_data_dropped"].items():
        CONSOLE.print(
            f"dropped {counted['queries']:,} queries ({counted['searches']:,} searches): {kind}", highlight=False
        )
    CONSOLE.print(
        f"wrote {out}: {mined.heads.num_rows:,} heads, {mined.facts['share_of_searches']:.1%} of searches; "
        f"{report.name} says how",
        highlight=False,
    )
