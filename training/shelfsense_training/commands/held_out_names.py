"""`shelfsense-train held-out-names`: product names nobody trained on, as a data file of `evaluate`."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.progress import CONSOLE
from shelfsense_training.sources.splits import Split


def held_out_names(
    *,
    split: Annotated[Split, typer.Option(help="Which side of the split by (category, locale) cell.")] = Split.TEST,
    categories: Annotated[
        bool,
        typer.Option("--categories", help="Names of whole categories kept out of training in every locale, instead."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=".csv; else work/held_out_names/KIND.csv.", show_default=False),
    ] = None,
) -> None:
    """Write the taxonomy's held-out names; those that a training cell has too are left out.

    The file holds localized names of a data set that stay out of the project.
    """
    from shelfsense_training.evaluation.labelled_rows import LabelledRow, write_labelled_rows
    from shelfsense_training.sources.data_folder import data_folder
    from shelfsense_training.validation import clean_queries, unseen_queries

    folder = data_folder()
    queries = unseen_queries(folder) if categories else clean_queries(folder, split)
    path = out or Path("work") / "held_out_names" / f"{'categories' if categories else split}.csv"
    rows = [LabelledRow(query.text, query.locale, query.types[0], relevant=True) for query in queries]
    write_labelled_rows(rows, path)
    CONSOLE.print(f"wrote {len(rows):,} rows to {path}", highlight=False)
