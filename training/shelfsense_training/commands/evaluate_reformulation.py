"""`shelfsense-train evaluate-reformulation`: how good a bundle's reformulations are, by its own engine."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.commands.options import BundleOption, OutOption, SeedOption
from shelfsense_training.progress import CONSOLE


def evaluate_reformulation(  # noqa: PLR0913  one per option of the command
    bundle: BundleOption,
    out: OutOption,
    *,
    golden: Annotated[Path, typer.Option(metavar="DIR", help="Golden pairs and typos.")] = Path(
        "tests/golden/reformulations"
    ),
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Public data; else SHELFSENSE_DATA.", show_default=False)
    ] = None,
    part: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Measure this part; may be given again. All where none is given: golden, acceptance, typos, "
            "spelling, gates, consistency, known heads.",
        ),
    ] = None,
    teacher: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Work folder of the starter recipe: untuned e5 stands beside consistency."),
    ] = None,
    needs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="needs.parquet of a simulation, for known heads.")
    ] = None,
    simulation_heads: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Heads that mine-heads found in the same simulation.")
    ] = None,
    head_types: Annotated[
        bool,
        typer.Option(
            "--head-types/--no-head-types",
            help="Heads carry the product type the bundle accepts for them, as onboarding writes; none, as index does.",
        ),
    ] = True,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Queries of each sample at most, for a quick look; heads shrink with it.")
    ] = None,
    seed: SeedOption = 0,
) -> None:
    """Measure reformulations on golden pairs, misspellings, marked queries and simulations; writes reformulation.json.

    Figures are means or ratios over queries, each with its 95 % bootstrap interval. The bundle's own heads are
    not used: every part makes an index of 2,000 heads and more.
    """
    import json

    from shelfsense.bundle import Bundle
    from shelfsense.understander import Understander
    from shelfsense_training.reformulation_evaluation.answered import Answers
    from shelfsense_training.reformulation_evaluation.evaluation import evaluate_reformulation as evaluate
    from shelfsense_training.reformulation_evaluation.figures_table import figures_table
    from shelfsense_training.reformulation_evaluation.pool_texts import HEADS
    from shelfsense_training.reformulation_evaluation.setting import Setting

    setting = Setting(
        Answers(Understander.load(Bundle.open(bundle))),
        golden,
        data=data,
        teacher=teacher,
        needs=needs,
        simulation_heads=simulation_heads,
        scratch=out,
        limit=limit,
        heads=HEADS if limit is None else min(HEADS, 20 * limit),
        typed=head_types,
        seed=seed,
    )
    report = evaluate(setting, part or ())
    out.mkdir(parents=True, exist_ok=True)
    path = out / "reformulation.json"
    path.write_text(json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    CONSOLE.print(figures_table(report))
    CONSOLE.print(f"wrote {path}", highlight=False)
