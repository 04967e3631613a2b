"""A million different queries as vectors, made once: in parts, so that a run that was stopped goes on.

Real queries where a file of them is named, the rest composed from the project's own words. N queries, E embedding.
"""

from __future__ import annotations

import hashlib
import json
import random
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.finding import BenchmarkFailed
from shelfsense.bundle import Bundle
from shelfsense.query import Query
from shelfsense.text import normal_form
from shelfsense.understander import Understander

_PART = 20_000  # queries, half a minute's work
_MOST_WORDS = 3
_SLIPS = 0.3


def query_vectors(folder: Path, rows: int, bundle: Bundle, real: str) -> NDArray[np.float16]:
    """Return unit vectors (N, E), at most `rows` of them, in a random order.

    Args:
        folder: with ``vectors.npy``, which is then taken; else the parts are made in it.
        rows: 1 or more.
        bundle: embeds what is made.
        real: as in `Setting.queries`.

    Raises:
        BenchmarkFailed: the folder holds no unit vectors, or parts of other queries.
    """
    given = folder / "vectors.npy"
    if not given.exists():
        return _made(folder, rows, bundle, real)
    vectors = np.load(given, mmap_mode="r", allow_pickle=False)
    if vectors.ndim != 2 or not np.allclose(np.linalg.norm(vectors[:100].astype(np.float32), axis=1), 1, atol=0.01):
        raise BenchmarkFailed(f"{given} holds no unit vectors, one a row; normalise them or name another folder")
    return np.asarray(vectors[:rows], dtype=np.float16)


def distinct_queries(rows: int, real: str) -> list[Query]:
    """Return different queries in a random order, the same ones each time.

    Raises:
        BenchmarkFailed: the real ones cannot be read.
    """
    # Training's words are wanted by this benchmark alone.
    from shelfsense_training.composition.composer import Composer  # noqa: PLC0415
    from shelfsense_training.sources.lexicon import read_heads, read_product_names, read_tails  # noqa: PLC0415

    chance, composer = random.Random(0), Composer.from_lexicon({}, seed=0)
    written = [(entry.text, entry.locale) for entry in (*read_heads(), *read_tails(), *read_product_names())]
    found = {(normal_form(text), locale): Query(text, locale, truncate=True) for text, locale in _real(real) + written}
    while len(found) < rows:
        text, locale = chance.choice(written)
        for _ in range(chance.randint(1, _MOST_WORDS)):
            text = composer.with_attribute(text, locale)
        text = composer.with_slip(text, locale, share=_SLIPS)
        found.setdefault((normal_form(text), locale), Query(text, locale, truncate=True))
    queries = list(islice(found.values(), rows))
    chance.shuffle(queries)
    return queries


def _real(named: str) -> list[tuple[str, str]]:
    if not named:
        return []
    locale, _, path = named.partition("=")
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BenchmarkFailed(f"--queries {named}: {error}; name LOCALE=FILE with a query on each line") from error
    return [(line, locale) for line in map(str.strip, lines) if line]


def _made(folder: Path, rows: int, bundle: Bundle, real: str) -> NDArray[np.float16]:
    from shelfsense_training.bundle_building import embed_queries  # noqa: PLC0415
    from shelfsense_training.progress import progress_bar  # noqa: PLC0415

    queries = distinct_queries(rows, real)
    _check_recipe(folder, queries, bundle)
    places = [folder / f"part_{first // _PART:04d}.npy" for first in range(0, rows, _PART)]
    with progress_bar() as progress:
        task = progress.add_task("embedding", total=rows, figure="queries")
        understander = Understander.load(bundle)
        for place, first in zip(places, range(0, rows, _PART), strict=True):
            part = queries[first : first + _PART]
            if not place.exists():
                vectors = embed_queries(understander, part, advanced=lambda done: progress.advance(task, done))
                beside = place.with_suffix(".new.npy")
                np.save(beside, vectors.astype(np.float16), allow_pickle=False)
                beside.replace(place)
            else:
                progress.advance(task, len(part))
    return np.concatenate([np.load(place, allow_pickle=False) for place in places])


def _check_recipe(folder: Path, queries: list[Query], bundle: Bundle) -> None:
    """Refuse to go on with the parts of other queries or of another bundle."""
    digest = hashlib.sha256("\n".join(f"{query.locale}\t{query.text}" for query in queries).encode()).hexdigest()
    recipe = {"queries": digest, "model": bundle.manifest["files"].get("model.onnx", {}).get("sha256")}
    note = folder / "recipe.json"
    if note.exists() and json.loads(note.read_text(encoding="utf-8")) != recipe:
        raise BenchmarkFailed(f"{folder} holds vectors of other queries or another bundle; name another with --vectors")
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(recipe), encoding="utf-8")
