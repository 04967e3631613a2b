"""Request bytes to messages, with the failure as a value: gRPC would answer INTERNAL before any handler runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar, cast

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message

from shelfsense.errors import InvalidQuery

MessageT = TypeVar("MessageT", bound=Message)


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A request that is no message of its type.

    Attributes:
        error: names the string that is not UTF-8, or ``request`` when the bytes are no message at all.
    """

    error: InvalidQuery


class Decoder(Generic[MessageT]):
    """Decodes the requests of one type; never raises.

    Args:
        message_type: the generated class.
    """

    def __init__(self, message_type: type[MessageT]) -> None:
        self._parse: Callable[[bytes], MessageT] = message_type.FromString
        self._descriptor = cast("Descriptor", message_type.DESCRIPTOR)  # upb's stand-in has the same interface

    def __call__(self, data: bytes) -> MessageT | Undecodable:
        """Return the message, or why there is none."""
        try:
            return self._parse(data)
        except DecodeError:
            return Undecodable(_reason(data, self._descriptor))


def _reason(data: bytes, descriptor: Descriptor) -> InvalidQuery:
    try:
        lenient = _lenient_type(descriptor).FromString(data)
    except DecodeError:
        return InvalidQuery("request", f"is no {descriptor.full_name}; check the client's stubs against the contract")
    for path, start in _bad_strings(lenient, descriptor):
        advice = "send valid UTF-8, or the bytes as text_utf8" if path.endswith("text") else "send valid UTF-8"
        return InvalidQuery(path, f"is not UTF-8 (byte {start}); {advice}")
    return InvalidQuery("request", f"is no {descriptor.full_name}; check the client's stubs against the contract")


@cache
def _lenient_type(descriptor: Descriptor) -> type[Message]:
    """Return the message type with every string as bytes: it decodes what the real one refuses.

    A string and a bytes field look alike on the wire, so this finds the bad one without a decoder of our own.
    """
    file = descriptor_pb2.FileDescriptorProto.FromString(descriptor.file.serialized_pb)
    for message in file.message_type:
        for field in message.field:
            if field.type == field.TYPE_STRING:
                field.type = field.TYPE_BYTES
    pool = DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(descriptor.full_name))


def _bad_strings(lenient: Message, descriptor: Descriptor, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Yield the path of each string that is not UTF-8, and the offset of its first bad byte."""
    for field, value in lenient.ListFields():
        real = descriptor.fields_by_name[field.name]
        for i, each in enumerate(value if real.is_repeated else [value]):
            path = f"{prefix}{field.name}[{i}]" if real.is_repeated else prefix + field.name
            if real.message_type is not None:
                yield from _bad_strings(each, real.message_type, path + ".")
            elif real.type == FieldDescriptor.TYPE_STRING:
                try:
                    each.decode("utf-8")
                except UnicodeDecodeError as error:
                    yield path, error.start
