"""Training state on disk, so that a run that was stopped goes on where it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; a crash in between leaves the previous one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_suffix(".part")
    torch.save(state, staging)
    staging.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """Return the checkpoint's state, None when there is none yet. Only tensors and plain values are read."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
