"""`shelfsense-train judge-pairs`: mined pairs against the simulator's needs."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.progress import CONSOLE


def judge_pairs(
    pairs: Annotated[Path, typer.Option(metavar="FILE", help="Pairs that mine-pairs wrote.", show_default=False)],
    needs: Annotated[
        Path, typer.Option(metavar="FILE", help="Parquet: query, locale, need, popularity.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Figures, .json.", show_default=False)],
) -> None:
    """Write and print precision and recall of pairs, by traffic decile of the rarer query and by importance."""
    import json

    from shelfsense_training.mining import pair_judging
    from shelfsense_training.mining.pair_figures import figures_table

    figures = pair_judging.judge_pairs(pairs, needs)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    CONSOLE.print(figures_table(figures))
    CONSOLE.print(f"wrote {out}", highlight=False)
