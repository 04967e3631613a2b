"""The commands of `shelfsense`, put together."""

from __future__ import annotations

import typer

from shelfsense.cli.admin import admin_app
from shelfsense.cli.annotate import annotate
from shelfsense.cli.bundle import bundle_app
from shelfsense.cli.exit_codes import Translating
from shelfsense.cli.overrides import overrides_app
from shelfsense.cli.serve import serve
from shelfsense.cli.tokens import tokens_app
from shelfsense.cli.understand import understand

app = typer.Typer(
    name="shelfsense",
    cls=Translating,
    help="Which product types a shopping query means, and which popular query says the same.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a stack trace with local variables would print queries
)
app.command()(serve)
app.command()(understand)
app.command()(annotate)
app.add_typer(admin_app, name="admin")
app.add_typer(bundle_app, name="bundle")
app.add_typer(overrides_app, name="overrides")
app.add_typer(tokens_app, name="tokens")
