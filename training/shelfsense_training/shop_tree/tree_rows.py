"""Training rows and validation queries made of a shop's labels and the names of its types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shelfsense.locales import UNDETERMINED, language_of
from shelfsense.product_types import ProductTypes
from shelfsense.text import model_form, normal_form
from shelfsense_training.evaluation.labelled_queries import LabelledQuery
from shelfsense_training.evaluation.labelled_rows import LabelledRow
from shelfsense_training.training_rows import TrainingRow
from shelfsense_training.validation import ValidationQuery

_REFUSED_WEIGHT = 0.2
"""Against 1 of a query with a right type, as the starter bundle's rows have it: it teaches little."""


def label_rows(queries: Iterable[LabelledQuery], tree: ProductTypes) -> list[TrainingRow]:
    """Return one row per judged query; types that were not judged are unknown, not wrong.

    A query of which judges said that no type fits is a row that means no product.
    """
    rows = []
    for query in queries:
        types = deepest(query.positives, tree)
        negatives = [tree.nodes[i].id for i in query.negatives]
        text = model_form(query.text, language_of(query.locale))
        source = "judged" if types else "nothing"
        rows.append(TrainingRow(text, query.locale, types, source, negatives, complete=not types))
    return rows


def refused_rows(rows: Iterable[LabelledRow], tree: ProductTypes) -> list[TrainingRow]:
    """Return one row per query of which judges only said what it does not mean; drawn a fifth as often."""
    wrong: dict[tuple[str, str], list[LabelledRow]] = {}
    for row in rows:
        wrong.setdefault((normal_form(row.query), row.locale), []).append(row)
    made = []
    for group in wrong.values():
        types = sorted({row.product_type_id for row in group} & set(tree.index))
        if types and not any(row.relevant for row in group):
            first = group[0]
            text = model_form(first.query, language_of(first.locale))
            made.append(TrainingRow(text, first.locale, [], "judged", types, complete=False, weight=_REFUSED_WEIGHT))
    return made


def name_rows(tree: ProductTypes) -> list[TrainingRow]:
    """Return one row per type: its name means it, in no locale in particular."""
    return [TrainingRow(model_form(node.name, UNDETERMINED), UNDETERMINED, [node.id], "name") for node in tree.nodes]


def validation_queries(queries: Sequence[LabelledQuery], tree: ProductTypes) -> list[ValidationQuery]:
    """Return judged queries in the form in which a model is asked."""
    return [
        ValidationQuery(
            model_form(query.text, language_of(query.locale)), query.locale, tuple(deepest(query.positives, tree))
        )
        for query in queries
    ]


def deepest(positives: Sequence[int], tree: ProductTypes) -> list[str]:
    """Return the ids of types that are no ancestor of another of them, the deepest first."""
    above = {ancestor for i in positives for ancestor in tree.ancestors(i)[1:]}
    kept = sorted((i for i in positives if i not in above), key=lambda i: (-int(tree.level[i]), i))
    return [tree.nodes[i].id for i in kept]
