"""`shelfsense-train judge-labels`: mined labels against a truth table."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.progress import CONSOLE


def judge_labels(
    labels: Annotated[Path, typer.Option(metavar="FILE", help="Labels that mine-labels wrote.", show_default=False)],
    truth: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Parquet: query, locale, product_type_id, probability, volume, conflict.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Figures, .json.", show_default=False)],
) -> None:
    """Write precision and recall of labels, by traffic decile and for the top half of traffic."""
    import json

    from shelfsense_training.mining import judging

    figures = judging.judge_labels(labels, truth)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    top = figures["top_half_of_traffic"]
    shown = [f"{name} {'none' if top[name] is None else f'{top[name]:.3f}'}" for name in ("precision", "recall")]
    CONSOLE.print(f"wrote {out}; top half of traffic: {', '.join(shown)}", highlight=False)
