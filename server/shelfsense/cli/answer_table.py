"""An answer as tables for a terminal."""

from __future__ import annotations

from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shelfsense.v1 import query_understanding_pb2 as pb

_MARKS = {True: Text("✓", style="green"), False: Text("–", style="dim")}


def print_answer(query: str, answer: pb.UnderstandResponse) -> None:
    """Print product types by level and reformulations to stdout."""
    console = Console()
    cut = ", cut" if answer.info.truncated else ""
    # As Text, since "[red]" in a query is the shopper's and no markup.
    console.print(Text.assemble((query, "bold"), f"  locale {answer.info.locale_used}{cut}"))
    for level, types in groupby(answer.product_types, key=lambda each: each.level):
        table = Table("", "product type", "id", "p", title=f"Level {level}", title_justify="left")
        for each in types:
            path = Text(" > ".join(each.path))
            table.add_row(_MARKS[each.accepted], path, Text(each.id), f"{each.probability:.3f}")
        console.print(table)
    if not answer.reformulations:
        console.print("No reformulation.")
        return
    table = Table("", "reformulation", "locale", "score", "volume", "refused", title="Reformulations")
    table.title_justify = "left"
    for head in answer.reformulations:
        volume = f"{head.volume:g}" + (" (rank)" if head.volume_is_estimate else "")
        mark, score = _MARKS[head.accepted], f"{head.score:.3f}"
        table.add_row(mark, Text(head.query), head.locale, score, volume, Text(head.refusal))
    console.print(table)
