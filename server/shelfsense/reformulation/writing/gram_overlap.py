"""How much two writings share, and how much one says beyond the other: by the letter pairs and triples of their words."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache


def gram_overlap(one: str, other: str) -> float:
    """Return the Dice coefficient of the 2- and 3-grams of two texts, 0 to 1; 1 where they are equal."""
    return gram_signs(one, other)[0]


def gram_signs(one: str, other: str) -> tuple[float, float]:
    """Return the Dice coefficient of the 2- and 3-grams of two texts, and by how much one holds the other.

    The second is the difference of the shares of either that the other has: 0 where both have words of
    their own, or none; near 1 where one is the other and a word more, which may change the thing.

    A word counts with a mark at either end, so that its beginning and its end weigh more; the order of
    words does not matter. Twice the shared grams over all grams, repeated ones counted as often as
    both have them (Dice 1945, on multisets).

    Args:
        one: a `loose_form`.
        other: a `loose_form`; its locale may be another.
    """
    if one == other:
        return 1.0, 0.0
    ours, our_count = grams(one)
    theirs, their_count = grams(other)
    shared = sum([min(ours[gram], theirs[gram]) for gram in ours.keys() & theirs.keys()])
    if not shared:
        return 0.0, 0.0
    return 2 * shared / (our_count + their_count), abs(shared / our_count - shared / their_count)


# A query meets some 32 heads, and popular heads meet many queries.
@lru_cache(maxsize=8192)
def grams(text: str) -> tuple[dict[str, int], int]:
    """Return how often a text has each of its 2- and 3-grams, and how many it has; not to be changed."""
    words = [f" {word} " for word in text.split()]
    pairs = [word[i : i + 2] for word in words for i in range(len(word) - 1)]
    triples = [word[i : i + 3] for word in words for i in range(len(word) - 2)]
    return dict(Counter(pairs + triples)), len(pairs) + len(triples)
