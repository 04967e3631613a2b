"""fastText, one-vs-all with subwords: the baseline beside every figure.

It reads what our model reads: the text in model form and, as a word before it, the locale. It has
no weights of rows, so a row of weight 5 is written five times; it has no masks either, so what is
unjudged counts as negative. Temporary files only. N queries, L types, W width.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from shelfsense.errors import InputRefused, ShelfsenseError
from shelfsense.product_types import ProductTypes

_COLUMNS = ("text", "locale", "types")
_LABEL = "__label__"

# fastText fills its input vectors in tenths, one per thread, and leaves the rest as the memory was: one
# thread starts nine tenths from nothing (0.02 less recall at precision on validation) or from garbage
# (NaN). Ten threads fill ten tenths, the eleventh what rounding leaves. They race: two runs differ slightly.
_THREADS = 11


class Diverged(ShelfsenseError):
    """Training ended in values that are no numbers."""


@dataclass(frozen=True, slots=True)
class FastTextSettings:
    """How one baseline is trained.

    Attributes:
        lr: learning rate at the start; falls linearly to 0.
        epochs: passes over the rows.
        width: W; 64 keeps one-vs-all over 1,704 types at about 0.2 ms per row and pass.
        shortest: of the character n-grams.
        longest: of the character n-grams.
        word_ngrams: longest word n-gram.
        buckets: hashed n-grams share this many vectors.
        seed: of the order of rows and the first weights.
    """

    lr: float = 0.5
    epochs: int = 5
    width: int = 64
    shortest: int = 2
    longest: int = 5
    word_ngrams: int = 2
    buckets: int = 500_000
    seed: int = 0


def read_baseline_lines(path: Path, product_types: ProductTypes) -> list[str]:
    """Read training rows (columns text, locale, types, optionally weight) as fastText's lines.

    Ancestors join the types; a row without types is left out; a row is there as often as its
    weight says, rounded, at least once.

    Raises:
        InputRefused: naming the file and the fact.
    """
    if not path.is_file():
        raise InputRefused(f"{path}: there is no such file")
    try:
        names = pq.read_schema(path).names
        missing = [name for name in _COLUMNS if name not in names]
        if missing:
            raise InputRefused(f"{path}: there is no column '{missing[0]}'; the columns are: {', '.join(names)}")
        rows = pq.read_table(path, columns=[name for name in (*_COLUMNS, "weight") if name in names]).to_pylist()
    except pa.ArrowException as error:
        raise InputRefused(f"{path}: cannot be read as parquet ({error})") from error
    lines: list[str] = []
    for i, row in enumerate(rows, start=1):
        try:
            labels = sorted({a for name in row["types"] for a in product_types.ancestors(product_types.index[name])})
        except KeyError as error:
            raise InputRefused(f"{path}: row {i}: {error} is no type of {product_types.label_space}") from None
        if labels:
            line = " ".join([*(f"{_LABEL}{label}" for label in labels), _line(row["text"], row["locale"])])
            lines += [line] * max(1, round(row.get("weight") or 1.0))
    if not lines:
        raise InputRefused(f"{path}: no row has a type, so there is nothing to learn from")
    return lines


class FastTextBaseline:
    """A trained baseline.

    Args:
        vectors: the model, for the vector of a line.
        outputs: (L', W) output vectors of the types that training rows have.
        columns: (L',) index in the tree of each of them.
        types: L.
    """

    def __init__(self, vectors: Any, outputs: NDArray[np.float32], columns: NDArray[np.int64], types: int) -> None:
        self._vectors = vectors
        self._outputs = outputs
        self._columns = columns
        self._types = types

    @classmethod
    def train(cls, lines: Sequence[str], types: int, settings: FastTextSettings) -> FastTextBaseline:
        """Train on lines of `read_baseline_lines`; their order is shuffled, for fastText keeps it.

        Args:
            lines: 1 or more.
            types: L, the size of the tree.
            settings: how.

        Raises:
            Diverged: when the learning rate is too high for these lines.
        """
        shuffled = list(lines)
        random.Random(settings.seed).shuffle(shuffled)  # noqa: S311 - an order, not a secret
        with tempfile.TemporaryDirectory(prefix="shelfsense-fasttext-") as folder:
            file = Path(folder) / "rows.txt"
            file.write_text("\n".join(shuffled) + "\n", encoding="utf-8")
            try:
                model = fasttext.train_supervised(str(file), **_arguments(settings))
            except RuntimeError as error:  # "Encountered NaN."
                raise Diverged(
                    f"fastText diverged at a learning rate of {settings.lr:g} ({error}); lower it"
                ) from error
        columns = np.array([int(label.removeprefix(_LABEL)) for label in model.get_labels()], dtype=np.int64)
        return cls(model, np.asarray(model.get_output_matrix(), dtype=np.float32), columns, types)

    def scores(self, texts: Iterable[str], locales: Iterable[str]) -> NDArray[np.float32]:
        """Return the probability (N, L) of every type, in the tree's order; 0 for types never seen.

        The sigmoid is computed here: fastText's own is a table of 512 steps and makes scores tie.

        Args:
            texts: N, in model form.
            locales: of each text.
        """
        lines = [_line(text, locale) for text, locale in zip(texts, locales, strict=True)]
        hidden = np.stack([self._vectors.get_sentence_vector(line) for line in lines])  # (N, W)
        scores = np.zeros((len(lines), self._types), dtype=np.float32)
        logits = np.clip(hidden @ self._outputs.T, -60, 60)  # past that exp is 0 in float32
        scores[:, self._columns] = 1 / (1 + np.exp(-logits))
        return scores


def describe(settings: FastTextSettings) -> dict[str, int | float]:
    """Return the settings as plain values, for a report."""
    return asdict(settings)


def _line(text: str, locale: str) -> str:
    return f"__loc_{locale} {' '.join(text.split())}"


def _arguments(settings: FastTextSettings) -> dict[str, Any]:
    return {
        "loss": "ova",
        "lr": settings.lr,
        "epoch": settings.epochs,
        "dim": settings.width,
        "minn": settings.shortest,
        "maxn": settings.longest,
        "wordNgrams": settings.word_ngrams,
        "bucket": settings.buckets,
        "thread": _THREADS,
        "seed": settings.seed,
        "verbose": 0,
    }
