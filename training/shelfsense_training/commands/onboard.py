"""`shelfsense-train onboard`: a new store's locale in one command, with or without labels."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.commands.options import ResamplesOption, SeedOption
from shelfsense_training.progress import CONSOLE


class OnBadRow(StrEnum):
    """What to do about a row that cannot be used."""

    SKIP = "skip"
    STOP = "stop"


def onboard(  # noqa: PLR0913  one parameter per option
    locale: Annotated[str, typer.Option(metavar="TAG", help="The store's BCP 47 tag, as in nl-BE.")],
    queries: Annotated[Path, typer.Option(metavar="FILE", help="Its queries, .parquet, .csv or .tsv: query, volume.")],
    bundle: Annotated[Path, typer.Option(metavar="DIR", help="The bundle to start from; it is not touched.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The bundle to write; nothing may be there.")],
    *,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Judged queries: query, product_type_id (empty: none fits), label (1 or 0). "
            "From 40 on the locale is adapted, from 50 of a level on its thresholds are its own.",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the report; OUT.report unless named.")
    ] = None,
    on_bad_row: Annotated[
        OnBadRow, typer.Option(help="Leave a bad row out, or stop; all are listed in rejected_rows.csv either way.")
    ] = OnBadRow.SKIP,
    head_volume: Annotated[
        float, typer.Option(min=0, help="Least volume of a query that becomes a head of the index.")
    ] = 20.0,
    most_heads: Annotated[int, typer.Option(min=0, help="Heads at most, the most searched.")] = 20_000,
    most_steps: Annotated[
        int, typer.Option(min=0, help="Steps of each adaptation run at most; 0: nothing is adapted.")
    ] = 300,
    version: Annotated[str, typer.Option(help="Version of the new bundle; OLD+TAG unless named.")] = "",
    resamples: ResamplesOption = 1000,
    seed: SeedOption = 0,
) -> None:
    """Put a locale into a copy of a bundle: figures before and after, calibration, adaptation, heads, a report."""
    from shelfsense.bundle import Bundle
    from shelfsense_training.onboarding.adaptation import AdaptationSettings
    from shelfsense_training.onboarding.onboard import Onboarding
    from shelfsense_training.onboarding.onboarded import OnboardingSettings, Store
    from shelfsense_training.onboarding.report import write_report

    folder = report or out.with_name(f"{out.name}.report")
    settings = OnboardingSettings(
        head_volume=head_volume,
        most_heads=most_heads,
        stop_at_bad_row=on_bad_row is OnBadRow.STOP,
        resamples=resamples,
        seed=seed,
        version=version,
        adaptation=AdaptationSettings(most_steps=most_steps, seed=seed),
    )
    onboarding = Onboarding(Bundle.open(bundle), Store(locale, queries, labels), folder, settings)
    done = onboarding.run(out)
    write_report(done, settings, folder)
    CONSOLE.print(f"{out}: {done.place.tag}, {done.heads:,} heads; the report is {folder}/report.html", highlight=False)
