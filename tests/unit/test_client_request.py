"""What the client puts on the wire."""

from __future__ import annotations

import pytest
from grpc_health.v1 import health_pb2

from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense_client import InvalidArgument, Query, health
from shelfsense_client.request import AnswerOptions, batches
from shelfsense_client.wire import options_message, query_message


def test_text_goes_as_text_and_bytes_as_text_utf8() -> None:
    assert query_message(Query("чай", "ru")) == pb.Query(text="чай", locale="ru")
    assert query_message(Query(b"\xff")) == pb.Query(text_utf8=b"\xff")


def test_text_that_utf8_cannot_hold_is_left_for_the_service_to_refuse() -> None:
    assert query_message(Query("a\ud800")) == pb.Query(text_utf8=b"a\xed\xa0\x80")
    assert query_message(Query("a", "\ud800")).locale == "\\ud800"


def test_absent_options_stay_absent_and_zero_is_sent() -> None:
    assert not options_message({}).HasField("max_reformulations")
    assert options_message({"max_reformulations": 0}).HasField("max_reformulations")


def test_an_option_that_does_not_fit_the_wire_is_named() -> None:
    with pytest.raises(InvalidArgument, match="top_k") as refused:
        options_message({"top_k": -1})
    assert refused.value.field == "options.top_k"


def test_an_option_that_does_not_exist_is_a_type_error() -> None:
    misspelt = AnswerOptions(topk=3)  # type: ignore[typeddict-unknown-key]
    with pytest.raises(TypeError, match="topk"):
        options_message(misspelt)


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (1024, [1024]), (2050, [1024, 1024, 2])])
def test_batches_hold_at_most_1024_queries_in_order(count: int, sizes: list[int]) -> None:
    queries = [Query(str(i)) for i in range(count)]
    split = list(batches(queries))
    assert [len(batch) for batch in split] == sizes
    assert [query for batch in split for query in batch] == queries


def test_batches_of_long_texts_stay_below_what_a_server_accepts() -> None:
    split = list(batches([Query(b"x" * 1024 * 1024)] * 5))
    assert [len(batch) for batch in split] == [2, 2, 1]


def test_the_health_check_speaks_the_standard_messages() -> None:
    request = health_pb2.HealthCheckRequest(service="shelfsense.v1.QueryUnderstanding")
    assert request.SerializeToString() == health.REQUEST
    statuses = health_pb2.HealthCheckResponse.ServingStatus
    for status in statuses.values():
        response = health_pb2.HealthCheckResponse(status=status).SerializeToString()
        assert health.is_serving(response) == (status == statuses.Value("SERVING"))
