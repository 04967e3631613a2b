"""`shelfsense-train judged-queries`: the judged marketplace queries as a data file of `evaluate`."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.progress import CONSOLE
from shelfsense_training.sources.splits import Split


def judged_queries(
    *,
    split: Annotated[Split, typer.Option(help="Which side of the split by normalised query.")] = Split.TEST,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=".csv; else work/judged_queries/SPLIT.csv.", show_default=False),
    ] = None,
) -> None:
    """Write one side of the judged queries, mapped onto the default tree.

    The file holds rows of a data set that may not be passed on: keep it out of the project.
    """
    from shelfsense_training.evaluation.labelled_queries import judged_rows
    from shelfsense_training.evaluation.labelled_rows import write_labelled_rows
    from shelfsense_training.sources.data_folder import data_folder
    from shelfsense_training.sources.judged_queries import read_judged_queries

    path = out or Path("work") / "judged_queries" / f"{split}.csv"
    rows = judged_rows(read_judged_queries(data_folder()), split)
    write_labelled_rows(rows, path)
    CONSOLE.print(f"wrote {len(rows):,} rows to {path}", highlight=False)
