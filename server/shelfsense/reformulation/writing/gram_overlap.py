"""How much two writings share: Dice over the letter pairs and triples of their words."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache


def gram_overlap(one: str, other: str) -> float:
    """Return the Dice coefficient of the 2- and 3-grams of two texts, 0 to 1; 1 where they are equal.

    A word counts with a mark at either end, so that its beginning and its end weigh more; the order of
    words does not matter. Twice the shared grams over all grams, repeated ones counted as often as
    both have them (Dice 1945, on multisets).

    Args:
        one: a `loose_form`.
        other: a `loose_form`; its locale may be another.
    """
    if one == other:
        return 1.0
    ours, our_count = _grams(one)
    theirs, their_count = _grams(other)
    if len(ours) > len(theirs):
        ours, theirs = theirs, ours
    shared = sum(min(count, theirs[gram]) for gram, count in ours.items() if gram in theirs)
    return 2 * shared / (our_count + their_count) if shared else 0.0


# A query meets some 32 heads, and popular heads meet many queries.
@lru_cache(maxsize=8192)
def _grams(text: str) -> tuple[dict[str, int], int]:
    grams: Counter[str] = Counter()
    for word in text.split():
        marked = f" {word} "
        grams.update(marked[i : i + 2] for i in range(len(marked) - 1))
        grams.update(marked[i : i + 3] for i in range(len(marked) - 2))
    return dict(grams), grams.total()
