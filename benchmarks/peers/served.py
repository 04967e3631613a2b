"""Infinity-emb and LitServe, started the way that was fastest for each, on the server's core."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.finding import ROOT
from benchmarks.load.http_load import post
from benchmarks.load.servers import free_port
from benchmarks.machine import two_cores
from benchmarks.peers.environment import interpreter, variables
from benchmarks.processes import Running, started
from shelfsense.query import Query

_HERE = Path(__file__).parent
_MODEL = "encoder"
_START_LIMIT_S = 180


def infinity(folder: Path) -> AbstractContextManager[Running]:
    """Serve an exported encoder with infinity-emb.

    int8 by ONNX Runtime as quantised, 2,700 queries/s of its own warming; fused by optimum first 2,200; float32 1,700
    as it is, 1,500 fused; torch 1,190.
    """
    command = [str(interpreter()), str(_HERE / "infinity_server.py"), "v2", "--model-id", str(folder / "int8")]
    command += ["--served-model-name", _MODEL, "--engine", "optimum", "--device", "cpu", "--batch-size", "64"]
    command += ["--no-bettertransformer", "--onnx-disable-optimize", "--log-level", "error"]
    command += ["--host", "127.0.0.1", "--port", str(free_port())]
    return started(command, core=two_cores()[0], folder=ROOT / "work", environment=variables(), limit_s=_START_LIMIT_S)


def litserve(what: str, folder: Path) -> AbstractContextManager[Running]:
    """Serve with LitServe: ``types`` of a bundle's own graph, or ``vectors`` of an exported encoder."""
    command = [str(interpreter()), str(_HERE / "litserve_server.py"), what, str(folder), str(free_port())]
    return started(command, core=two_cores()[0], folder=ROOT / "work", environment=variables(), limit_s=_START_LIMIT_S)


def infinity_requests(queries: Sequence[Query], size: int) -> list[bytes]:
    """Return requests for vectors, so many queries each."""
    texts = [query.text for query in queries]
    parts = (texts[i : i + size] for i in range(0, len(texts), size))
    # base64 is what OpenAI's client asks for, and half the work of printing floats.
    bodies = ({"model": _MODEL, "input": part, "encoding_format": "base64"} for part in parts)
    return [post("/embeddings", json.dumps(body).encode()) for body in bodies]


def litserve_requests(queries: Sequence[Query]) -> list[bytes]:
    """Return requests to LitServe, one query each, as it gathers batches itself."""
    bodies = ({"text": query.text, "locale": query.locale} for query in queries)
    return [post("/predict", json.dumps(body).encode()) for body in bodies]
