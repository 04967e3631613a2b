"""What a query of a megabyte costs the server, which refuses it, beside one of a kilobyte, which it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc

from benchmarks.finding import BenchmarkFailed
from benchmarks.load.processor_time import ProcessorTime
from benchmarks.load.rounds import interleaved
from benchmarks.processes import Running
from shelfsense.bundle import Bundle
from shelfsense.locales import Locales
from shelfsense.serving.service import SERVICE
from shelfsense.text import MAX_QUERY_BYTES
from shelfsense.tokenizer import QueryTokenizer
from shelfsense.v1 import query_understanding_pb2 as pb

_MEGABYTE = 1_000_000
_LIMIT_S = 20
_STEM = "shoes "


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU milliseconds of the server per call, round by round.

    Attributes:
        large: a text of 1 MB, refused.
        answered: a text of 1,024 bytes, answered.
        padded: a text of two words and spaces, 1,024 bytes, answered; the cheapest there is.
        refused: a text of 1,024 bytes that has too many tokens, refused.
    """

    large: list[float]
    answered: list[float]
    padded: list[float]
    refused: list[float]


def measure_cost(server: Running, bundle: Path, *, rounds: int, calls: int) -> Cost:
    """Ask each by turns, and read the processor time of the server's process.

    Args:
        server: keeps no answers.
        bundle: that it serves.
        rounds: how often each is asked.
        calls: of a round, one after another.
    """
    texts = {
        "large": ((_STEM * _MEGABYTE)[:_MEGABYTE], "INVALID_ARGUMENT"),
        "answered": (text_of_a_kilobyte(bundle), "OK"),
        "padded": ("red shoes".ljust(MAX_QUERY_BYTES), "OK"),
        "refused": ((_STEM * MAX_QUERY_BYTES)[:MAX_QUERY_BYTES], "INVALID_ARGUMENT"),
    }
    with grpc.insecure_channel(server.target, options=(("grpc.max_send_message_length", -1),)) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{SERVICE}/Understand")

        def way(text: str, status: str) -> Callable[[int], float]:
            request = pb.UnderstandRequest(query=pb.Query(text=text, locale="en")).SerializeToString()
            return lambda _: _milliseconds(server.pid, call, request, status, calls)

        ways = {name: way(*found) for name, found in texts.items()}
        for ask in ways.values():
            ask(0)
        return Cost(**interleaved(ways, rounds))


def text_of_a_kilobyte(bundle: Path) -> str:
    """Return 1,024 bytes of real words that are at most 64 tokens, made of the vocabulary's longest words.

    Raises:
        BenchmarkFailed: the vocabulary has none long enough.
    """
    opened = Bundle.open(bundle)
    tokenizer = QueryTokenizer.from_json(opened.read("tokenizer.json"), Locales(opened.manifest["locales"]))
    words, size = [], 0
    for word in _long_words(opened):
        more = len(word.encode()) + 1
        if size + more - 1 <= MAX_QUERY_BYTES:
            words.append(word)
            size += more
    text = " ".join(words)
    text += "s" * (MAX_QUERY_BYTES - len(text.encode()))
    if len(tokenizer.encode(text)) > tokenizer.max_tokens:
        raise BenchmarkFailed(
            f"{len(tokenizer.encode(text))} tokens are the fewest of a text of {MAX_QUERY_BYTES} bytes"
        )
    return text


def _long_words(bundle: Bundle) -> list[str]:
    import tokenizers  # noqa: PLC0415 -- the vocabulary, which our own tokenizer does not show

    vocabulary = tokenizers.Tokenizer.from_str(bundle.read("tokenizer.json").decode()).get_vocab()
    found = [piece[1:] for piece in vocabulary if piece.startswith("▁") and piece[1:].isalpha()]
    return sorted(found, key=lambda word: (-len(word.encode()), word))


def _milliseconds(
    pid: int, call: grpc.UnaryUnaryMultiCallable[bytes, bytes], request: bytes, status: str, calls: int
) -> float:
    before = ProcessorTime.of(pid)
    for _ in range(calls):
        found = "OK"
        try:
            call(request, timeout=_LIMIT_S)
        except grpc.RpcError as error:
            found = error.code().name
        if found != status:
            raise BenchmarkFailed(f"{len(request)} bytes met {found}, not {status}")
    return ProcessorTime.of(pid).since(before) / calls * 1000
