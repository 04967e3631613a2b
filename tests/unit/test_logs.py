"""The log's lines: what they hold, what they never hold, and that no fault floods them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from shelfsense.serving import limited_handler, logs
from shelfsense.serving.request_log import RequestLog

SetUp = Callable[..., io.StringIO]


@pytest.fixture
def set_up() -> Iterator[SetUp]:
    """Set the log up with the arguments given, and as it was afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []  # the test runner's own: setting up closes what it finds

    def made(**arguments: Any) -> io.StringIO:
        stream = io.StringIO()
        logs.set_up(stream=stream, **arguments)
        return stream

    yield made
    root.handlers[:], root.level = handlers, level
    for library in logs._TALKATIVE:
        logging.getLogger(library).setLevel(logging.NOTSET)


def test_a_line_of_json_has_time_level_logger_message_and_fields(set_up: SetUp) -> None:
    stream = set_up(form="json", worker=3)
    logging.getLogger("shelfsense.shop").warning("%d of ü\nrest", 2, extra={"fields": {"rpc": "Embed"}})
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "shelfsense.shop",
        "message": "2 of ü\nrest",
        "fields": {"worker": 3, "rpc": "Embed"},
    }


def test_a_line_of_text_quotes_its_fields_so_that_none_can_pass_for_a_line(set_up: SetUp) -> None:
    stream = set_up(form="text")
    logging.getLogger("shelfsense.shop").info("told", extra={"fields": {"query": "a\n2026 ERROR forged"}})
    (line,) = stream.getvalue().splitlines()
    assert line.endswith(r'INFO shelfsense.shop query="a\n2026 ERROR forged": told')


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_exceptions_message_which_may_quote_a_query_is_not_written(set_up: SetUp, form: str) -> None:
    stream = set_up(form=form)
    _fail_with("red shoes")
    assert "red shoes" not in stream.getvalue()
    assert "builtins.ValueError" in stream.getvalue()
    assert "in _fail" in stream.getvalue()


def test_an_exceptions_message_is_written_where_the_operator_wants_queries(set_up: SetUp) -> None:
    stream = set_up(log_queries=True)
    _fail_with("red shoes")
    assert "ValueError: red shoes" in stream.getvalue()


def test_what_is_below_the_level_is_not_written(set_up: SetUp) -> None:
    stream = set_up(level="warning")
    logging.getLogger("shelfsense.shop").info("nothing much")
    assert stream.getvalue() == ""


def test_talkative_libraries_are_heard_from_warnings_on(set_up: SetUp) -> None:
    stream = set_up(level="debug")
    logging.getLogger("asyncio").info("Using selector")
    logging.getLogger("asyncio").warning("a slow callback")
    assert "selector" not in stream.getvalue()
    assert "a slow callback" in stream.getvalue()


def test_an_error_that_repeats_is_written_a_few_times_and_counted(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(limited_handler, "time", SimpleNamespace(monotonic=lambda: now[0]))
    stream, log = set_up(), logging.getLogger("shelfsense.shop")
    for i in range(1000):
        log.error("%s failed", f"call {i}")
    log.error("another kind")
    assert stream.getvalue().count(" failed") == 5
    assert stream.getvalue().count("another kind") == 1
    now[0] += 1
    log.info("quiet again")
    assert "left_out=995: left out 995 more within a second, like: %s failed" in stream.getvalue()
    log.error("%s failed", "call 1000")
    assert "call 1000 failed" in stream.getvalue()


def test_what_was_left_out_is_told_at_the_latest_at_the_end(set_up: SetUp) -> None:
    stream, log = set_up(), logging.getLogger("shelfsense.shop")
    for _ in range(7):
        log.error("it failed")
    assert "left out" not in stream.getvalue()
    logging.getLogger().handlers[0].close()
    assert "left out 2 more" in stream.getvalue()


def test_records_below_a_warning_are_all_written(set_up: SetUp) -> None:
    stream = set_up(level="debug")
    for _ in range(50):
        logging.getLogger("shelfsense.shop").debug("a detail")
    assert stream.getvalue().count("a detail") == 50


def test_calls_are_logged_at_debug_each_and_at_info_none(set_up: SetUp) -> None:
    stream = set_up(form="json", level="debug")
    RequestLog().call_ended("Understand", "OK", 0.00123, lambda: "red shoes")
    line = json.loads(stream.getvalue())
    assert (line["level"], line["fields"]) == ("debug", {"rpc": "Understand", "code": "OK", "ms": 1.23})
    stream = set_up(form="json", level="info")
    RequestLog().call_ended("Understand", "OK", 0.00123)
    assert stream.getvalue() == ""


def test_a_share_of_the_calls_is_logged_at_info_evenly(set_up: SetUp) -> None:
    stream, requests = set_up(form="json"), RequestLog(share=0.25)
    for i in range(8):
        requests.call_ended("Understand", str(i), 0.001)
    assert [json.loads(line)["fields"]["code"] for line in stream.getvalue().splitlines()] == ["3", "7"]


def test_a_calls_query_is_logged_where_the_operator_wants_it(set_up: SetUp) -> None:
    stream = set_up(form="json")
    RequestLog(share=1, log_queries=True).call_ended("Understand", "OK", 0.001, lambda: "red shoes")
    assert json.loads(stream.getvalue())["fields"]["query"] == "red shoes"


def _fail_with(message: str) -> None:
    try:
        _fail(message)
    except ValueError:
        logging.getLogger("some.library").exception("it failed")


def _fail(message: str) -> None:
    raise ValueError(message)
