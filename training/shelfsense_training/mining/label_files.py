"""Writes mined labels and the report of how they came about."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from shelfsense_training.mining.label_mining import MinedLabels


def write_labels(mined: MinedLabels, out: Path) -> Path:
    """Write labels as Parquet and a report beside them, each visible only when it is whole.

    Returns:
        The report: the labels' name with ``.report.json`` in place of its suffix.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    staged = out.with_name(out.name + ".part")
    pq.write_table(mined.labels, staged, compression="zstd")
    staged.rename(out)
    report = out.with_suffix(".report.json")
    staged = report.with_name(report.name + ".part")
    staged.write_text(json.dumps(report_of(mined), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    staged.rename(report)
    return report


def report_of(mined: MinedLabels) -> dict[str, Any]:
    """Return the figures of a run as JSON values; it holds no query."""
    bias = mined.bias
    return {
        "labels": mined.labels.num_rows,
        "labels_by_locale": dict(sorted(Counter(mined.labels.column("locale").to_pylist()).items())),
        "events": mined.events,
        "exposure": "raw" if bias is None else "corrected",
        "propensity_by_place": bias and bias.propensity,
        "places_estimated": bias and list(bias.estimated),
        **mined.facts,
        "seconds": mined.seconds,
    }
