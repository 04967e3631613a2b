"""JSON as the files of a bundle hold it: whatever is wrong with it, one kind of error."""

from __future__ import annotations

import json
from typing import Any


def read_json(data: bytes | str) -> Any:
    """Return what some JSON says.

    Raises:
        ValueError: it is none, is nested too deeply to be read, or holds text that is no Unicode.
    """
    try:
        found = json.loads(data)
        # "\ud800" is JSON, but text nowhere else: the first answer or log line with it would fail.
        json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return found
