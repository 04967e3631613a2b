"""What the server says to input that nobody should send, and that it answers the next query all the same."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from benchmarks.finding import Finding, Setting
from benchmarks.processes import serving
from shelfsense.serving.service import SERVICE
from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense_client import Client
from shelfsense_client.errors import from_rpc_error

_LIMIT_S = 20


def _asking(text: str = "red shoes", locale: str = "en", **options: Any) -> bytes:
    request = pb.UnderstandRequest(query=pb.Query(text=text, locale=locale), options=pb.Options(**options))
    return request.SerializeToString()


def _asking_bytes(text: bytes) -> bytes:
    return pb.UnderstandRequest(query=pb.Query(text_utf8=text, locale="en")).SerializeToString()


def _batch_of(queries: int) -> bytes:
    return pb.BatchUnderstandRequest(queries=[pb.Query(text="red shoes")] * queries).SerializeToString()


def bad_inputs() -> Mapping[str, bytes]:
    """Return the bytes of each request by what is wrong with it; to ``BatchUnderstand`` those named a batch."""
    return {
        "empty": _asking(""),
        "blank": _asking(" \t\n\u3000"),
        "1 MB": _asking("shoes " * 170_000),
        "NUL": _asking("red\0shoes"),
        # Written out, since no message class would hold it: field 1 of the request, and in it field 1, the text.
        "invalid UTF-8 in text": b"\x0a\x07\x0a\x05red\xff\xfe",
        "invalid UTF-8 in text_utf8": _asking_bytes(b"red \xff shoes"),
        "a lone surrogate": b"\x0a\x05\x0a\x03\xed\xa0\x80",
        "control characters": _asking("red\x01\x1b[31mshoes\x7f"),
        "bidi characters": _asking("\u202ered shoes\u202c \u2067x\u2069"),
        "only bidi and invisible characters": _asking("\u202e\u200b\u2066"),
        "emoji only": _asking("👟"),
        "unknown locale": _asking(locale="tlh"),
        "malformed locale": _asking(locale="not a locale!"),
        "top_k 0": _asking(top_k=0),
        "top_k 10,000,000": _asking(top_k=10_000_000),
        "no request, only garbage": b"\xff\xfe\xfd\xfc garbage",
        "batch of 1,025 queries": _batch_of(1025),
        "batch of none": _batch_of(0),
    }


@dataclass(frozen=True, slots=True)
class _Outcome:
    status: str
    field: str
    answer: str
    milliseconds: float
    serving: bool
    answers_next: bool

    @property
    def is_honest(self) -> bool:
        """Whether it was answered, or refused with the field at fault."""
        return self.status == "OK" or (self.status == "INVALID_ARGUMENT" and self.field != "")


def measure(setting: Setting) -> Finding:
    """Send each bad input to one server, and a good query after each."""
    with (
        serving(setting.bundle) as server,
        Client(server.target, timeout=_LIMIT_S) as client,
        grpc.insecure_channel(server.target) as channel,
    ):
        client.understand("red shoes")
        outcomes = {name: _outcome(channel, client, name, request) for name, request in bad_inputs().items()}
    return Finding(
        title="Bad input",
        claim="Every bad input is answered or refused by the name of its field, "
        "and the server is SERVING and answers the next query.",
        columns=("input", "status", "field", "answer", "ms", "SERVING after", "next query answered"),
        rows=tuple(_row(name, each) for name, each in outcomes.items()),
        figures={
            "inputs": len(outcomes),
            "refused_by_field": sum(each.status == "INVALID_ARGUMENT" and each.is_honest for each in outcomes.values()),
            "answered": sum(each.status == "OK" for each in outcomes.values()),
            "serving_after": sum(each.serving for each in outcomes.values()),
            "next_answered": sum(each.answers_next for each in outcomes.values()),
            "slowest_ms": max(each.milliseconds for each in outcomes.values()),
        },
        faults=tuple(
            f"{name}: {each}"
            for name, each in outcomes.items()
            if not (each.is_honest and each.serving and each.answers_next)
        ),
    )


def _outcome(channel: grpc.Channel, client: Client, name: str, request: bytes) -> _Outcome:
    rpc = "BatchUnderstand" if name.startswith("batch") else "Understand"
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{SERVICE}/{rpc}")
    began = time.perf_counter()
    status, field, answer = "OK", "", ""
    try:
        answer = _in_words(pb.UnderstandResponse.FromString(call(request, timeout=_LIMIT_S)))
    except grpc.RpcError as error:
        refusal = from_rpc_error(error)
        status, field = refusal.code.name, refusal.field
    milliseconds = (time.perf_counter() - began) * 1000
    after = client.healthy(timeout=_LIMIT_S), bool(client.understand("red shoes", locale="en").product_types)
    return _Outcome(status, field, answer, milliseconds, *after)


def _in_words(response: pb.UnderstandResponse) -> str:
    accepted = sum(each.accepted for each in response.product_types)
    return f"as {response.info.locale_used}, {accepted} of {len(response.product_types)} types accepted"


def _row(name: str, outcome: _Outcome) -> tuple[str, ...]:
    return (
        name,
        outcome.status,
        f"`{outcome.field}`" if outcome.field else "",
        outcome.answer,
        f"{outcome.milliseconds:.1f}",
        "yes" if outcome.serving else "no",
        "yes" if outcome.answers_next else "no",
    )
