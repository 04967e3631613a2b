"""Messages put together from bytes that are messages already, so that an answer is serialised but once.

Two serialised messages one after the other are the serialised form of both merged (Protocol Buffers,
"Encoding", Last One Wins); a message within a message is its tag, its length and its bytes.
"""

from __future__ import annotations

from google.protobuf.message import Message

_LENGTH_DELIMITED = 2
_SEVEN_BITS = 0x7F


class Embedded:
    """A field that holds a message, to be written from that message's bytes.

    Args:
        message_type: the generated class of the outer message.
        field: the name of its field.
    """

    def __init__(self, message_type: type[Message], field: str) -> None:
        number = message_type.DESCRIPTOR.fields_by_name[field].number
        self._tag = varint(number << 3 | _LENGTH_DELIMITED)

    def __call__(self, message: bytes) -> bytes:
        """Return the bytes of an outer message in which only this field is set."""
        return self._tag + varint(len(message)) + message


def varint(number: int) -> bytes:
    """Return a number of 0 or more in base 128, least significant first, the highest bit set but on the last."""
    digits = bytearray()
    while number > _SEVEN_BITS:
        digits.append(number & _SEVEN_BITS | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)
