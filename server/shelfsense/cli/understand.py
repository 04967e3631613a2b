"""`shelfsense understand`: one query's answer, from a bundle here or from a service there."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToJson

from shelfsense.cli.options import BundleOption, TopKOption, open_bundle
from shelfsense.cli.answer_table import print_answer
from shelfsense.query import DEFAULT_REFORMULATIONS, DEFAULT_TOP_K, MAX_REFORMULATIONS, Options, Query
from shelfsense.serving.batcher import Timed
from shelfsense.serving.wire import understand_response
from shelfsense.understander import Understander
from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense_client import AnswerOptions, Client


def understand(
    text: Annotated[str, typer.Argument(help="The query, as a shopper types it.", show_default=False)],
    *,
    locale: Annotated[str, typer.Option(help="BCP 47 tag of the store, as in es-ES; empty: unknown.")] = "",
    top_k: TopKOption = DEFAULT_TOP_K,
    max_reformulations: Annotated[
        int, typer.Option(min=0, max=MAX_REFORMULATIONS, help="Reformulations at most.")
    ] = DEFAULT_REFORMULATIONS,
    include_refused: Annotated[bool, typer.Option("--include-refused", help="Also show refused reformulations.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print UnderstandResponse as JSON.")] = False,
    target: Annotated[str, typer.Option(metavar="HOST:PORT", help="Ask a service; else the bundle answers here.")] = "",
    bundle: BundleOption = None,
) -> None:
    """Say which product types a query means, and which popular query says the same."""
