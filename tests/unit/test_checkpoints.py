"""Checkpoints: what was saved comes back, and a crash while saving loses nothing."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from shelfsense_training.checkpoints import load_checkpoint, save_checkpoint


def test_there_is_none_before_the_first(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "run.pt") is None


def test_tensors_and_plain_values_come_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "run.pt"
    save_checkpoint(path, {"step": 200, "model": {"w": torch.tensor([1.5, -2.0])}})
    state = load_checkpoint(path)
    assert state is not None
    assert state["step"] == 200
    assert state["model"]["w"].tolist() == [1.5, -2.0]
    assert [file.name for file in path.parent.iterdir()] == ["run.pt"]


def test_a_crash_while_saving_leaves_the_previous_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.pt"
    save_checkpoint(path, {"step": 200})

    def crash(state: dict[str, Any], file: Path) -> None:
        file.write_bytes(b"half a chec")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", crash)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(path, {"step": 400})
    assert load_checkpoint(path) == {"step": 200}


def test_a_file_that_would_run_code_is_not_loaded(tmp_path: Path) -> None:
    torch.save({"model": Path("x")}, tmp_path / "run.pt")
    with pytest.raises(pickle.UnpicklingError):
        load_checkpoint(tmp_path / "run.pt")
