"""`shelfsense-train mine-pairs`: which queries mean the same, from what shoppers acquired after each."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.progress import CONSOLE, progress_bar


class FoldOption(StrEnum):
    """Under which form queries are one query before mining."""

    MATCH = "match"
    NORMAL = "normal"


def mine_pairs(  # noqa: PLR0913  one parameter per option
    events: Annotated[Path, typer.Option(help="Parquet file or folder: the events of a log.", show_default=False)],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Pairs, .parquet.", show_default=False)],
    *,
    fold: Annotated[
        FoldOption,
        typer.Option(help="match: writings of one text in its script are one query; normal: only case, width."),
    ] = FoldOption.MATCH,
    min_common: Annotated[int, typer.Option(min=1, help="Items in common; 3 gives fewer pairs, and surer ones.")] = 2,
    min_similarity: Annotated[float, typer.Option(help="Pairs below are dropped.")] = 0.2,
    cart_weight: Annotated[float, typer.Option(help="Of a cart, a purchase being 1.")] = 0.5,
    click_weight: Annotated[float, typer.Option(help="Of a click: more pairs, and less sure ones.")] = 0.0,
    bought_beside: Annotated[
        bool, typer.Option("--bought-beside", help="Count items that were neither clicked nor at a named place.")
    ] = False,
    memory_limit: Annotated[str, typer.Option(help="Of DuckDB; what does not fit goes to a temporary folder.")] = "4GB",
    threads: Annotated[int, typer.Option(min=1, help="Of DuckDB.")] = 2,
) -> None:
    """Mine pairs(query_a, query_b, locale, similarity, importance, ...) from a log; a report lies beside them."""
    from shelfsense.errors import InputRefused
    from shelfsense_training.mining import pair_mining
    from shelfsense_training.mining.folded_queries import Form, same_form
    from shelfsense_training.mining.mined_file import write_mined
    from shelfsense_training.mining.pair_settings import PairSettings
    from shelfsense_training.mining.sql_engine import duckdb_engine

    if out.suffix != ".parquet":
        raise InputRefused(f"{out}: pairs are written as Parquet; give a name that ends in .parquet")
    settings = PairSettings(
        min_common=min_common,
        min_similarity=min_similarity,
        cart_weight=cart_weight,
        click_weight=click_weight,
        only_found=not bought_beside,
    )
    form: Form = same_form
    if fold is FoldOption.MATCH:
        from shelfsense.reformulation.writing.match_form import match_form

        form = match_form
    with duckdb_engine(memory_limit=memory_limit, threads=threads) as engine, progress_bar() as progress:
        task = progress.add_task("mine", total=pair_mining.STAGES, figure="")
        mined = pair_mining.mine_pairs(
            engine,
            events,
            settings,
            form=form,
            on_stage=lambda stage: progress.update(task, advance=1, figure=stage),
        )
    report = write_mined(mined.pairs, mined.report() | {"fold": fold.value}, out)
    for fault, count in mined.events.items():
        if fault != "sound":
            CONSOLE.print(f"dropped {count:,} events: {fault}", highlight=False)
    CONSOLE.print(f"{mined.facts['merged_by_folding']:,} queries merged into another by folding", highlight=False)
    CONSOLE.print(f"wrote {out}: {mined.pairs.num_rows:,} pairs; {report.name} says how", highlight=False)
