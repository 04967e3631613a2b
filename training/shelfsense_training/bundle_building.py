"""Puts a trained model, its tree, tokenizer, thresholds and heads into a bundle."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense.bundle import Bundle, write_bundle
from shelfsense.engines.engine import EngineOutput
from shelfsense.errors import InvalidQuery
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes
from shelfsense.query import Query
from shelfsense.reformulation.head_index import Head, head_index_files
from shelfsense.thresholds import THRESHOLDS, Thresholds
from shelfsense.tokenizer import MAX_TOKENS
from shelfsense.understander import Understander
from shelfsense_training.export.onnx_export import export_int8

MODEL, TOKENIZER, PRODUCT_TYPES, MODEL_CARD = "model.onnx", "tokenizer.json", "product_types.json", "model_card.md"
_BATCH = 64


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
    """

    version: str
    model: UnderstanderModel
    tokenizer_json: bytes
    product_types: ProductTypes
    locales: Sequence[str]
    thresholds: Thresholds
    facts: Mapping[str, Any]
    model_card: str = ""


def build_bundle(parts: BundleParts, out: Path) -> Bundle:
    """Write a bundle without heads; `index_heads` adds them."""
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
        **parts.facts,
    }
    files = {
        MODEL: export_int8(parts.model),
        TOKENIZER: parts.tokenizer_json,
        PRODUCT_TYPES: parts.product_types.to_json(),
        THRESHOLDS: parts.thresholds.to_json(),
        MODEL_CARD: parts.model_card.encode(),
    }
    return write_bundle(out, manifest, files)


def rewrite_bundle(
    bundle: Bundle, out: Path, *, files: Mapping[str, bytes], facts: Mapping[str, Any] | None = None
) -> Bundle:
    """Write a copy of a bundle with some files and manifest keys replaced."""
    kept = {name: bundle.read(name) for name in bundle.manifest["files"]}
    manifest = {k: v for k, v in bundle.manifest.items() if k not in {"files", "format_version"}}
    return write_bundle(out, {**manifest, **(facts or {})}, {**kept, **files})


def answer_queries(understander: Understander, queries: Sequence[Query]) -> EngineOutput:
    """Return the network's answers to N queries, by the engine that will serve them.

    Returns:
        Probabilities (N, L) of the network's types, as it gives them, and embeddings (N, E).
    """
    prepared = [understander.prepare(query) for query in queries]
    order = sorted(range(len(prepared)), key=lambda i: len(prepared[i].token_ids))
    probabilities = np.empty((len(queries), len(understander.network_types)), dtype=np.float32)
    embeddings = np.empty((len(queries), understander.bundle.manifest["embedding"]["width"]), dtype=np.float32)
    for start in range(0, len(order), _BATCH):
        rows = order[start : start + _BATCH]
        output = understander.infer([prepared[i] for i in rows])
        probabilities[rows], embeddings[rows] = output.probabilities, output.embeddings
    return EngineOutput(probabilities, embeddings)


def embed_queries(understander: Understander, queries: Sequence[Query]) -> NDArray[np.float32]:
    """Return the vectors (N, E) of queries by the engine that will serve them."""
    return answer_queries(understander, queries).embeddings


def index_heads(bundle: Bundle, heads: Sequence[Head], out: Path, *, threads: int = 1) -> Bundle:
    """Write a copy of a bundle whose head index holds the given heads.

    Raises:
        InvalidQuery: when a head is no valid query; its text leads the message.
    """
    understander = Understander.load(bundle, threads=threads)
    queries = [Query(head.query, head.locale) for head in heads]
    for query in queries:
        try:
            understander.prepare(query)
        except InvalidQuery as error:
            raise InvalidQuery(error.field, f"head {query.text!r} ({query.locale}): {error.message}") from error
    return rewrite_bundle(bundle, out, files=head_index_files(heads, embed_queries(understander, queries)))
