"""Fits the classification head anew on the frozen encoder's pooled queries, to convergence.

A step of fine-tuning pays for the encoder; a step of this pays for one matrix, so the head sees every
row many times and its mix of sources can be chosen on validation data. After Kang et al., "Decoupling
representation and classifier for long-tailed recognition", ICLR 2020.

N rows, B rows of a batch, D width, L labels.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shelfsense.models.heads import mean_pool
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.product_types import ProductTypes
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.batches import pad_batch
from shelfsense_training.objectives import TargetTable, level_cross_entropy, masked_binary_cross_entropy
from shelfsense_training.progress import progress_bar
from shelfsense_training.sampling import RowSampler, SamplingSettings
from shelfsense_training.schedule import learning_rate
from shelfsense_training.training_rows import TrainingRow

_BATCH = 256


@dataclass(frozen=True, slots=True)
class HeadFittingSettings:
    """How the head is fitted.

    Attributes:
        rows: rows read by the encoder: every one but names, and of names as many as fit.
        steps: optimiser steps.
        batch: rows per step.
        rate: AdamW's peak learning rate.
        decay: weight decay, relative to zero.
        dropout: of the pooled query.
        binary_weight: of the binary cross-entropy.
        sampling: shares of the sources.
        seed: of every draw.
    """

    rows: int = 160_000
    steps: int = 3000
    batch: int = 512
    rate: float = 2e-3
    decay: float = 0.05
    dropout: float = 0.2
    binary_weight: float = 0.1
    sampling: SamplingSettings = field(
        default_factory=lambda: SamplingSettings(judged_share=0.3, own_share=0.1, late_from=1.0)
    )
    seed: int = 0


def choose_rows(rows: Sequence[TrainingRow], settings: HeadFittingSettings) -> list[TrainingRow]:
    """Return every row that is no name, and a random share of the names."""
    names = {"name", "composed", "google"}
    kept = [row for row in rows if row.source not in names]
    others = [row for row in rows if row.source in names]
    order = np.random.default_rng(settings.seed).permutation(len(others))
    return kept + [others[i] for i in order[: max(0, settings.rows - len(kept))]]


def pooled_queries(
    model: UnderstanderModel, tokenizer: QueryTokenizer, texts: Sequence[tuple[str, str]]
) -> NDArray[np.float16]:
    """Return the encoder's pooled queries (N, D) of (text in model form, locale) pairs."""
    tokens = [tokenizer.network_input(text, locale, truncate=True).ids for text, locale in texts]
    order = np.argsort([len(t) for t in tokens], kind="stable")
    pooled = np.empty((len(texts), model.backbone.width), dtype=np.float16)
    model.eval()
    with progress_bar() as bar, torch.no_grad():
        task = bar.add_task("pooled queries", total=len(texts), figure="")
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                hidden, mask = model.backbone(pad_batch([tokens[i] for i in rows], model.backbone.pad_id))
            pooled[rows] = mean_pool(hidden.float(), mask).numpy().astype(np.float16)
            bar.advance(task, len(rows))
    return pooled


def fit_head(
    head: nn.Linear,
    pooled: NDArray[np.float16],
    rows: Sequence[TrainingRow],
    product_types: ProductTypes,
    settings: HeadFittingSettings,
) -> nn.Linear:
    """Return a head fitted on pooled queries, started from the given one.

    Args:
        head: (D to L); not changed.
        pooled: (N, D) of the rows.
        rows: N labelled rows.
        product_types: the tree of the labels.
        settings: how.
    """
    fitted = copy.deepcopy(head)
    targets, sampler = TargetTable(product_types), RowSampler(rows, settings.sampling)
    levels = [torch.from_numpy(product_types.by_level[k]) for k in sorted(product_types.by_level)]
    optimizer = torch.optim.AdamW(fitted.parameters(), lr=0.0, weight_decay=settings.decay, fused=True)
    with progress_bar() as bar:
        task = bar.add_task("classification head", total=settings.steps, figure="")
        for step in range(settings.steps):
            random = np.random.default_rng((settings.seed, step))
            torch.manual_seed(int(random.integers(2**31)))
            chosen = sampler.draw(random, settings.batch, through=step / settings.steps)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, settings.steps, settings.rate)
            read = nn.functional.dropout(torch.from_numpy(pooled[chosen]).float(), settings.dropout)  # (B, D)
            logits, wanted = fitted(read), targets.targets([rows[i] for i in chosen])
            loss = level_cross_entropy(logits, wanted.acceptable, levels)
            loss = loss + settings.binary_weight * masked_binary_cross_entropy(logits, wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            bar.update(task, advance=1, figure=f"loss {loss.item():.4f}")
    return fitted
