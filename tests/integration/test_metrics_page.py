"""The metrics page over HTTP, as Prometheus reads it."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shelfsense.serving.metrics import Metrics
from shelfsense.serving.metrics_page import CONTENT_TYPE, Exposes, MetricsPage


class Broken:
    def exposition(self) -> bytes:
        raise RuntimeError("no figures today")


@contextmanager
def page(figures: Exposes) -> Iterator[str]:
    page = MetricsPage(figures, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{page.port}"
    finally:
        page.close()


def read(url: str) -> tuple[int, str, str]:
    """Return status, content type and text."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, response.headers["Content-Type"], response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def test_the_page_is_read_anew_each_time() -> None:
    metrics = Metrics()
    with page(metrics) as url:
        status, kind, text = read(f"{url}/metrics")
        assert (status, kind) == (200, CONTENT_TYPE)
        assert "shelfsense_faults" in {each.name for each in text_string_to_metric_families(text)}
        metrics.fault()
        assert "shelfsense_faults_total 1.0" in read(f"{url}/metrics")[2]


def test_any_other_address_says_where_the_figures_are() -> None:
    with page(Metrics()) as url:
        status, _, text = read(f"{url}/health")
    assert status == 404
    assert "the figures are at /metrics" in text


def test_figures_that_fail_are_an_error_of_that_reading_alone() -> None:
    with page(Broken()) as url:
        assert [read(f"{url}/metrics")[0] for _ in range(2)] == [500, 500]


def test_a_reader_that_says_nothing_holds_up_no_other() -> None:
    with page(Metrics()) as url, socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))):
        assert read(f"{url}/metrics")[0] == 200


def test_a_port_in_use_is_an_error() -> None:
    with page(Metrics()) as url, pytest.raises(OSError, match="in use"):
        MetricsPage(Metrics(), "127.0.0.1", int(url.rpartition(":")[2]))
