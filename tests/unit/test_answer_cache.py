"""The cache of answers: bounded in bytes, the least recently used leave first, a bundle's answers leave with it."""

from __future__ import annotations

import sys

from shelfsense.serving.answer_cache import AnswerCache, AnswerKey


def key(text: str, generation: int = 1, *, truncate: bool = False) -> AnswerKey:
    return AnswerKey(generation, "Understand", text, text, "en", truncate, (5, 3, False, False, False), 0)


def held(cache: AnswerCache) -> int:
    """What the cache says it takes, worked out from what it holds."""
    return sum(
        450 + sys.getsizeof(answer) + sys.getsizeof(k.normal_form) + sys.getsizeof(k.model_text)
        for k, answer in cache._answers.items()
    )


def test_an_answer_is_given_again_for_an_equal_key_alone() -> None:
    cache = AnswerCache(10_000)
    cache.put(key("shoes"), b"answer")
    assert cache.get(key("shoes")) == b"answer"
    for other in (key("shoe"), key("shoes", 2), key("shoes", truncate=True)):
        assert cache.get(other) is None
    assert (cache.figures.hits, cache.figures.misses) == (1, 3)


def test_the_least_recently_used_leaves_when_the_bytes_run_out() -> None:
    one = 450 + sys.getsizeof(b"x" * 100) + 2 * sys.getsizeof("a")
    cache = AnswerCache(2 * one)
    cache.put(key("a"), b"x" * 100)
    cache.put(key("b"), b"x" * 100)
    assert cache.get(key("a"))
    cache.put(key("c"), b"x" * 100)
    assert cache.get(key("b")) is None
    assert cache.get(key("a"))
    assert cache.get(key("c"))
    assert cache.figures.evicted == 1


def test_bytes_never_pass_the_bound_and_always_add_up() -> None:
    cache = AnswerCache(20_000)
    for i in range(500):
        cache.put(key(f"query {i % 70}", i % 3), b"y" * (i * 37 % 2000))
        assert cache.bytes <= 20_000
    assert cache.bytes == held(cache)
    assert len(cache) > 1


def test_an_answer_put_again_takes_its_place_once() -> None:
    cache = AnswerCache(10_000)
    cache.put(key("a"), b"old")
    cache.put(key("a"), b"newer")
    assert cache.get(key("a")) == b"newer"
    assert cache.bytes == held(cache)


def test_what_never_fits_is_not_held_and_pushes_nothing_out() -> None:
    cache = AnswerCache(1_000)
    cache.put(key("a"), b"small")
    cache.put(key("b"), b"z" * 5_000)
    assert cache.get(key("a")) == b"small"
    assert cache.get(key("b")) is None


def test_a_cache_of_no_bytes_holds_nothing() -> None:
    cache = AnswerCache(0)
    cache.put(key("a"), b"answer")
    assert len(cache) == 0


def test_answers_of_a_bundle_are_forgotten_with_it() -> None:
    cache = AnswerCache(10_000)
    cache.put(key("a", 1), b"old bundle")
    cache.put(key("a", 2), b"new bundle")
    cache.forget(1)
    assert cache.get(key("a", 1)) is None
    assert cache.get(key("a", 2)) == b"new bundle"
    assert cache.bytes == held(cache)
