"""`shelfsense-train evaluate`: how good a bundle is on labelled queries, and fastText beside it."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.commands.options import BundleOption, DataOption, OutOption, ResamplesOption, SeedOption
from shelfsense_training.progress import CONSOLE


def evaluate(  # noqa: PLR0913  one per option of the command
    bundle: BundleOption,
    data: DataOption,
    out: OutOption,
    *,
    baseline_rows: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The bundle's training rows, .parquet: trains fastText on them and reports it beside the bundle.",
        ),
    ] = None,
    baseline_validation: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Labelled queries that fastText is tuned and its thresholds fixed on; "
            "else the validation side of the judged queries of the data folder.",
        ),
    ] = None,
    baseline_examples: Annotated[
        int, typer.Option(min=1, help="fastText's budget, rows x passes; 900,000 take about three minutes.")
    ] = 900_000,
    other: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Another bundle of the same tree: its figures, and the paired difference, beside the bundle's.",
        ),
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A study.json (lists variants, gains, cold_start): report.html shows its pictures as well.",
        ),
    ] = None,
    origin: Annotated[
        str,
        typer.Option(
            metavar="WORDS",
            help="Where the queries come from, such as 'real, our shop, May' or 'simulated': said under every picture.",
        ),
    ] = "",
    queries: Annotated[
        bool,
        typer.Option(
            "--queries/--no-queries",
            help="report.html quotes queries that were answered wrongly, so keep it where the data file is kept; "
            "--no-queries leaves their texts out.",
        ),
    ] = True,
    resamples: ResamplesOption = 1000,
    seed: SeedOption = 0,
) -> None:
    """Measure a bundle on labelled queries; writes metrics.json, metrics.md and report.html.

    report.html is one page of pictures that loads nothing from anywhere. It holds query texts of the data
    file unless --no-queries is given.
    """
    from shelfsense_training.evaluation.evaluate import Evaluation, write_page, write_report
    from shelfsense_training.evaluation.page.study import Study
    from shelfsense_training.evaluation.report import Bootstrap

    if baseline_validation is not None and baseline_rows is None:
        raise typer.BadParameter("goes with --baseline-rows; name both", param_hint="--baseline-validation")
    if other is not None and baseline_rows is not None:
        raise typer.BadParameter("does not go with --baseline-rows; name one of the two", param_hint="--other")
    found = None if study is None else Study.read(study)
    evaluation = Evaluation.load(bundle, data)
    baseline = None
    if baseline_rows is not None:
        baseline = evaluation.baseline(baseline_rows, baseline_validation, examples=baseline_examples)
    second = None if other is None else evaluation.beside(other, data)
    measured = evaluation.measured(baseline, Bootstrap(resamples, seed), origin, other=second)
    write_report(dict(measured.report), out)
    write_page(measured, out, found, queries=queries)
    CONSOLE.print(f"wrote {out}/metrics.json, metrics.md and report.html", highlight=False)
