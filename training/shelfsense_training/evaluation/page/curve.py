"""The precision-recall curve of a table of scores, and fewer points that draw the same.

B queries, L types of one level, K points.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shelfsense_training.evaluation.metrics import LEAST_ACCEPTED


def precision_recall_points(
    scores: NDArray[np.floating], labels: NDArray[np.bool_], minimum: int = LEAST_ACCEPTED
) -> NDArray[np.float64]:
    """Return (K, 2) recall and precision as the threshold falls, micro over all pairs.

    A threshold accepts all pairs of equal score. Kept are the places around a right pair: between
    them recall stands still and precision only falls.

    Args:
        scores: (B, L), higher is surer.
        labels: (B, L), whether the type is right; all others are wrong.
        minimum: fewest accepted pairs of a point; what rests on fewer is noise.
    """
    flat = scores.ravel()
    order = np.argsort(-flat, kind="stable")
    ranked = flat[order]
    hits = labels.ravel()[order].cumsum()
    positives = int(hits[-1]) if len(hits) else 0
    if not positives:
        return np.empty((0, 2))
    last = np.append(ranked[1:] != ranked[:-1], [True])
    stops = np.flatnonzero(last & (np.arange(1, len(ranked) + 1) >= minimum))
    found = hits[stops]
    rises = np.append([True], found[1:] > found[:-1]) if len(found) else np.empty(0, dtype=np.bool_)
    kept = rises | np.append(rises[1:], [False])
    # Beyond the last right pair recall is complete and the rest says nothing.
    kept &= np.arange(len(stops)) <= np.searchsorted(found, positives)
    return np.column_stack([found[kept] / positives, found[kept] / (stops[kept] + 1)])


def simplified(points: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """Return a part of the points (K, 2), none of those left out further than a tolerance from the line drawn.

    Source: Douglas and Peucker, "Algorithms for the reduction of the number of points required to
    represent a digitized line or its caricature", 1973.
    """
    if len(points) < 3:
        return points
    kept = np.zeros(len(points), dtype=np.bool_)
    kept[[0, -1]] = True
    spans = [(0, len(points) - 1)]
    while spans:
        start, end = spans.pop()
        if end - start < 2:
            continue
        away = _distances(points[start + 1 : end], points[start], points[end])
        furthest = int(away.argmax())
        if away[furthest] > tolerance:
            middle = start + 1 + furthest
            kept[middle] = True
            spans += [(start, middle), (middle, end)]
    return points[kept]


def _distances(
    points: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far each of the points (K, 2) lies from the line between two others."""
    along, off = end - start, points - start
    square = float(along @ along)
    share = np.clip(off @ along / square, 0, 1) if square else np.zeros(len(points))
    away: NDArray[np.float64] = np.hypot(*(off - share[:, None] * along).T)
    return away
