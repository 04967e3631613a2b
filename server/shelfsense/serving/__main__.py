"""``python -m shelfsense.serving``: the server with its settings from the environment alone."""

from __future__ import annotations

import sys

from pydantic import ValidationError

from shelfsense.serving.run import EXIT_USAGE, serve
from shelfsense.serving.settings import Settings


def main() -> int:
    """Serve with the settings of the environment and return the exit code."""
    try:
        settings = Settings()
    except ValidationError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_USAGE
    return serve(settings)


if __name__ == "__main__":
    sys.exit(main())
