"""The JSON file of all findings ever written down, each with where and on what it was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.finding import BenchmarkFailed, Finding


def record(name: str, finding: Finding, *, bundle_version: str, machine: Mapping[str, Any]) -> dict[str, Any]:
    """Return a finding with its name, the date, the bundle and the machine, ready for JSON."""
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return {"name": name, "date": date, "bundle": bundle_version, "machine": dict(machine), **asdict(finding)}


def read_records(path: Path) -> list[dict[str, Any]]:
    """Return all records of a file, oldest first; none when there is no file yet.

    Raises:
        BenchmarkFailed: the file is not ours.
    """
    if not path.exists():
        return []
    try:
        runs: list[dict[str, Any]] = json.loads(path.read_bytes())["runs"]
    except (ValueError, KeyError, TypeError) as error:
        raise BenchmarkFailed(f"{path} is no file of benchmark records ({error!r}); name another with --out") from error
    return runs


def append_record(path: Path, new: Mapping[str, Any]) -> None:
    """Add a record to a file, which is replaced as a whole."""
    text = json.dumps({"runs": [*read_records(path), new]}, ensure_ascii=False, indent=1) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
