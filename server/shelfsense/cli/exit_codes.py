"""From errors to exit codes, in this one place: 0 ok, 1 failed, 2 usage, 3 bad input, 4 bundle refused."""

from __future__ import annotations

import sys

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from shelfsense.errors import BundleRefused, InputRefused, InvalidQuery, MissingExtra, ShelfsenseError
from shelfsense_client import InvalidArgument, ShelfsenseClientError

FAILED = 1
USAGE = 2
BAD_INPUT = 3
BUNDLE_REFUSED = 4

_CODES: tuple[tuple[type[Exception], int], ...] = (
    (BundleRefused, BUNDLE_REFUSED),
    (InvalidQuery, BAD_INPUT),
    (InputRefused, BAD_INPUT),
    (InvalidArgument, BAD_INPUT),
    (MissingExtra, USAGE),
    (ValidationError, USAGE),
    (ShelfsenseError, FAILED),
    (ShelfsenseClientError, FAILED),
    (OSError, FAILED),
)
"""The first class that fits decides; anything else is a bug of ours and keeps its stack trace."""


class Translating(TyperGroup):
    """A group of commands whose errors become a line on stderr and an exit code."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # typer's context is click's
        """Run the command; usage errors that typer finds itself exit with 2 already."""
        try:
            return super().invoke(ctx)
        except tuple(kind for kind, _ in _CODES) as error:
            # stderr shows what it cannot encode as escapes, where stdout might fail.
            sys.stderr.write(f"shelfsense: {_message(error)}\n")
            raise typer.Exit(next(code for kind, code in _CODES if isinstance(error, kind))) from None


def _message(error: Exception) -> str:
    if isinstance(error, ValidationError):
        faults = ((".".join(map(str, each["loc"])), each["msg"], each["input"]) for each in error.errors())
        return "; ".join(f"SHELFSENSE_{name.upper()}: {message}, got {value!r}" for name, message, value in faults)
    return str(error)
