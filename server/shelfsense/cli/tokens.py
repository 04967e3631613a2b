"""`shelfsense tokens new | show`: who may ask a server, and how much."""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from shelfsense.serving.token_file import TokenEntry, append_token, digest_of, moment, new_token, read_tokens

TokenFile = Annotated[Path, typer.Option("--file", metavar="FILE", help="File of tokens.", show_default=False)]

tokens_app = typer.Typer(help="The bearer tokens of a server (--tokens, --admin-tokens).", no_args_is_help=True)


@tokens_app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who gets it, for logs.", show_default=False)],
    *,
    file: TokenFile,
    rate: Annotated[
        float | None, typer.Option(help="Queries per second, in each worker; none: no limit.", show_default=False)
    ] = None,
    burst: Annotated[
        float | None, typer.Option(help="Queries at once; none: those of one second.", show_default=False)
    ] = None,
    expires: Annotated[
        str, typer.Option(metavar="DATE", help="First moment it is refused, as 2027-01-01 (UTC).", show_default=False)
    ] = "",
) -> None:
    """Print a new token, and add its hash to the file: the token itself is shown here and never again."""
    try:
        until = moment(expires) if expires else math.inf
    except ValueError:
        raise typer.BadParameter("is no date or time, such as 2027-01-01", param_hint="--expires") from None
    if burst is not None and rate is None:
        raise typer.BadParameter("needs --rate", param_hint="--burst")
    limit = math.inf if rate is None else rate
    token = new_token()
    append_token(file, TokenEntry(name, digest_of(token), limit, max(1.0, limit) if burst is None else burst, until))
    sys.stdout.write(token + "\n")


@tokens_app.command()
def show(file: TokenFile) -> None:
    """Check a file of tokens and show whom it lets in; exit 3 when a line is wrong."""
    table = Table("name", "queries per second", "at once", "until")
    for entry in read_tokens(file):
        until = "–" if entry.expires == math.inf else f"{datetime.fromtimestamp(entry.expires, UTC):%Y-%m-%d %H:%M} UTC"
        table.add_row(
            entry.name, *("–" if value == math.inf else f"{value:g}" for value in (entry.rate, entry.burst)), until
        )
    Console().print(table)
