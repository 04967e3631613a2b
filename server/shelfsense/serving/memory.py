"""What the process holds, put in order after a bundle was loaded or has left."""

from __future__ import annotations

import ctypes
import gc
import sys

import pyarrow as pa

_ARENA_MAX = -8  # malloc.h: M_ARENA_MAX


def tidy() -> None:
    """Collect what is garbage, keep the collector off what will stay, and give freed memory back to the system.

    A bundle is hundreds of thousands of objects that live as long as it serves; walking through them in search of
    garbage would hold every answer up for tens of milliseconds now and then. glibc by itself keeps most of what a
    bundle that left has freed.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # not every C library has it
        if trim is not None:
            trim(0)


def few_arenas() -> None:
    """Let threads share two of glibc's arenas: each keeps what was freed in it, and bundles come and go in threads."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_ARENA_MAX, 2)
