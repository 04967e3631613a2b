"""`shelfsense overrides check`: which rows of a file of overrides a bundle would obey, before a server reads it."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shelfsense.cli.options import BundleOption, open_bundle
from shelfsense.errors import InputRefused
from shelfsense.overrides.override import Override, RowFault
from shelfsense.overrides.override_table import Checked, check_overrides
from shelfsense.overrides.override_targets import OverrideTargets
from shelfsense.overrides.overrides_file import OverridesFile, read_overrides

overrides_app = typer.Typer(help="Look at a file of the shop's own rules.", no_args_is_help=True)


@overrides_app.callback()
def _group() -> None:
    """Look at a file of the shop's own rules."""


@overrides_app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="overrides.parquet.", show_default=False)],
    *,
    bundle: BundleOption = None,
) -> None:
    """Show which rows of a file are active, expired or bad for a bundle; exit 3 when one is bad."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputRefused(f"{file}: cannot be read ({error.strerror}); name a Parquet file") from error
    overrides = read_overrides(data)
    checked = check_overrides(overrides, OverrideTargets.load(open_bundle(bundle)), time.time())
    console = Console()
    console.print(_table(overrides, checked))
    for fault in checked.faults:
        console.print(Text(f"row {fault.row}: {fault.reason}"), soft_wrap=True)
    sys.stdout.write(f"active={len(checked.rules)} expired={len(checked.expired)} bad={len(checked.faults)}\n")
    if checked.faults:
        raise InputRefused(f"{file}: {len(checked.faults)} bad rows; mend them, for a server refuses the whole file")


def _table(overrides: OverridesFile, checked: Checked) -> Table:
    table = Table("row", "state", "name", "query", "locale", "action", "value", "until", title_justify="left")
    bad = {fault.row for fault in checked.faults}
    expired = {override.row for override in checked.expired}
    locales = {rule.override.row: rule.locale for rule in checked.rules}  # as requests resolve them
    for row in overrides.rows:
        state = "bad" if row.row in bad else "expired" if row.row in expired else "active"
        cells = [] if isinstance(row, RowFault) else _cells(row, locales.get(row.row, row.locale))
        table.add_row(str(row.row), state, *cells)
    return table


def _cells(override: Override, locale: str) -> list[Text]:
    until = "" if override.expires is None else _written(override.expires)
    query, place = override.query or "(every query)", locale or "(every locale)"
    return [Text(each) for each in (override.name, query, place, override.action, override.value, until)]


def _written(moment: float) -> str:
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):  # a year that no calendar of Python's has
        return f"{moment:.0f} s"
