"""The marketplace's own categories as a product-type tree, and its judged queries labelled with them.

The label space of design section 8: level-1 and level-2 nodes with at least five training queries.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from shelfsense.locales import language_of
from shelfsense.product_types import ProductTypes
from shelfsense.text import model_form, normal_form
from shelfsense_training.evaluation.labelled_rows import LabelledRow
from shelfsense_training.sources.judged_queries import JudgedQuery
from shelfsense_training.sources.splits import Split
from shelfsense_training.training_rows import TrainingRow

LABEL_SPACE = "cikm-2025-marketplace-depth-2"
FEWEST_QUERIES = 5
NAMES_LANGUAGE = "en"
"""Of the categories' names; also the bundle locale they are taught under."""
_SEPARATOR = " > "


def marketplace_tree(queries: Sequence[JudgedQuery]) -> ProductTypes:
    """Return the tree of nodes to level 2 that enough training queries mean; ids are paths."""
    counts: Counter[str] = Counter()
    meant = {
        (normal_form(q.text), q.locale, q.category[:level])
        for q in queries
        if q.relevant and q.split is Split.TRAIN
        for level in (1, 2)
        if len(q.category) >= level
    }
    counts.update(_SEPARATOR.join(node) for _, _, node in meant)
    kept = sorted(node for node, count in counts.items() if count >= FEWEST_QUERIES)
    rows = []
    for node in kept:
        parent, _, name = node.rpartition(_SEPARATOR)
        rows.append({"id": node, "parent_id": parent, "name": name})
    return ProductTypes.from_table(LABEL_SPACE, rows)


def node_of(query: JudgedQuery, tree: ProductTypes) -> str:
    """Return the deepest node of the tree on a judged path, empty for none."""
    for level in (2, 1):
        node = _SEPARATOR.join(query.category[:level])
        if len(query.category) >= level and node in tree.index:
            return node
    return ""


def marketplace_rows(queries: Sequence[JudgedQuery], tree: ProductTypes) -> list[TrainingRow]:
    """Return one training row per relevant judgement of the training side."""
    wrong: dict[tuple[str, str], set[str]] = defaultdict(set)
    for query in queries:
        if not query.relevant:
            wrong[normal_form(query.text), query.locale].add(node_of(query, tree))
    rows = []
    for query in queries:
        node = node_of(query, tree)
        if query.relevant and query.split is Split.TRAIN and node:
            negatives = sorted(filter(None, wrong[normal_form(query.text), query.locale] - {node}))
            text = model_form(query.text, language_of(query.locale))
            rows.append(TrainingRow(text, query.locale, [node], "judged", negatives, complete=False))
    return rows


def marketplace_judgements(queries: Sequence[JudgedQuery], tree: ProductTypes, split: Split) -> list[LabelledRow]:
    """Return one side's judgements as rows of a data file of `evaluate`; those outside the tree are left out."""
    return [
        LabelledRow(query.text, query.locale, node, query.relevant)
        for query in queries
        if query.split is split and (node := node_of(query, tree))
    ]


def category_names(queries: Sequence[JudgedQuery], tree: ProductTypes) -> list[TrainingRow]:
    """Return the names of the categories on training queries' paths, below level 1, as queries for their nodes.

    The marketplace's names are English; the encoder carries what they say to the other languages.
    """
    rows: dict[tuple[str, str], TrainingRow] = {}
    for query in queries:
        for level in range(2, len(query.category) + 1):
            path = query.category[:level]
            above = (_SEPARATOR.join(path[:depth]) for depth in (2, 1))
            node = next((name for name in above if name in tree.index), "")
            if query.split is Split.TRAIN and node:
                text = model_form(path[-1], NAMES_LANGUAGE)
                rows.setdefault((text, node), TrainingRow(text, NAMES_LANGUAGE, [node], "name"))
    return list(rows.values())
