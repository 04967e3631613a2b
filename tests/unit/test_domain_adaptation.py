"""A student that hears its teacher among neighbours."""

from __future__ import annotations

import numpy as np

from shelfsense_training.retrieval.domain_adaptation import Neighbourhoods


def test_a_batch_holds_anchors_and_their_neighbours() -> None:
    angles = np.repeat([0.0, 1.0, 2.0, 3.0], 5) + np.tile(np.linspace(0, 0.1, 5), 4)  # four clusters of five
    teacher = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    hoods = Neighbourhoods(teacher, pool=4)
    for seed in range(20):
        rows = hoods.draw(np.random.default_rng(seed), anchors=2, neighbours=4)
        clusters = set((rows // 5).tolist())
        assert len(clusters) <= 2
        assert sorted(rows) == sorted({5 * cluster + i for cluster in clusters for i in range(5)})


def test_only_the_named_rows_are_drawn() -> None:
    teacher = np.eye(12)
    named = np.array([1, 3, 5, 7, 9, 11])
    hoods = Neighbourhoods(teacher, pool=2, rows=named)
    drawn = {row for seed in range(20) for row in hoods.draw(np.random.default_rng(seed), 3, 2).tolist()}
    assert drawn <= set(named.tolist())
    assert len(drawn) > 3
