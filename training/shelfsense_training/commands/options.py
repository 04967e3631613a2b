"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

BundleOption = Annotated[Path, typer.Option("--bundle", metavar="DIR", help="Bundle folder.", show_default=False)]
DataOption = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="FILE",
        help="Labelled queries, .csv, .tsv or .parquet: query, locale, product_type_id, label (1 or 0) and "
        "optionally volume. Ids are the bundle's types; an empty one says that none fits.",
        show_default=False,
    ),
]
OutOption = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder for the results; made where missing.", show_default=False)
]
ResamplesOption = Annotated[
    int, typer.Option("--resamples", min=0, max=100_000, help="Bootstrap resamples; 0: no intervals.")
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Of every draw.")]
