"""LitServe around the same weights; ``litserve_server.py types|vectors FOLDER PORT`` in the peers' environment.

It tokenises and runs batches as LitServe gathers them. ``types``: the bundle's own graph, and the best five product
types of it: no tree, no thresholds, no heads. ``vectors``: the exported encoder in ONNX Runtime's dynamic int8, as
anybody would quantise it, and its mean vector. Prints ``ready port=N`` once it answers.
"""

from __future__ import annotations

import base64
import json
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import litserve as ls
import numpy as np
import onnxruntime as ort
import tokenizers

_PAD, _FIRST, _LAST = 1, 0, 2
_BEST = 5
_MOST_IN_BATCH = 64
_WAIT_S = 0.005  # 0, 1, 2, 5 and 10 ms made no difference with 64 requests in flight: the queue is never empty


class Encoder(ls.LitAPI):  # type: ignore[misc]  # of the peers' environment, unknown here
    """Answers ``{"text": ..., "locale": ...}``.

    Args:
        bundle: the bundle folder.
    """

    def __init__(self, bundle: Path) -> None:
        super().__init__(max_batch_size=_MOST_IN_BATCH, batch_timeout=_WAIT_S)
        self._bundle = bundle

    def setup(self, device: str) -> None:  # noqa: ARG002
        """Load tokenizer and graph, with the session options that the engine of the bundle uses."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_mem_pattern = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(
            str(self._bundle / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = tokenizers.Tokenizer.from_file(str(self._bundle / "tokenizer.json"))
        locales = json.loads((self._bundle / "manifest.json").read_text(encoding="utf-8"))["locales"]
        base = self._tokenizer.get_vocab_size()
        self._locales = {locale: base + i for i, locale in enumerate([*locales, "und"])}

    def decode_request(self, request: dict[str, str]) -> list[int]:
        """Return the network's token ids."""
        ids = self._tokenizer.encode(request["text"], add_special_tokens=False).ids
        return [_FIRST, self._locales[request["locale"]], *ids, _LAST]

    def batch(self, inputs: list[list[int]]) -> np.ndarray[Any, Any]:
        """Pad requests to the longest, (B, T)."""
        padded = np.full((len(inputs), max(map(len, inputs))), _PAD, dtype=np.int64)
        for row, ids in zip(padded, inputs, strict=True):
            row[: len(ids)] = ids
        return padded

    def predict(self, x: np.ndarray[Any, Any]) -> list[tuple[list[int], list[float], list[float]]]:
        """Return per query the best types, their probabilities and the vector."""
        token_ids = x if isinstance(x, np.ndarray) else self.batch([x])
        probabilities, embeddings = self._session.run(["probabilities", "embeddings"], {"token_ids": token_ids})
        best = np.argsort(-probabilities, axis=1)[:, :_BEST]
        likeliest = np.take_along_axis(probabilities, best, 1)
        return list(zip(best.tolist(), likeliest.tolist(), embeddings.tolist(), strict=True))

    def unbatch(self, output: list[Any]) -> list[Any]:
        """Return the answers one by one."""
        return output

    def encode_response(self, output: tuple[list[int], list[float], list[float]]) -> dict[str, Any]:
        """Return the types; the vector stays here, as our own answer does not send it either."""
        return {"product_types": output[0], "probabilities": output[1]}


class Vectors(ls.LitAPI):  # type: ignore[misc]  # of the peers' environment, unknown here
    """Answers ``{"text": ...}`` with a vector.

    Args:
        folder: the exported encoder.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(max_batch_size=_MOST_IN_BATCH, batch_timeout=_WAIT_S)
        self._folder = folder

    def setup(self, device: str) -> None:  # noqa: ARG002
        """Load tokenizer and graph."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(
            str(self._folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = tokenizers.Tokenizer.from_file(str(self._folder / "tokenizer.json"))

    def decode_request(self, request: dict[str, str]) -> list[int]:
        """Return the network's token ids."""
        return [_FIRST, *self._tokenizer.encode(request["text"], add_special_tokens=False).ids, _LAST]

    def batch(self, inputs: list[list[int]]) -> np.ndarray[Any, Any]:
        """Pad requests to the longest, (B, T)."""
        padded = np.full((len(inputs), max(map(len, inputs))), _PAD, dtype=np.int64)
        for row, ids in zip(padded, inputs, strict=True):
            row[: len(ids)] = ids
        return padded

    def predict(self, x: np.ndarray[Any, Any]) -> list[list[float]]:
        """Return the mean of each query's token vectors, of unit length."""
        token_ids = x if isinstance(x, np.ndarray) else self.batch([x])
        mask = (token_ids != _PAD).astype(np.int64)
        (states,) = self._session.run(None, {"input_ids": token_ids, "attention_mask": mask})
        pooled = (states * mask[:, :, None]).sum(1)
        vectors: list[list[float]] = (pooled / np.linalg.norm(pooled, axis=1, keepdims=True)).tolist()
        return vectors

    def unbatch(self, output: list[Any]) -> list[Any]:
        """Return the answers one by one."""
        return output

    def encode_response(self, output: list[float]) -> dict[str, Any]:
        """Return the vector as base64, half the work of printing floats."""
        return {"vector": base64.b64encode(np.asarray(output, dtype=np.float32).tobytes()).decode()}


def _tell_when_ready(port: int) -> None:
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1) as answer:
                if answer.status == 200:
                    print(f"ready port={port}", flush=True)
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.1)


if __name__ == "__main__":
    what, folder, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    threading.Thread(target=_tell_when_ready, args=(number,), daemon=True).start()
    server = ls.LitServer(
        (Vectors if what == "vectors" else Encoder)(folder),
        accelerator="cpu",
        devices=1,
        workers_per_device=1,
        timeout=30,
    )
    server.run(host="127.0.0.1", port=number, log_level="error", access_log=False, generate_client_file=False)
