"""What a retriever has to beat: BM25, n-gram TF-IDF and fastText vectors, over the same candidates.

Each gives vectors whose products rank candidates. N texts, V terms.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import fasttext
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

_WORD = r"(?u)\S+"


def word_tfidf(texts: Sequence[str]) -> csr_matrix:
    """Return TF-IDF rows (N, V) of words, unit length."""
    return csr_matrix(TfidfVectorizer(token_pattern=_WORD).fit_transform(texts))


def character_tfidf(texts: Sequence[str]) -> csr_matrix:
    """Return TF-IDF rows (N, V) of character 3- and 4-grams within words, unit length."""
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), sublinear_tf=True)
    return csr_matrix(vectorizer.fit_transform(texts))


def bm25(texts: Sequence[str], *, k1: float = 1.2, b: float = 0.75) -> tuple[csr_matrix, csr_matrix]:
    """Return term counts of queries and BM25 weights of candidates, both (N, V).

    Source: Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009, with idf above 0.

    Args:
        texts: both the queries and the candidates.
        k1: how soon further occurrences stop counting.
        b: how much long candidates are held back.
    """
    counts = csr_matrix(CountVectorizer(token_pattern=_WORD).fit_transform(texts), dtype=np.float64)
    lengths = np.asarray(counts.sum(1)).ravel()  # (N,)
    holders = np.bincount(counts.indices, minlength=counts.shape[1])
    rarity = np.log(1 + (len(texts) - holders + 0.5) / (holders + 0.5))
    weights = counts.copy()
    norm = np.repeat(k1 * (1 - b + b * lengths / lengths.mean()), np.diff(counts.indptr))
    weights.data = counts.data * (k1 + 1) / (counts.data + norm)
    return counts, csr_matrix(weights @ diags(rarity))


def fasttext_vectors(texts: Sequence[str], *, width: int = 100, epochs: int = 10) -> NDArray[np.float32]:
    """Return unit vectors (N, width): the mean of subword vectors learnt from these very texts."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "texts"
        corpus.write_text("\n".join(texts), encoding="utf-8")
        model = fasttext.train_unsupervised(
            str(corpus), model="skipgram", dim=width, epoch=epochs, minn=3, maxn=5, minCount=1, thread=1, verbose=0
        )
    vectors = np.stack([model.get_sentence_vector(text) for text in texts]).astype(np.float32)
    unit: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit


def sparse_nearest(queries: csr_matrix, candidates: csr_matrix, rows: Sequence[int], depth: int) -> NDArray[np.int64]:
    """Return the candidates (len(rows), depth) with the largest products, the query itself left out.

    Ties, which words make many of, are broken by the row's number.
    """
    found = np.empty((len(rows), depth), dtype=np.int64)
    transposed = candidates.T.tocsr()
    for n, row in enumerate(rows):
        scores = (queries[row] @ transposed).toarray()[0]
        scores[row] = -1.0
        best = np.argpartition(-scores, depth - 1)[:depth]
        found[n] = best[np.lexsort((best, -scores[best]))]
    return found
