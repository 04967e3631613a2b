"""`shelfsense understand`: one query's answer, from a bundle here or from a service elsewhere."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToJson

from shelfsense.cli.answer_table import print_answer
from shelfsense.cli.options import (
    BundleOption,
    CrossLocaleOption,
    IncludeRefusedOption,
    PreciseOption,
    ReformulationsOption,
    TlsCertificateOption,
    TlsKeyOption,
    TlsRootOption,
    TokenFileOption,
    TopKOption,
    TruncateOption,
    connect,
    open_bundle,
)
from shelfsense.query import DEFAULT_REFORMULATIONS, DEFAULT_TOP_K, Options, Query
from shelfsense.serving.wire import understand_response
from shelfsense.text import decode_text
from shelfsense.understander import Understander
from shelfsense.v1 import query_understanding_pb2 as pb
from shelfsense_client import Client


def understand(  # noqa: PLR0913  a command's arguments are its options
    text: Annotated[str, typer.Argument(help="The query, as a shopper types it.", show_default=False)],
    *,
    locale: Annotated[str, typer.Option(help="BCP 47 tag of the store, as in es-ES; empty: unknown.")] = "",
    top_k: TopKOption = DEFAULT_TOP_K,
    max_reformulations: ReformulationsOption = DEFAULT_REFORMULATIONS,
    precise: PreciseOption = False,
    cross_locale: CrossLocaleOption = False,
    include_refused: IncludeRefusedOption = False,
    truncate: TruncateOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print UnderstandResponse as JSON.")] = False,
    target: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="The service to ask; without one, a bundle answers here.")
    ] = "",
    token_file: TokenFileOption = None,
    tls_root: TlsRootOption = None,
    tls_certificate: TlsCertificateOption = None,
    tls_key: TlsKeyOption = None,
    bundle: BundleOption = None,
) -> None:
    """Say which product types a query means, and which popular query says the same."""
    # Undecodable bytes of the command line arrive as surrogates, which no query may hold.
    query = Query(decode_text(os.fsencode(text)), locale, truncate)
    options = Options(
        top_k, max_reformulations, precise=precise, cross_locale=cross_locale, include_refused=include_refused
    )
    if target:
        answer = _from_service(connect(Client, target, token_file, tls_root, tls_certificate, tls_key), query, options)
    elif token_file or tls_root or tls_certificate or tls_key:
        raise typer.BadParameter("is what a token or TLS is for; name the service", param_hint="--target")
    else:
        answer = _from_bundle(bundle, query, options)
    if as_json:
        printed = MessageToJson(
            answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, ensure_ascii=False
        )
        sys.stdout.write(printed + "\n")
    else:
        print_answer(query.text, answer)


def _from_service(client: Client, query: Query, options: Options) -> pb.UnderstandResponse:
    with client:
        answer = client.understand(
            query.text,
            locale=query.locale,
            truncate=query.truncate,
            top_k=options.top_k,
            max_reformulations=options.max_reformulations,
            precise=options.precise,
            cross_locale=options.cross_locale,
            include_refused=options.include_refused,
        )
    return pb.UnderstandResponse(**asdict(answer))


def _from_bundle(bundle: Path | None, query: Query, options: Options) -> pb.UnderstandResponse:
    understander = Understander.load(open_bundle(bundle))
    started = time.perf_counter()
    (answer,) = understander.understand([query], options)
    return understand_response(answer, inference_us=round((time.perf_counter() - started) * 1e6))
