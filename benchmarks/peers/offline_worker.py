"""One library answering queries in a loop; ``offline_worker.py NAME FOLDER`` in the peers' environment.

Reads a JSON line with texts, and another with texts and labels to learn from (only fastText does), prints
``ready port=0``, and then for every line on its input answers all texts once, in batches, and prints the seconds.
"""

# ruff: noqa: PLC0415 -- each process loads the one library it measures

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

_BATCH = 32
_MOST_TOKENS = 64

Answer: TypeAlias = Callable[[list[str]], Any]


def _transformers(folder: Path, rows: Sequence[tuple[str, str]]) -> Answer:  # noqa: ARG001
    import torch
    from transformers import AutoModel, AutoTokenizer

    torch.set_num_threads(1)
    tokenizer, model = AutoTokenizer.from_pretrained(folder / "float"), AutoModel.from_pretrained(folder / "float")

    def answer(texts: list[str]) -> Any:
        inputs = tokenizer(texts, padding=True, truncation=True, max_length=_MOST_TOKENS, return_tensors="pt")
        with torch.inference_mode():
            states = model(**inputs).last_hidden_state
        mask = inputs["attention_mask"].unsqueeze(-1)
        return (states * mask).sum(1) / mask.sum(1)

    return answer


def _onnx(precision: str) -> Callable[[Path, Sequence[tuple[str, str]]], Answer]:
    def load(folder: Path, rows: Sequence[tuple[str, str]]) -> Answer:  # noqa: ARG001
        import onnxruntime as ort
        import tokenizers

        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        model = str(folder / precision / "model.onnx")
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / precision / "tokenizer.json"))
        tokenizer.enable_padding(pad_id=1, pad_token="<pad>")
        tokenizer.enable_truncation(_MOST_TOKENS)

        def answer(texts: list[str]) -> Any:
            found = tokenizer.encode_batch(texts)
            ids, mask = (np.array([getattr(each, name) for each in found]) for name in ("ids", "attention_mask"))
            (states,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
            return (states * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)

        return answer

    return load


def _sentence_transformers(folder: Path, rows: Sequence[tuple[str, str]]) -> Answer:  # noqa: ARG001
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(str(folder / "float"), device="cpu")
    return lambda texts: model.encode(texts, batch_size=_BATCH, show_progress_bar=False)


def _fast_text(folder: Path, rows: Sequence[tuple[str, str]]) -> Answer:  # noqa: ARG001
    import fasttext

    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
        file.writelines(f"__label__{label} {' '.join(text.split())}\n" for text, label in rows)
        file.flush()
        model = fasttext.train_supervised(
            file.name, dim=100, minn=2, maxn=5, epoch=2, loss="hs", bucket=200_000, thread=1, verbose=0
        )
    return lambda texts: model.predict([" ".join(text.split()) for text in texts], k=5)


def _model2vec(folder: Path, rows: Sequence[tuple[str, str]]) -> Answer:  # noqa: ARG001
    import tokenizers
    from model2vec import StaticModel
    from safetensors.numpy import load_file

    weights = load_file(folder / "float" / "model.safetensors")
    words = next(value for name, value in weights.items() if name.endswith("word_embeddings.weight"))
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "float" / "tokenizer.json"))
    model = StaticModel(words[:, :256], tokenizer)
    return lambda texts: model.encode(texts, use_multiprocessing=False)


_LIBRARIES: dict[str, Callable[[Path, Sequence[tuple[str, str]]], Answer]] = {
    "transformers": _transformers,
    "onnx_float": _onnx("float"),
    "onnx_int8": _onnx("int8"),
    "sentence_transformers": _sentence_transformers,
    "fasttext": _fast_text,
    "model2vec": _model2vec,
}


def _main(name: str, folder: Path) -> None:
    texts, rows = json.loads(sys.stdin.readline()), json.loads(sys.stdin.readline())
    answer = _LIBRARIES[name](folder, rows)
    answer(texts[:_BATCH])
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        for i in range(0, len(texts), _BATCH):
            answer(texts[i : i + _BATCH])
        print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]))
