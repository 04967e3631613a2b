"""What a fuzz target is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Mutate: TypeAlias = Callable[[bytes, int], bytes]
"""Changes an input that is written in a form of its own, so that it stays nearly right; told a seed."""


class Unexpected(Exception):
    """An answer that nobody may give: the fault that a target looks for, where no exception says so by itself."""


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to be fuzzed.

    Attributes:
        check: reads an input, and raises when it meets anything but what callers are promised.
        seeds: inputs to begin with.
        mutate: how half of the inputs are changed; None: all of them by libFuzzer alone.
    """

    check: Callable[[bytes], None]
    seeds: Sequence[bytes]
    mutate: Mutate | None = None


def text_of(data: bytes) -> str:
    """Return bytes as text: lone surrogates may come through, as they do from JSON; other bad bytes are replaced."""
    return data.decode("utf-8", "surrogatepass" if _decodes(data) else "replace")


def _decodes(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True
