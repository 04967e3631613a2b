"""A six-layer student learns the twelve-layer teacher's vectors on unlabelled texts.

The teacher reads ``query: text`` as e5 was trained to; the student reads ``<s> [locale] text </s>``.
Two losses: the cosine to the teacher's vector, and the divergence between both models' similarity
distributions within the batch, because e5's vectors lie in a narrow cone where a high cosine
alone says little about ranking.

B texts, T tokens, E embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from shelfsense.models.backbone import Backbone
from shelfsense.models.heads import mean_pool
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.tokenizer import QueryTokenizer
from shelfsense_training.batches import length_batches, pad_batch
from shelfsense_training.checkpoints import load_checkpoint, save_checkpoint
from shelfsense_training.progress import progress_bar
from shelfsense_training.schedule import learning_rate

E5_PREFIX = "query:"


@dataclass(frozen=True, slots=True)
class DistillationSettings:
    """How the student learns.

    Attributes:
        batch: texts per step; also the pool that similarities are taken over.
        peak_rate: AdamW's learning rate after warm-up.
        epochs: passes over the texts.
        temperature: of the similarity distributions; small, because e5's cosines differ little.
        und_share: share of texts that get the ``und`` token in place of their locale's.
        seed: of the order and the locale dropout.
    """

    batch: int = 192
    peak_rate: float = 4e-4
    epochs: float = 1.0
    temperature: float = 0.05
    und_share: float = 0.15
    seed: int = 0


def teacher_vectors(
    teacher: Backbone, tokenizer: QueryTokenizer, texts: Sequence[str], out: Path, *, batch: int = 256
) -> NDArray[np.float16]:
    """Return the teacher's unit vectors (N, E), kept in a file and taken up there if it was begun."""
    prefix = tokenizer.encode(E5_PREFIX)
    tokens = [[tokenizer.bos, *prefix, *tokenizer.encode(t)[: tokenizer.max_tokens], tokenizer.eos] for t in texts]
    done_path = out.with_suffix(".done")
    shape = (len(texts), teacher.width)
    vectors = np.lib.format.open_memmap(out, mode="r+" if out.exists() else "w+", dtype=np.float16, shape=shape)
    done = int(done_path.read_text()) if done_path.exists() else 0
    order = np.argsort([len(t) for t in tokens], kind="stable")
    teacher.eval()
    with progress_bar() as bar, torch.no_grad():
        task = bar.add_task("teacher vectors", total=len(texts), completed=done, figure="")
        for start in range(done, len(order), batch):
            rows = order[start : start + batch]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                hidden, mask = teacher(pad_batch([tokens[i] for i in rows], teacher.pad_id))
            unit = functional.normalize(mean_pool(hidden.float(), mask), dim=-1)
            vectors[rows] = unit.numpy().astype(np.float16)
            if start // batch % 50 == 0:
                vectors.flush()
                done_path.write_text(str(start + len(rows)))
            bar.advance(task, len(rows))
    vectors.flush()
    done_path.write_text(str(len(texts)))
    return np.asarray(vectors)


def distillation_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Return 1 - cosine, plus the divergence of in-batch similarities from the teacher's.

    Args:
        student: (B, E) unit vectors.
        teacher: (B, E) unit vectors.
        temperature: divides both similarity matrices.
    """
    cosine = 1 - (student * teacher).sum(-1).mean()
    itself = torch.eye(len(student), dtype=torch.bool, device=student.device)
    ours = (student @ student.T / temperature).masked_fill(itself, -1e4).log_softmax(-1)
    theirs = (teacher @ teacher.T / temperature).masked_fill(itself, -1e4).log_softmax(-1)
    return cosine + functional.kl_div(ours, theirs, log_target=True, reduction="batchmean")


def distil(
    student: UnderstanderModel,
    tokenizer: QueryTokenizer,
    texts: Sequence[tuple[str, str]],
    vectors: NDArray[np.float16],
    checkpoint: Path,
    settings: DistillationSettings,
) -> UnderstanderModel:
    """Train the student's encoder and embedding head; resumes from its checkpoint.

    Args:
        student: word embeddings stay as they are, so that words never seen here keep their meaning.
        tokenizer: of the student's vocabulary.
        texts: (text in model form, locale).
        vectors: (N, E) the teacher's, in the order of the texts.
        checkpoint: file of the training state.
        settings: how.
    """
    random = np.random.default_rng(settings.seed)
    und = tokenizer.locale_id("und")
    tokens = [list(tokenizer.network_input(text, locale, truncate=True).ids) for text, locale in texts]
    lengths = np.array([len(t) for t in tokens])
    batches = [b for _ in range(int(np.ceil(settings.epochs))) for b in length_batches(lengths, settings.batch, random)]
    steps = int(len(batches) * settings.epochs / np.ceil(settings.epochs))
    optimizer = _optimizer(student)
    state = load_checkpoint(checkpoint)
    first = 0
    if state:
        student.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    student.train()
    with progress_bar() as bar:
        task = bar.add_task("distillation", total=steps, completed=first, figure="")
        for step in range(first, steps):
            rows = batches[step]
            batch = pad_batch([tokens[i] for i in rows], student.backbone.pad_id)
            # Draws depend on the step alone, so a resumed run sees what it would have seen.
            draws = np.random.default_rng((settings.seed, step)).random(len(rows))
            batch[torch.from_numpy(draws < settings.und_share), 1] = und
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, steps, settings.peak_rate)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                hidden, mask = student.backbone(batch)
            ours = student.embedding(mean_pool(hidden.float(), mask))
            loss = distillation_loss(ours, torch.from_numpy(vectors[rows]).float(), settings.temperature)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimizer.step()
            bar.update(task, advance=1, figure=f"loss {loss.item():.4f}")
            if step % 200 == 199 or step == steps - 1:
                trained = {"model": student.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}
                save_checkpoint(checkpoint, trained)
    return student.eval()


def _optimizer(student: UnderstanderModel) -> torch.optim.AdamW:
    words = student.backbone.encoder.embeddings.word_embeddings.weight
    words.requires_grad_(requires_grad=False)
    return torch.optim.AdamW([p for p in student.parameters() if p.requires_grad], lr=0.0, weight_decay=0.01)
