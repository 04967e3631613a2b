"""What the wire accepts, what it names when it refuses, and which status each error becomes."""

from __future__ import annotations

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, RetryInfo

from shelfsense.errors import EngineUnavailable, InvalidQuery
from shelfsense.query import Options, Query
from shelfsense.serving import wire
from shelfsense.serving.decoding import Decoder, Undecodable
from shelfsense.serving.errors import DeadlineExceeded, Overloaded, Stopping, trace
from shelfsense.serving.status import STATUS_CODES, code_of, item_error, status_of, wire_path
from shelfsense.understanding import Understanding
from shelfsense.v1 import query_understanding_pb2 as pb


def broken(request: pb.UnderstandRequest | pb.BatchUnderstandRequest) -> bytes:
    """Return a request's bytes with every XX in it made invalid UTF-8."""
    return request.SerializeToString().replace(b"XX", b"\xff\xfe")


def refusal(outcome: object) -> InvalidQuery:
    assert isinstance(outcome, Undecodable)
    return outcome.error


def test_a_good_message_decodes_to_itself() -> None:
    request = pb.UnderstandRequest(query=pb.Query(text="rote schuhe", locale="de"))
    assert Decoder(pb.UnderstandRequest)(request.SerializeToString()) == request


@pytest.mark.parametrize(
    ("query", "field"),
    [(pb.Query(text="red XX"), "query.text"), (pb.Query(text="red", locale="XX"), "query.locale")],
)
def test_bad_utf8_in_a_string_names_the_string(query: pb.Query, field: str) -> None:
    error = refusal(Decoder(pb.UnderstandRequest)(broken(pb.UnderstandRequest(query=query))))
    assert error.field == field
    assert "UTF-8" in error.message


def test_bad_utf8_in_a_batch_names_the_query() -> None:
    request = pb.BatchUnderstandRequest(queries=[pb.Query(text="good"), pb.Query(text="shoe XX")])
    error = refusal(Decoder(pb.BatchUnderstandRequest)(broken(request)))
    assert error.field == "queries[1].text"
    assert "byte 5" in error.message
    assert "text_utf8" in error.message


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x0a\x7f", b"\x0a", b"garbage, not protobuf"])
def test_bytes_that_are_no_message_are_a_value_not_an_exception(data: bytes) -> None:
    error = refusal(Decoder(pb.UnderstandRequest)(data))
    assert error.field == "request"
    assert "shelfsense.v1.UnderstandRequest" in error.message


def test_absent_options_are_the_defaults() -> None:
    assert wire.read_options(pb.UnderstandRequest().options) == Options()


def test_zero_reformulations_is_a_wish_not_an_absence() -> None:
    assert wire.read_options(pb.Options(max_reformulations=0)).max_reformulations == 0


def test_every_option_reaches_the_core() -> None:
    sent = pb.Options(top_k=7, max_reformulations=9, precise=True, cross_locale=True, include_refused=True)
    assert wire.read_options(sent) == Options(7, 9, precise=True, cross_locale=True, include_refused=True)


@pytest.mark.parametrize("top_k", [0, 101, 10_000_000, 2**32 - 1])
def test_a_top_k_out_of_range_is_refused_by_name(top_k: int) -> None:
    with pytest.raises(InvalidQuery) as refused:
        wire.read_options(pb.Options(top_k=top_k))
    assert refused.value.field == "top_k"


def test_text_and_its_bytes_are_the_same_query() -> None:
    expected = Query("कुर्ता", "hi-IN", truncate=True)
    assert wire.read_query(pb.Query(text="कुर्ता", locale="hi-IN", truncate=True)) == expected
    assert wire.read_query(pb.Query(text_utf8="कुर्ता".encode(), locale="hi-IN", truncate=True)) == expected


@pytest.mark.parametrize(("query", "field"), [(pb.Query(), "text"), (pb.Query(text_utf8=b"\xff"), "text_utf8")])
def test_a_query_without_a_readable_text_is_refused(query: pb.Query, field: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        wire.read_query(query)
    assert refused.value.field == field


def test_a_missing_query_is_named() -> None:
    with pytest.raises(InvalidQuery) as refused:
        wire.query_of(pb.UnderstandRequest())
    assert refused.value.field == "query"


def test_the_core_s_word_for_the_text_becomes_the_field_that_was_sent() -> None:
    error = InvalidQuery("text", "is empty")
    assert wire.as_sent(error, pb.Query(text="")).field == "text"
    assert wire.as_sent(error, pb.Query(text_utf8=b"")).field == "text_utf8"
    assert wire.as_sent(InvalidQuery("locale", "?"), pb.Query(text_utf8=b"x")).field == "locale"


@pytest.mark.parametrize("count", [0, 1025])
def test_a_batch_of_none_or_too_many_is_refused(count: int) -> None:
    with pytest.raises(InvalidQuery) as refused:
        wire.check_batch([pb.Query()] * count)
    assert refused.value.field == "queries"
    wire.check_batch([pb.Query()] * 1024)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidQuery("text", "is empty"), grpc.StatusCode.INVALID_ARGUMENT),
        (Overloaded(7, 0.2), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (DeadlineExceeded(), grpc.StatusCode.DEADLINE_EXCEEDED),
        (EngineUnavailable("down"), grpc.StatusCode.UNAVAILABLE),
        (Stopping(), grpc.StatusCode.UNAVAILABLE),
        (KeyError("a bug of ours"), grpc.StatusCode.UNAVAILABLE),
    ],
)
def test_each_error_has_one_status(error: Exception, code: grpc.StatusCode) -> None:
    assert code_of(error) is code
    assert status_of(error).code == code.value[0]


def test_no_error_of_ours_is_internal_or_unknown() -> None:
    assert not {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN} & set(STATUS_CODES.values())


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("text", "query.text"),
        ("text_utf8", "query.text_utf8"),
        ("locale", "query.locale"),
        ("top_k", "options.top_k"),
        ("max_reformulations", "options.max_reformulations"),
        ("query", "query"),
        ("queries", "queries"),
        ("queries[3].text", "queries[3].text"),
    ],
)
def test_a_bad_request_names_the_path_on_the_wire(field: str, path: str) -> None:
    assert wire_path(field) == path
    detail = BadRequest()
    assert status_of(InvalidQuery(field, "is wrong")).details[0].Unpack(detail)
    assert [(each.field, each.description) for each in detail.field_violations] == [(path, "is wrong")]


def test_overload_says_when_to_come_back_and_never_too_early() -> None:
    detail = RetryInfo()
    assert status_of(Overloaded(7, 1.2345)).details[0].Unpack(detail)
    assert detail.retry_delay.ToMilliseconds() == 1235


def test_an_error_of_a_batch_item_names_the_query_s_own_field() -> None:
    assert item_error(InvalidQuery("locale", "is odd")) == pb.ItemError(code=3, field="locale", message="is odd")
    assert item_error(EngineUnavailable("down")) == pb.ItemError(code=14, message="down")


def test_a_fault_of_ours_tells_the_caller_and_the_log_no_query() -> None:
    error = KeyError("my secret query")
    assert "secret" not in status_of(error).message
    assert "secret" not in item_error(error).message
    assert "KeyError" in trace(error)
    assert "secret" not in trace(error)


def test_how_an_answer_came_about_travels_with_it() -> None:
    answer = Understanding((), (), locale_used="de", truncated=True, bundle_version="v1")
    info = wire.understand_response(answer, queue_us=12, inference_us=34).info
    assert info == pb.AnswerInfo(bundle_version="v1", locale_used="de", truncated=True, queue_us=12, inference_us=34)
