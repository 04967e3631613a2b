"""What operators are given names figures that exist, and leaves none out."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from shelfsense.serving.merged_metrics import MergedMetrics
from shelfsense.serving.metrics import Metrics
from shelfsense.serving.workers_metrics import WorkersMetrics

ROOT = Path(__file__).parents[2]
ALERTS, DASHBOARD, OPERATIONS = "deploy/alerts.yml", "deploy/dashboard.json", "docs/operations.md"

# As in code or an expression: our prefix, or that of the process figures.
NAME = re.compile(r"\b(?:shelfsense|process)_[a-z_]+\b")
SUFFIXES = {"counter": ("_total",), "histogram": ("", "_bucket", "_sum", "_count"), "gauge": ("",)}


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def families() -> list[Metric]:
    """Return every family that a server or a supervisor shows."""
    own = WorkersMetrics(cast("Any", SimpleNamespace(slots=())), cast("asyncio.AbstractEventLoop", None))
    pages = MergedMetrics().page({"0": Metrics().exposition()}).decode()
    return [*text_string_to_metric_families(pages), *own.collect()]


@pytest.mark.parametrize("page", [ALERTS, DASHBOARD, OPERATIONS])
def test_every_figure_that_is_named_exists(page: str) -> None:
    there = {each.name + suffix for each in families() for suffix in SUFFIXES[each.type]}
    named = set(NAME.findall(text(page)))
    assert len(named) > 10
    assert named <= there


@pytest.mark.parametrize("page", [DASHBOARD, OPERATIONS])
def test_no_figure_of_ours_is_left_out(page: str) -> None:
    named = set(NAME.findall(text(page)))
    ours = [each for each in families() if each.name.startswith("shelfsense_")]
    assert len(ours) > 30
    assert [each.name for each in ours if named.isdisjoint(each.name + suffix for suffix in SUFFIXES[each.type])] == []


def test_every_alert_has_its_paragraph_and_no_paragraph_is_of_none() -> None:
    alerts = re.findall(r"^      - alert: (\w+)", text(ALERTS), re.MULTILINE)
    assert len(alerts) > 10
    assert alerts == re.findall(r"^### (Shelfsense\w+)$", text(OPERATIONS), re.MULTILINE)


def test_what_pages_is_marked_in_its_paragraph() -> None:
    severities = re.findall(r"- alert: (\w+)(?:(?!- alert:).)*?severity: (\w+)", text(ALERTS), re.DOTALL)
    paragraphs = dict(re.findall(r"^### (Shelfsense\w+)\n\n(.*)$", text(OPERATIONS), re.MULTILINE))
    assert {name: paragraphs[name].startswith("*Page.*") for name, _ in severities} == {
        name: severity == "page" for name, severity in severities
    }


def test_every_link_within_the_page_leads_somewhere() -> None:
    page = text(OPERATIONS)
    headings = {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", page)) <= headings


def test_the_dashboards_panels_do_not_share_an_id_and_each_says_what_it_shows() -> None:
    panels = json.loads(text(DASHBOARD))["panels"]
    assert len({each["id"] for each in panels}) == len(panels)
    assert [each["title"] for each in panels if each["type"] != "row" and not each["description"]] == []
