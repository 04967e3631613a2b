"""Requests as bytes on the wire: whole ones with hostile contents, and ones that were damaged."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.hostile.locales import hostile_locale
from benchmarks.hostile.texts import hostile_text
from shelfsense.serving.message_bytes import varint
from shelfsense.v1 import query_understanding_pb2 as pb

RPCS = ("Understand", "Classify", "Reformulate", "Embed", "BatchUnderstand", "DescribeModel")
"""The rpcs of the service."""

HEALTH = "/grpc.health.v1.Health/Check"
"""Says NOT_FOUND of services that there are not."""

_ELSEWHERE = (HEALTH, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
_NOWHERE = ("Understand2", "understand", "", "x" * 1000, "LoadBundle", "Understand/x", "../Understand")
_VARINT, _FIXED64, _DELIMITED, _GROUP, _GROUP_END, _FIXED32 = range(6)
_SERVED = 0.6  # share of whole queries with a locale that is served, so that their texts are read
_NUMBERS = (0, 1, 2, 5, 50, 51, 99, 100, 101, 255, 1024, 2**31 - 1, 2**31, 2**32 - 1)
_HUGE = (2**7, 2**14, 2**28, 2**31 - 1, 2**31, 2**32, 2**35, 2**63, 2**64 - 1)

Chance = random.Random


@dataclass(frozen=True, slots=True)
class HostileCall:
    """One call that nobody should make.

    Attributes:
        rpc: its name; not always one that there is. With its service where it begins with a slash.
        request: its bytes.
    """

    rpc: str
    request: bytes


def hostile_options(chance: Chance) -> pb.Options:
    """Return options at and beyond all their extremes, some left out."""
    options = pb.Options(precise=chance.random() < 0.3, cross_locale=chance.random() < 0.3)
    options.include_refused = chance.random() < 0.3
    if chance.random() < 0.7:
        options.top_k = chance.choice(_NUMBERS)
    if chance.random() < 0.7:
        options.max_reformulations = chance.choice(_NUMBERS)
    return options


def hostile_query(chance: Chance, *, as_string: bool = False) -> bytes:
    """Return a serialised query with a hostile text and locale.

    Args:
        chance: decides.
        as_string: put the text where a string has to be, whatever its bytes; else bytes that are no UTF-8 go
            where bytes may be, so that the message is whole.
    """
    text, locale = hostile_text(chance), hostile_locale(chance).encode("utf-8", "surrogatepass")
    if not as_string and (chance.random() < _SERVED or not _is_utf8(locale)):
        locale = b"en"
    number = 1 if as_string or (_is_utf8(text) and chance.random() < 0.8) else 2
    truncate = field(4, _VARINT, b"\x01") if chance.random() < 0.3 else b""
    return field(number, _DELIMITED, text) + field(3, _DELIMITED, locale) + truncate


def batch_of(queries: Sequence[bytes]) -> bytes:
    """Return a batch of serialised queries."""
    return b"".join(field(1, _DELIMITED, query) for query in queries)


def batch_options(chance: Chance) -> bytes:
    """Return the options of a batch as they stand behind its queries, at the ends of their ranges."""
    options = pb.Options(top_k=chance.choice((1, 5, 100)), max_reformulations=chance.choice((0, 3, 50)))
    options.include_refused = chance.random() < 0.3
    options.precise = chance.random() < 0.3
    options.cross_locale = chance.random() < 0.1
    return field(2, _DELIMITED, options.SerializeToString())


def hostile_call(chance: Chance) -> HostileCall:
    """Return a call of any rpc, whole or damaged in one way or several."""
    rpc = chance.choice(RPCS)
    request = _whole(chance, rpc)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 5))):
        request = chance.choice(_DAMAGES)(chance, request)
    if chance.random() < 0.03:
        rpc = chance.choice((*_NOWHERE, *_ELSEWHERE * 5))
    return HostileCall(rpc, request)


def field(number: int, wire_type: int, value: bytes) -> bytes:
    """Return one field as it stands on the wire."""
    length = varint(len(value)) if wire_type == _DELIMITED else b""
    return varint(number << 3 | wire_type) + length + value


def _whole(chance: Chance, rpc: str) -> bytes:
    if rpc == "DescribeModel":
        return b""
    options = field(2, _DELIMITED, hostile_options(chance).SerializeToString()) if chance.random() < 0.5 else b""
    count = chance.choice((0, 1, 2, 7)) if rpc == "BatchUnderstand" else 1
    as_string = chance.random() < 0.3
    return b"".join(field(1, _DELIMITED, hostile_query(chance, as_string=as_string)) for _ in range(count)) + options


def _flipped(chance: Chance, data: bytes) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(chance.choice((1, 1, 2, 8))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(chance: Chance, data: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _garbage(chance: Chance, data: bytes) -> bytes:
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.randbytes(chance.randint(1, 60)) + data[place:]


def _noise(chance: Chance, data: bytes) -> bytes:  # noqa: ARG001 -- as all damages
    return chance.randbytes(chance.choice((1, 10, 100, 2000)))


def _huge_length(chance: Chance, data: bytes) -> bytes:
    return data + varint(chance.choice((1, 2, 3)) << 3 | _DELIMITED) + varint(chance.choice(_HUGE)) + b"red"


def _nested(chance: Chance, data: bytes) -> bytes:
    """Wrap in messages or groups, deeper than any decoder goes."""
    depth, number = chance.choice((2, 50, 99, 100, 101, 500, 3000)), chance.choice((1, 2, 15))
    if chance.random() < 0.5:
        opened = varint(number << 3 | _GROUP) * depth
        return opened + data + varint(number << 3 | _GROUP_END) * chance.choice((depth, depth - 1, 0))
    for _ in range(min(depth, 500)):
        data = field(number, _DELIMITED, data)
    return data


def _unknown(chance: Chance, data: bytes) -> bytes:
    """Add fields that nobody knows, with any number and type, some of them forbidden."""
    for _ in range(chance.choice((1, 3, 100))):
        number = chance.choice((0, 4, 5, 15, 16, 1000, 19_000, 2**29 - 1, 2**29))
        data += field(number, chance.choice((_VARINT, _FIXED64, _DELIMITED, _FIXED32, 6, 7)), chance.randbytes(8))
    return data


def _doubled(chance: Chance, data: bytes) -> bytes:
    """Send everything again, which later fields overwrite and messages merge."""
    return data * chance.choice((2, 2, 3, 50))


def _other_type(chance: Chance, data: bytes) -> bytes:
    """Put a known field into another wire type."""
    return data + field(chance.choice((1, 2)), chance.choice((_VARINT, _FIXED64, _GROUP, _FIXED32)), b"\x01" * 8)


def _long_varint(chance: Chance, data: bytes) -> bytes:
    return data + b"\x0a" + b"\xff" * chance.choice((9, 10, 11, 1000)) + b"\x01"


def _large(chance: Chance, data: bytes) -> bytes:
    """Add up to a megabyte in a field that is known, or is not."""
    size = chance.choice((10_000, 100_000, 1_000_000))
    return data + field(chance.choice((1, 7)), _DELIMITED, field(chance.choice((1, 2, 3, 9)), _DELIMITED, b"a" * size))


_DAMAGES: tuple[Callable[[Chance, bytes], bytes], ...] = (
    *(_flipped, _flipped, _flipped, _cut, _cut, _garbage, _noise, _huge_length, _nested, _unknown, _doubled),
    *(_other_type, _long_varint),
)


def large_call(chance: Chance) -> HostileCall:
    """Return a call of up to some megabytes; few of these are made, for each takes a thousand times the others."""
    request = _large(chance, _whole(chance, "Understand"))
    return HostileCall("Understand", request * chance.choice((1, 1, 1, 5)))


def damaged(data: bytes, seed: int) -> bytes:
    """Return a request damaged in one way, for a fuzzer."""
    chance = random.Random(seed)
    return chance.choice(_DAMAGES)(chance, data)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
