"""From errors to exit codes, in this one place: 0 ok, 1 failed, 2 usage, 3 bad input, 4 bundle refused."""

from __future__ import annotations

import sys
from typing import Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from shelfsense.errors import BundleRefused, InputRefused, InvalidQuery, MissingExtra, ShelfsenseError
from shelfsense_client import InvalidArgument, ShelfsenseClientError

FAILED = 1
USAGE = 2
BAD_INPUT = 3
BUNDLE_REFUSED = 4

_CODES: dict[type[Exception], int] = {
    BundleRefused: BUNDLE_REFUSED,
    InvalidQuery: BAD_INPUT,
    InputRefused: BAD_INPUT,
    InvalidArgument: BAD_INPUT,
    MissingExtra: USAGE,
    ValidationError: USAGE,
    ShelfsenseError: FAILED,
    ShelfsenseClientError: FAILED,
    OSError: FAILED,
}
"""The first class that fits decides; anything else is a fault of ours and keeps its stack trace."""


class Translating(TyperGroup):
    """A group of commands whose errors become a line on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; usage errors that typer finds itself exit with 2 already."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # whoever read our output has seen enough; typer ends without a word
            raise
        except tuple(_CODES) as error:
            # stderr escapes what it cannot encode, such as bytes of a file that are no UTF-8.
            sys.stderr.write(f"shelfsense: {_message(error)}\n")
            raise typer.Exit(next(code for kind, code in _CODES.items() if isinstance(error, kind))) from None


def _message(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    faults = ((str(each["loc"][0]) if each["loc"] else "settings", each) for each in error.errors())
    return "; ".join(
        f"--{name.replace('_', '-')} or SHELFSENSE_{name.upper()}: {each['msg']}, got {each['input']!r}"
        for name, each in faults
    )
