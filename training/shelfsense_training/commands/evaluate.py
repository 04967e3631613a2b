"""`shelfsense-train evaluate`: how good a bundle is on labelled queries, and fastText beside it."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.commands.options import BundleOption, DataOption, OutOption, ResamplesOption, SeedOption
from shelfsense_training.progress import CONSOLE


def evaluate(
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
    resamples: ResamplesOption = 1000,
    seed: SeedOption = 0,
) -> None:
    """Measure a bundle on labelled queries; writes metrics.json and metrics.md."""
    from shelfsense_training.evaluation.evaluate import Evaluation, write_report
    from shelfsense_training.evaluation.report import Bootstrap

    if baseline_validation is not None and baseline_rows is None:
        raise typer.BadParameter("goes with --baseline-rows; name both", param_hint="--baseline-validation")
    evaluation = Evaluation.load(bundle, data)
    baseline = None
    if baseline_rows is not None:
        baseline = evaluation.baseline(baseline_rows, baseline_validation, examples=baseline_examples)
    write_report(evaluation.report(baseline, Bootstrap(resamples, seed)), out)
    CONSOLE.print(f"wrote {out}/metrics.json and metrics.md", highlight=False)
