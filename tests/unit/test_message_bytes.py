"""Messages put together from bytes are the messages that protobuf itself writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfsense.serving.message_bytes import Embedded, varint
from shelfsense.v1 import query_understanding_pb2 as pb

ITEMS = Embedded(pb.BatchUnderstandResponse, "items")
ANSWER = Embedded(pb.BatchUnderstandItem, "answer")


@pytest.mark.parametrize(("number", "written"), [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02")])
def test_numbers_in_base_128(number: int, written: bytes) -> None:
    assert varint(number) == written


@given(st.lists(st.text(max_size=300), max_size=5))
def test_embedded_messages_are_read_back(texts: list[str]) -> None:
    answers = [
        pb.UnderstandResponse(reformulations=[pb.Reformulation(query=text)], info=pb.AnswerInfo(queue_us=len(text)))
        for text in texts
    ]
    written = b"".join(ITEMS(ANSWER(answer.SerializeToString())) for answer in answers)
    read = pb.BatchUnderstandResponse.FromString(written)
    assert [item.answer for item in read.items] == answers
