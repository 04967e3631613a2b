"""One SQL text as a list of named steps.

A step is a plain SELECT under a line ``-- table: name`` (worked out once and kept) or ``-- view: name``
(worked out wherever it is read). How a name comes to be is the engine's affair: DuckDB writes a temporary table,
Spark a temporary view, cached. So the text itself needs no CREATE of either dialect.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEAD = re.compile(r"^-- (table|view): (\w+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SqlStep:
    """One named SELECT.

    Attributes:
        name: what later steps read it as.
        kept: worked out once (``table``) or wherever it is read (``view``).
        select: the statement, without a closing semicolon.
    """

    name: str
    kept: bool
    select: str


def read_steps(text: str) -> dict[str, SqlStep]:
    """Return the steps of a text, in its order.

    Raises:
        ValueError: when two steps have one name, or a step is empty.
    """
    steps: dict[str, SqlStep] = {}
    heads = list(_HEAD.finditer(text))
    for head, after in zip(heads, [*heads[1:], None], strict=True):
        name = head.group(2)
        select = text[head.end() : after.start() if after else len(text)].strip().removesuffix(";").strip()
        if name in steps or not select:
            raise ValueError(f"step '{name}' is empty or there twice; give each step one name and one SELECT")
        steps[name] = SqlStep(name, head.group(1) == "table", select)
    return steps
