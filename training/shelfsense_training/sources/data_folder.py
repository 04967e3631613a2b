"""Finds the folder of public data sets, which is never part of the project."""

from __future__ import annotations

import os
from pathlib import Path

from shelfsense.errors import InputRefused


def data_folder() -> Path:
    """Return the data folder: ``SHELFSENSE_DATA``, else ``../shared/data`` beside the checkout.

    Raises:
        InputRefused: when it is not there.
    """
    default = Path(__file__).resolve().parents[4] / "shared" / "data"
    folder = Path(os.environ.get("SHELFSENSE_DATA", default))
    if not (folder / "shopify_taxonomy").is_dir():
        raise InputRefused(
            f"no training data at {folder}; set SHELFSENSE_DATA to the folder that has shopify_taxonomy/"
        )
    return folder
