"""`shelfsense-train accepted-heads`: the heads that labelled queries get, drawn at random for a person to read."""

# ruff: noqa: PLC0415  the command line must not load what another command runs

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Annotated

import typer

from shelfsense_training.commands.options import BundleOption, DataOption, SeedOption
from shelfsense_training.progress import CONSOLE


def accepted_heads(
    bundle: BundleOption,
    data: DataOption,
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="TSV: locale, query, head, score.")] = Path(
        "work/accepted_heads.tsv"
    ),
    sample: Annotated[int, typer.Option(min=1, help="Most rows to write.")] = 100,
    seed: SeedOption = 0,
) -> None:
    """Say what share of queries gets an accepted head, and write a sample of query and head to read."""
    from shelfsense.bundle import Bundle
    from shelfsense.query import Query
    from shelfsense.understander import Understander
    from shelfsense_training.evaluation.labelled_queries import read_labelled_queries

    understander = Understander.load(Bundle.open(bundle))
    queries = read_labelled_queries(data, understander.product_types).queries
    answers = understander.understand([Query(query.text, query.locale, truncate=True) for query in queries])
    found = [
        (query.locale, query.text, answer.reformulations[0].query, f"{answer.reformulations[0].score:.3f}")
        for query, answer in zip(queries, answers, strict=True)
        if answer.reformulations
    ]
    drawn = random.Random(seed).sample(found, min(sample, len(found)))  # noqa: S311 - a sample, not a secret
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerows([("locale", "query", "head", "score"), *drawn])
    share = len(found) / len(queries)
    CONSOLE.print(f"{len(found):,} of {len(queries):,} queries ({share:.3f}); wrote {len(drawn)} to {out}")
