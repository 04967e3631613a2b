"""`shelfsense annotate`: a file of queries, with what each of them means."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from shelfsense.annotation import Annotator, InputColumns, annotate_file
from shelfsense.cli.exit_codes import FAILED
from shelfsense.cli.options import (
    BundleOption,
    CrossLocaleOption,
    IncludeRefusedOption,
    PreciseOption,
    ReformulationsOption,
    TopKOption,
    TruncateOption,
    open_bundle,
)
from shelfsense.query import DEFAULT_REFORMULATIONS, DEFAULT_TOP_K, Options
from shelfsense.understander import Understander


def annotate(  # noqa: PLR0913  a command's arguments are its options
    source: Annotated[Path, typer.Argument(metavar="IN", help=".csv, .csv.gz or .parquet.", show_default=False)],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="Of the same format.", show_default=False)],
    *,
    query_column: Annotated[str, typer.Option(help="Column with the queries.")] = "query",
    locale_column: Annotated[str, typer.Option(help="Column with the locales.")] = "locale",
    locale: Annotated[
        str, typer.Option(help="Locale of rows without one; given this, the locale column may be missing.")
    ] = "",
    top_k: TopKOption = DEFAULT_TOP_K,
    max_reformulations: ReformulationsOption = DEFAULT_REFORMULATIONS,
    precise: PreciseOption = False,
    cross_locale: CrossLocaleOption = False,
    include_refused: IncludeRefusedOption = False,
    truncate: TruncateOption = False,
    batch_size: Annotated[int, typer.Option(min=1, max=4096, help="Queries through the network at once.")] = 64,
    engine: Annotated[str, typer.Option(help="onnx (CPU), or torch (GPU; needs the extra 'training').")] = "onnx",
    threads: Annotated[int, typer.Option(min=1, max=256, help="CPU threads of the engine.")] = 1,
    bundle: BundleOption = None,
) -> None:
    """Copy a file of queries and add product types and reformulations to every row.

    Rows that cannot be answered stay, with their status. Exit 1 when a query that was fine could not be
    answered (status error); the file is written all the same.
    """
    annotator = Annotator(
        Understander.load(open_bundle(bundle), engine=engine, threads=threads),
        Options(top_k, max_reformulations, precise=precise, cross_locale=cross_locale, include_refused=include_refused),
        batch_size=batch_size,
        truncate=truncate,
        default_locale=locale,
    )
    columns = InputColumns(query_column, locale_column, locale_required=not locale)
    console = Console(stderr=True)
    with _progress(console) as on_progress:
        summary = annotate_file(source, target, annotator, columns, on_progress=on_progress)
    console.print(
        f"{summary.rows:,} rows: {summary.ok:,} ok, {summary.invalid:,} invalid, {summary.error:,} error",
        highlight=False,
    )
    if summary.error:
        raise typer.Exit(FAILED)


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[int, float], None]]:
    """Show a bar of the file's share that is done; nothing where stderr is no terminal."""
    shown = (TextColumn("{task.fields[rows]:,} rows"), BarColumn(), TimeRemainingColumn())
    with Progress(*shown, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0, rows=0)

        def on_progress(rows: int, share: float) -> None:
            bar.update(task, completed=share, rows=rows)

        yield on_progress
