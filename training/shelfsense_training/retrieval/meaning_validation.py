"""How well a model finds heads and marks attributes while it trains; a figure to choose by.

Held-out phrasings against the heads of their locale, held-out written pairs against the heads and near
queries of their file, and the human spans of the validation split.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from shelfsense.locales import language_of
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.text import model_form
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.fine_tuning import LONGEST
from shelfsense_training.packed_forward import pack, packed_forward
from shelfsense_training.pairs import is_held_out_pair, is_held_out_writing
from shelfsense_training.retrieval.tagged_queries import UNTOLD, TaggedQuery, read_human_spans, tagged_tokens
from shelfsense_training.sources.lexicon import LexiconEntry, WrittenPair, read_heads, read_tails, read_written_pairs

_AT_ONCE = 256


def encode(
    model: UnderstanderModel, tokenizer: QueryTokenizer, texts: Sequence[tuple[str, str]]
) -> NDArray[np.float32]:
    """Return the unit vectors (N, E) of (text in model form, locale)."""
    tokens = [tokenizer.network_input(text, locale, truncate=True).ids for text, locale in texts]
    order = np.argsort([len(ids) for ids in tokens], kind="stable")
    vectors = np.empty((len(texts), model.embedding.linear.out_features), dtype=np.float32)
    model.eval()
    with torch.no_grad():
        for start in range(0, len(order), _AT_ONCE):
            rows = order[start : start + _AT_ONCE]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                found = packed_forward(model, pack([tokens[i] for i in rows])).embeddings.float()
            vectors[rows] = torch.nn.functional.normalize(found, dim=-1).numpy()
    return vectors


class MeaningValidation:
    """Figures on held-out phrasings and human spans.

    Args:
        spans: file of the validation split of human spans.
        tokenizer: of the models.
    """

    def __init__(self, spans: Path, tokenizer: QueryTokenizer) -> None:
        self._tokenizer = tokenizer
        self._tagged = read_human_spans(spans)
        self._heads: dict[str, list[LexiconEntry]] = defaultdict(list)
        self._asked: dict[str, list[LexiconEntry]] = defaultdict(list)
        for head in read_heads():
            self._heads[head.locale].append(head)
        for tail in read_tails():
            if is_held_out_pair(tail):
                self._asked[tail.locale].append(tail)
        self._written: dict[str, list[WrittenPair]] = defaultdict(list)
        for pair in read_written_pairs():
            self._written[pair.name].append(pair)

    def __call__(self, model: UnderstanderModel) -> str:
        """Return the figures in one line."""
        written = self.written_rates(model)
        line = f"phrasings hit@1 {self.hit_rate(model):.3f}, attribute AUC {self.attribute_area(model):.3f}"
        return f"{line}, written pairs {' '.join(f'{name} {rate:.3f}' for name, rate in written.items())}"

    def hit_rate(self, model: UnderstanderModel) -> float:
        """Return the share of held-out phrasings whose nearest head is theirs, mean over locales."""
        rates = []
        for locale, asked in self._asked.items():
            ours = encode(model, self._tokenizer, _texts(self._heads[locale]))
            found = (encode(model, self._tokenizer, _texts(asked)) @ ours.T).argmax(1)
            right = [self._heads[locale][i].concept == tail.concept for i, tail in zip(found, asked, strict=True)]
            rates.append(np.mean(right))
        return float(np.mean(rates))

    def written_rates(self, model: UnderstanderModel) -> dict[str, float]:
        """Return, by file, the share of held-out written queries whose nearest head is theirs."""
        rates = {}
        for name, pairs in self._written.items():
            locale = pairs[0].locale
            texts = [text for pair in pairs for text in (pair.head, *pair.near)]
            heads = [
                (form, locale) for form in dict.fromkeys(model_form(text, language_of(locale)) for text in texts)
            ] + _texts(self._heads[locale])
            asked = [pair for pair in pairs if is_held_out_writing(pair)]
            queries = [(model_form(pair.query, language_of(locale)), locale) for pair in asked]
            ours = encode(model, self._tokenizer, heads)
            found = (encode(model, self._tokenizer, queries) @ ours.T).argmax(1)
            right = [
                heads[i][0] == model_form(pair.head, language_of(locale)) for i, pair in zip(found, asked, strict=True)
            ]
            rates[name] = float(np.mean(right))
        return rates

    def attribute_area(self, model: UnderstanderModel) -> float:
        """Return the area under the curve of telling tokens of attributes from all others."""
        scores, wanted = attribute_scores(model, self._tokenizer, self._tagged)
        return float(roc_auc_score(wanted, scores))


def attribute_scores(
    model: UnderstanderModel, tokenizer: QueryTokenizer, queries: Sequence[TaggedQuery]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return, token by token, the probability of being part of an attribute, and whether it is."""
    scores, wanted = [], []
    model.eval()
    for start in range(0, len(queries), _AT_ONCE):
        found = [tagged_tokens(query, tokenizer, most=LONGEST) for query in queries[start : start + _AT_ONCE]]
        batch = pack([ids for ids, _ in found])
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            logits = packed_forward(model, batch).attributes
        assert logits is not None
        probability = 1 - logits.float().softmax(-1)[:, 0].numpy()  # (S,)
        order = np.argsort(batch.back.numpy())
        kinds = np.concatenate([found[i][1] for i in order])
        told = kinds != UNTOLD
        scores.append(probability[told])
        wanted.append(kinds[told] > 0)
    return np.concatenate(scores), np.concatenate(wanted)


def _texts(entries: Sequence[LexiconEntry]) -> list[tuple[str, str]]:
    return [(model_form(entry.text, language_of(entry.locale)), entry.locale) for entry in entries]
