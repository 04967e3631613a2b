"""Batches: every sequence once, neighbours of like length."""

from __future__ import annotations

import numpy as np
import pytest

from shelfsense_training.batches import length_batches, pad_batch


def test_padding_fills_up_to_the_longest() -> None:
    assert pad_batch([[5, 6, 7], [8]], 1).tolist() == [[5, 6, 7], [8, 1, 1]]


@pytest.mark.parametrize(("count", "size"), [(1, 4), (7, 4), (128, 4), (1000, 16), (1001, 16)])
def test_an_epoch_holds_every_index_once(count: int, size: int) -> None:
    lengths = np.random.default_rng(1).integers(1, 40, count)
    batches = length_batches(lengths, size, np.random.default_rng(2))
    assert sorted(np.concatenate(batches).tolist()) == list(range(count))
    assert max(map(len, batches)) <= size


def test_members_of_a_batch_are_of_like_length() -> None:
    lengths = np.random.default_rng(1).integers(3, 40, 4096)
    batches = length_batches(lengths, 64, np.random.default_rng(2))
    padded = sum(lengths[b].max() * len(b) for b in batches)
    shuffled = np.random.default_rng(3).permutation(4096).reshape(-1, 64)
    assert padded / lengths.sum() < 1.06  # sorted within windows of 32 batches
    assert sum(lengths[b].max() * len(b) for b in shuffled) / lengths.sum() > 1.7


def test_long_and_short_batches_come_in_no_order() -> None:
    lengths = np.arange(1024)
    means = [lengths[b].mean() for b in length_batches(lengths, 32, np.random.default_rng(2))]
    assert means != sorted(means)


def test_the_seed_decides_the_order() -> None:
    lengths = np.arange(100)
    first, again, other = (
        [b.tolist() for b in length_batches(lengths, 8, np.random.default_rng(s))] for s in (4, 4, 5)
    )
    assert first == again
    assert first != other
