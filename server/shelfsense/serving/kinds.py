"""What can be asked of one query, and which parts of an answer it takes."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import Message

from shelfsense.v1 import query_understanding_pb2 as pb


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One kind of question about one query.

    Attributes:
        rpc: the name of its rpc.
        response: the generated class of its answer.
        product_types: the answer has product types.
        reformulations: the answer has reformulations.
    """

    rpc: str
    response: type[Message]
    product_types: bool
    reformulations: bool


UNDERSTAND = Kind("Understand", pb.UnderstandResponse, product_types=True, reformulations=True)
CLASSIFY = Kind("Classify", pb.ClassifyResponse, product_types=True, reformulations=False)
REFORMULATE = Kind("Reformulate", pb.ReformulateResponse, product_types=False, reformulations=True)
EMBED = Kind("Embed", pb.EmbedResponse, product_types=False, reformulations=False)
