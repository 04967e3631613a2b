"""The labelled training rows: every source, composed, labelled, split, in one table.

One row is one query and the ids it may mean. ``types`` are alternatives of equal standing at the
deepest level known; ancestors are implied. A ``complete`` row without types means no product.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shelfsense.locales import Locales, language_of
from shelfsense.product_types import ProductTypes
from shelfsense.text import model_form, normal_form
from shelfsense_training.composition.codes import random_code
from shelfsense_training.composition.composer import Composer
from shelfsense_training.pairs import is_held_out_pair
from shelfsense_training.sources.google_names import read_google_names
from shelfsense_training.sources.judged_queries import JudgedQuery, read_judged_queries
from shelfsense_training.sources.lexicon import (
    ANY_LOCALE,
    AskedQuery,
    LexiconEntry,
    read_asked,
    read_heads,
    read_nothing,
    read_product_names,
    read_tails,
)
from shelfsense_training.sources.splits import Split, split_of_query
from shelfsense_training.sources.taxonomy import CategoryName, Taxonomy, attribute_values

OWN_LOCALES = ("ar-SA", "hi-IN")
"""Locales served beyond the taxonomy's, taught by the project's own lexicons and real queries."""


GROUPED_BY_HAND = ("lexicon", "head", "tail", "asked", "nothing")
"""Sources of the project's own writing."""

EVERYWHERE = "*"
"""Stands for every locale among the texts kept aside."""

_CODES = 4000


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """One labelled query.

    Attributes:
        text: in model form.
        locale: a bundle locale.
        types: acceptable ids.
        negatives: ids judged wrong.
        source: ``name``, ``composed``, ``google``, ``lexicon``, ``head``, ``tail``, ``asked``, ``nothing`` or
            ``judged``.
        complete: types not named are wrong, as of our own labels; of judged queries they are unknown.
        weight: relative frequency in training.
    """

    text: str
    locale: str
    types: list[str]
    source: str
    negatives: list[str] = field(default_factory=list)
    complete: bool = True
    weight: float = 1.0


def bundle_locales(taxonomy: Taxonomy) -> Locales:
    """Return the locales of the starter bundle, in the order of their tokens."""
    return Locales((*taxonomy.locales, *OWN_LOCALES))


def training_rows(folder: Path, *, composed_share: float = 0.6, seed: int = 0) -> list[TrainingRow]:
    """Compose all training rows.

    Args:
        folder: the data folder.
        composed_share: share of names that also get a composed query.
        seed: of every draw.
    """
    taxonomy = Taxonomy(folder)
    composer = Composer.from_lexicon(attribute_values(folder), seed=seed)
    names = taxonomy.names()
    google = read_google_names(folder, names, bundle_locales(taxonomy))
    judged = read_judged_queries(folder)
    aside = _held_out_texts(names, judged)
    seen: dict[tuple[str, str, tuple[str, ...], str], TrainingRow] = {}
    for row in (
        *_name_rows(names, composer, composed_share, seed),
        *_google_rows(google, composer),
        *_lexicon_rows(composer),
        *_asked_rows(composer, taxonomy.product_types, judged, bundle_locales(taxonomy), seed),
        *_nothing_rows(bundle_locales(taxonomy), seed),
        *_judged_rows(judged),
    ):
        kept_from = aside.get((row.locale, row.text), frozenset()) | aside.get((EVERYWHERE, row.text), frozenset())
        if row.text and row.source not in kept_from:
            seen.setdefault((row.text, row.locale, tuple(row.types), row.source), row)
    return list(seen.values())


def _name_rows(
    names: list[CategoryName], composer: Composer, composed_share: float, seed: int
) -> Iterator[TrainingRow]:
    for i, name in enumerate(names):
        if name.split is not Split.TRAIN:
            continue
        whole = model_form(name.names[-1], language_of(name.locale))
        yield TrainingRow(whole, name.locale, [name.type_id], "name")
        short = composer.plain(name.names[-1], name.locale)
        if short != whole:
            yield TrainingRow(short, name.locale, [name.type_id], "composed")
        if (i * 7919 + seed) % 1000 < composed_share * 1000:
            parent = name.names[-2] if len(name.names) > 2 else ""
            query = composer.compose(name.names[-1], parent, name.locale)
            yield TrainingRow(query, name.locale, [name.type_id], "composed")


def _held_out_texts(names: list[CategoryName], judged: list[JudgedQuery]) -> dict[tuple[str, str], frozenset[str]]:
    """Return (locale, text) that questions are asked with: to the sources that must not teach them.

    A held-out name is a question of its own locale; a real query stays on its side in every locale.

    A name that stands in a training cell too is no question (see `clean_queries`), so names may repeat it.
    """
    written = frozenset(GROUPED_BY_HAND)
    found: dict[tuple[str, str], frozenset[str]] = {}
    for name in names:
        if name.split is not Split.TRAIN:
            found[name.locale, model_form(name.names[-1], language_of(name.locale))] = written
    for query in judged:
        if query.split is not Split.TRAIN:
            text = model_form(query.text, language_of(query.locale))
            found[EVERYWHERE, text] = written | {"composed", "google"}
    return found


def _google_rows(names: list[CategoryName], composer: Composer) -> Iterator[TrainingRow]:
    for name in names:
        if name.split is Split.TRAIN:
            text = composer.plain(name.names[-1], name.locale)
            yield TrainingRow(text, name.locale, [name.type_id], "google")


def _lexicon_rows(composer: Composer) -> Iterator[TrainingRow]:
    entries: list[tuple[LexiconEntry, str]] = [
        *((entry, "lexicon") for entry in read_product_names()),
        *((entry, "head") for entry in read_heads()),
        *((entry, "tail") for entry in read_tails() if not is_held_out_pair(entry)),
    ]
    for entry, source in entries:
        text = model_form(entry.text, language_of(entry.locale))
        yield TrainingRow(text, entry.locale, [entry.type_id], source, weight=2.0)
        for _ in range(2):
            sloppy = composer.with_slip(composer.with_attribute(text, entry.locale), entry.locale, share=0.4)
            yield TrainingRow(sloppy, entry.locale, [entry.type_id], source)


def _asked_rows(
    composer: Composer, types: ProductTypes, judged: list[JudgedQuery], locales: Locales, seed: int
) -> Iterator[TrainingRow]:
    """Queries as shoppers ask, each level-2 node as often as real training queries ask for it."""
    shoppers = sorted({query.locale for query in judged})
    asked = read_asked()
    weights = _weights_by_node(asked, types, judged)
    for query in asked:
        weight = weights[_node(query.type_ids, types)]
        places = [query.locale]
        if query.locale == ANY_LOCALE:
            draw = random.Random(f"{seed}|{query.text}")  # noqa: S311 - which locales, not a secret
            places = [*draw.sample(shoppers, 3), draw.choice(locales.tags)]
        for locale in places:
            text = model_form(query.text, language_of(locale))
            yield TrainingRow(text, locale, list(query.type_ids), "asked", weight=weight / len(places))
            sloppy = composer.with_slip(text, locale, share=0.5)
            if len(query.type_ids) == 1 and types.level[types.index[query.type_ids[0]]] == types.depth:
                sloppy = composer.with_attribute(sloppy, locale)
            if sloppy != text:
                yield TrainingRow(sloppy, locale, list(query.type_ids), "asked", weight=0.5 * weight / len(places))


def _node(identifiers: Iterable[str], types: ProductTypes) -> str:
    """Return the level-2 node of the first type, or the type itself above level 2."""
    first = types.index[next(iter(identifiers))]
    at = types.at_level(first, 2)
    return types.nodes[at if at >= 0 else first].id


def _weights_by_node(asked: list[AskedQuery], types: ProductTypes, judged: list[JudgedQuery]) -> dict[str, float]:
    """Return weights that give written queries the shares of real ones, within a factor of 5 either way."""
    written = Counter(_node(query.type_ids, types) for query in asked)
    real = Counter(_node(q.acceptable, types) for q in judged if q.relevant and q.acceptable and q.split is Split.TRAIN)
    # Two more of each: what nobody among a few thousand asked for is rare, not absent.
    total, smoothed = sum(real.values()) + 2 * len(written), {node: real[node] + 2 for node in written}
    return {
        node: min(5.0, max(0.2, smoothed[node] / total * sum(written.values()) / count))
        for node, count in written.items()
    }


def _nothing_rows(locales: Locales, seed: int) -> Iterator[TrainingRow]:
    """Texts that mean no product: written ones, and codes that mean nothing to anybody."""
    for text, locale in read_nothing():
        yield TrainingRow(model_form(text, language_of(locale)), locale, [], "nothing")
    draw = random.Random(seed)  # noqa: S311 - codes for training, not secrets
    for _ in range(_CODES):
        yield TrainingRow(random_code(draw), draw.choice(locales.tags), [], "nothing", weight=0.5)


def _judged_rows(queries: list[JudgedQuery]) -> Iterator[TrainingRow]:
    """One row per relevant judgement; negatives of the same query join unless another judgement accepts them."""
    positives: dict[tuple[str, str], set[str]] = defaultdict(set)
    negatives: dict[tuple[str, str], set[str]] = defaultdict(set)
    for query in queries:
        key = (normal_form(query.text), query.locale)
        (positives if query.relevant else negatives)[key].update(query.acceptable)
    for query in queries:
        if query.split is not Split.TRAIN or not query.relevant or not query.acceptable:
            continue
        key = (normal_form(query.text), query.locale)
        wrong = sorted(negatives[key] - positives[key])
        text = model_form(query.text, language_of(query.locale))
        yield TrainingRow(text, query.locale, list(query.acceptable), "judged", wrong, complete=False, weight=5.0)
    for key, wrong_nodes in negatives.items():
        if key not in positives and wrong_nodes and split_of_query(key[0]) is Split.TRAIN:
            text = model_form(key[0], language_of(key[1]))
            yield TrainingRow(text, key[1], [], "judged", sorted(wrong_nodes), complete=False, weight=1.0)


def write_rows(rows: list[TrainingRow], path: Path) -> None:
    """Write the rows as Parquet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([asdict(row) for row in rows]), path, compression="zstd")


def read_rows(path: Path) -> list[TrainingRow]:
    """Read what `write_rows` wrote."""
    return [TrainingRow(**row) for row in pq.read_table(path).to_pylist()]
