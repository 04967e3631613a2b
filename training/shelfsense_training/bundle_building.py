"""Puts a trained model, its tree, tokenizer, thresholds and heads into a bundle."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense.attribute_kinds import ATTRIBUTES
from shelfsense.bundle import Bundle, write_bundle
from shelfsense.engines.engine import EngineOutput
from shelfsense.engines.reranker import RERANKER
from shelfsense.errors import InvalidQuery
from shelfsense.models.cross_encoder import CrossEncoder
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes
from shelfsense.query import Query
from shelfsense.reformulation.attribute_spans import spans_to_text
from shelfsense.reformulation.head_files import FOLDER
from shelfsense.reformulation.head_index import Head, head_index_files
from shelfsense.reformulation.vector_index import GraphSettings
from shelfsense.thresholds import THRESHOLDS, Thresholds
from shelfsense.tokenizer import MAX_TOKENS
from shelfsense.understander import Understander
from shelfsense_training.export.cross_encoder_export import export_cross_encoder
from shelfsense_training.export.onnx_export import export_int8
from shelfsense_training.progress import progress_bar

MODEL, TOKENIZER, PRODUCT_TYPES, MODEL_CARD = "model.onnx", "tokenizer.json", "product_types.json", "model_card.md"
_BATCH = 64
_SHOWN = 500


@dataclass(frozen=True, slots=True)
class BundleParts:
    """What a bundle is made of, heads aside.

    Attributes:
        version: the bundle's own version.
        model: calibrated.
        tokenizer_json: of the model's vocabulary.
        product_types: in the order of the model's labels.
        locales: tags in the order of the model's locale tokens, without ``und``.
        thresholds: for every locale and ``und``.
        facts: further manifest keys: ``metrics``, ``training_data``, ``licences``.
        model_card: Markdown.
        reranker: on the model's word table and with its locale tokens; precise mode needs one.
    """

    version: str
    model: UnderstanderModel
    tokenizer_json: bytes
    product_types: ProductTypes
    locales: Sequence[str]
    thresholds: Thresholds
    facts: Mapping[str, Any]
    model_card: str = ""
    reranker: CrossEncoder | None = None


def build_bundle(parts: BundleParts, out: Path) -> Bundle:
    """Write a bundle without heads; `index_heads` adds them.

    Raises:
        InputRefused: when the re-ranker has another word table than the model.
    """
    config = parts.model.backbone.encoder.config
    manifest = {
        "bundle_version": parts.version,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "label_space": parts.product_types.label_space,
        "locales": list(parts.locales),
        "backbone": {
            "layers": config.n_layers,
            "width": config.dim,
            "vocabulary": config.vocab_size,
            "max_tokens": MAX_TOKENS,
        },
        "embedding": {"width": parts.model.embedding.linear.out_features},
        **({"attributes": list(ATTRIBUTES)} if parts.model.attributes is not None else {}),
        **parts.facts,
    }
    files = {
        MODEL: export_int8(parts.model),
        TOKENIZER: parts.tokenizer_json,
        PRODUCT_TYPES: parts.product_types.to_json(),
        THRESHOLDS: parts.thresholds.to_json(),
        MODEL_CARD: parts.model_card.encode(),
    }
    if parts.reranker is not None:
        files[RERANKER] = export_cross_encoder(parts.reranker, parts.model, parts.locales)
    return write_bundle(out, manifest, files)


def rewrite_bundle(
    bundle: Bundle, out: Path, *, files: Mapping[str, bytes], facts: Mapping[str, Any] | None = None
) -> Bundle:
    """Write a copy of a bundle with some files and manifest keys replaced.

    The files of a head index belong together: where new ones come, all old ones go.
    """
    heads_anew = any(name.startswith(FOLDER) for name in files)
    names = (name for name in bundle.manifest["files"] if not (heads_anew and name.startswith(FOLDER)))
    kept = {name: bundle.read(name) for name in names}
    manifest = {k: v for k, v in bundle.manifest.items() if k not in {"files", "format_version"}}
    return write_bundle(out, {**manifest, **(facts or {})}, {**kept, **files})


def answer_queries(
    understander: Understander, queries: Sequence[Query], *, advanced: Callable[[int], object] = int
) -> EngineOutput:
    """Return the network's answers to N queries, by the engine that will serve them.

    Args:
        understander: of the bundle that answers.
        queries: valid ones, in any order.
        advanced: told how many queries were answered since it was last told.

    Returns:
        Probabilities (N, L) of the network's types, as it gives them, embeddings (N, E) and attributes.
    """
    prepared = [understander.prepare(query) for query in queries]
    order = sorted(range(len(prepared)), key=lambda i: len(prepared[i].token_ids))
    probabilities = np.empty((len(queries), len(understander.network_types)), dtype=np.float32)
    embeddings = np.empty((len(queries), understander.bundle.manifest["embedding"]["width"]), dtype=np.float32)
    attributes: dict[int, NDArray[np.float32]] = {}
    for start in range(0, len(order), _BATCH):
        rows = order[start : start + _BATCH]
        output = understander.infer([prepared[i] for i in rows])
        probabilities[rows], embeddings[rows] = output.probabilities, output.embeddings
        attributes |= zip(rows, output.attributes or (), strict=output.attributes is not None)
        advanced(len(rows))
    ordered = tuple(attributes[i] for i in range(len(queries))) if attributes else None
    return EngineOutput(probabilities, embeddings, ordered)


def embed_queries(
    understander: Understander, queries: Sequence[Query], *, advanced: Callable[[int], object] = int
) -> NDArray[np.float32]:
    """Return the vectors (N, E) of queries by the engine that will serve them; arguments as of `answer_queries`."""
    return answer_queries(understander, queries, advanced=advanced).embeddings


def index_heads(bundle: Bundle, heads: Sequence[Head], out: Path, *, threads: int = 1) -> Bundle:
    """Write a copy of a bundle whose head index holds the given heads, with progress.

    Where the network has an attribute head, it says what attributes the heads name.

    Raises:
        InvalidQuery: when a head is no valid query; its text leads the message.
    """
    understander = Understander.load(bundle, threads=threads)
    queries = [Query(head.query, head.locale) for head in heads]
    prepared = []
    for query in queries:
        try:
            prepared.append(understander.prepare(query))
        except InvalidQuery as error:
            raise InvalidQuery(error.field, f"head {query.text!r} ({query.locale}): {error.message}") from error
    settings = GraphSettings()
    large = [count for count in Counter(head.locale for head in heads).values() if count > settings.exact_rows]
    with progress_bar() as progress:
        # A list that takes less than a second needs no bar, which only a terminal could take back.
        embedding = progress.add_task("embedding", total=len(heads), figure="heads", visible=len(heads) > _SHOWN)
        output = answer_queries(understander, queries, advanced=partial(progress.advance, embedding))
        if output.attributes is not None:
            found = zip(prepared, output.attributes, strict=True)
            texts = [spans_to_text(understander.attribute_spans(each, row)) for each, row in found]
            heads = [replace(head, attributes=text) for head, text in zip(heads, texts, strict=True)]
        placing = progress.add_task("building graphs", total=sum(large), figure="heads", visible=bool(large))
        files = head_index_files(
            heads, output.embeddings, settings=settings, advanced=partial(progress.advance, placing)
        )
    return rewrite_bundle(bundle, out, files=files)
