"""Numbers the queries of a log by normal form, so that SQL groups them as the rest of the project does.

SQL dialects fold case and Unicode differently; the one definition is `shelfsense.text.normal_form`. It runs once per
distinct query as typed, and SQL joins the result.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from shelfsense.text import normal_form


def query_forms(typed: Iterable[str]) -> tuple[pa.Table, pa.Table]:
    """Return the numbers of queries as typed, and the normal forms behind the numbers.

    Args:
        typed: distinct queries of a log; blank ones get no number.

    Returns:
        ``query_forms(typed, query_id)`` and ``queries(query_id, query)``.
    """
    numbers: dict[str, int] = {}
    kept: list[str] = []
    ids: list[int] = []
    for query in typed:
        form = normal_form(query)
        if form:
            kept.append(query)
            ids.append(numbers.setdefault(form, len(numbers)))
    forms = pa.table({"typed": pa.array(kept, pa.string()), "query_id": pa.array(ids, pa.int32())})
    queries = pa.table(
        {
            "query_id": pa.array(range(len(numbers)), pa.int32()),
            "query": pa.array(list(numbers), pa.string()),
        }
    )
    return forms, queries
