"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shelfsense.bundle import Bundle
from shelfsense.query import MAX_REFORMULATIONS, MAX_TOP_K
from shelfsense.serving.settings import Settings

BundleOption = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        metavar="DIR",
        help="Bundle folder; else SHELFSENSE_BUNDLE, else bundles/starter of the checkout.",
        show_default=False,
    ),
]
TopKOption = Annotated[int, typer.Option("--top-k", min=1, max=MAX_TOP_K, help="Product types of each level.")]
ReformulationsOption = Annotated[
    int, typer.Option("--max-reformulations", min=0, max=MAX_REFORMULATIONS, help="Reformulations at most.")
]
CrossLocaleOption = Annotated[
    bool, typer.Option("--cross-locale", help="Where the locale has no head for it, look in sister locales.")
]
PreciseOption = Annotated[
    bool, typer.Option("--precise", help="Let the re-ranker choose reformulations, where the bundle has one; slower.")
]
IncludeRefusedOption = Annotated[bool, typer.Option("--include-refused", help="Also give refused reformulations.")]
TruncateOption = Annotated[bool, typer.Option("--truncate", help="Cut over-long queries instead of refusing them.")]


def open_bundle(named: Path | None) -> Bundle:
    """Verify and return the bundle an option names, or the default, which is the server's too.

    Raises:
        BundleRefused: it is not there, or not what its manifest promises.
    """
    return Bundle.open(named if named is not None else Settings().bundle)
