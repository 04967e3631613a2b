"""`shelfsense-train mine-labels`: which product types a query means, from what shoppers did."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.progress import CONSOLE, progress_bar


class ExposureOption(StrEnum):
    """Whether labels are corrected for what was shown where."""

    CORRECTED = "corrected"
    RAW = "raw"


def mine_labels(
    events: Annotated[Path, typer.Option(help="Parquet file or folder: the events of a log.", show_default=False)],
    catalog: Annotated[
        Path, typer.Option(help="Parquet file or folder: product_id, locale, product_type_id.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Labels, .parquet.", show_default=False)],
    *,
    exposure: Annotated[
        ExposureOption, typer.Option(help="corrected: for position, exposure and noise; raw: shares of actions.")
    ] = ExposureOption.CORRECTED,
    min_probability: Annotated[float, typer.Option(help="Labels below are dropped.")] = 0.2,
    min_sessions: Annotated[int, typer.Option(min=1, help="Sessions that acted on the type.")] = 3,
    memory_limit: Annotated[str, typer.Option(help="Of DuckDB; what does not fit goes to a temporary folder.")] = "4GB",
    threads: Annotated[int, typer.Option(min=1, help="Of DuckDB.")] = 2,
) -> None:
    """Mine labels(query, locale, product_type_id, probability, ...) from a log; a report lies beside them."""
    from shelfsense.errors import InputRefused
    from shelfsense_training.mining import label_mining
    from shelfsense_training.mining.label_files import write_labels
    from shelfsense_training.mining.label_settings import LabelSettings
    from shelfsense_training.mining.sql_engine import duckdb_engine

    if out.suffix != ".parquet":
        raise InputRefused(f"{out}: labels are written as Parquet; give a name that ends in .parquet")
    settings = LabelSettings(min_probability=min_probability, min_sessions=min_sessions)
    with duckdb_engine(memory_limit=memory_limit, threads=threads) as engine, progress_bar() as progress:
        task = progress.add_task("mine", total=label_mining.STAGES[exposure.value], figure="")
        mined = label_mining.mine_labels(
            engine,
            events,
            catalog,
            settings,
            exposure=exposure.value,
            on_stage=lambda stage: progress.update(task, advance=1, figure=stage),
        )
    report = write_labels(mined, out)
    for fault, count in mined.events.items():
        if fault != "sound":
            CONSOLE.print(f"dropped {count:,} events: {fault}", highlight=False)
    CONSOLE.print(f"wrote {out}: {mined.labels.num_rows:,} labels; {report.name} says how", highlight=False)
