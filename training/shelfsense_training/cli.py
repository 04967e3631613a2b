"""The commands of `shelfsense-train`, and from errors to exit codes: 0 ok, 1 failed, 2 usage, 3 bad input, 4 bundle refused."""

from __future__ import annotations

import sys

import typer

from shelfsense.errors import BundleRefused, InputRefused, InvalidQuery, MissingExtra, ShelfsenseError
from shelfsense_training.commands.accepted_heads import accepted_heads
from shelfsense_training.commands.evaluate import evaluate
from shelfsense_training.commands.evaluate_reformulation import evaluate_reformulation
from shelfsense_training.commands.fidelity import fidelity
from shelfsense_training.commands.first_tier_study import first_tier_study
from shelfsense_training.commands.fit_tree import fit_tree
from shelfsense_training.commands.fix_reformulations import fix_reformulations
from shelfsense_training.commands.held_out_names import held_out_names
from shelfsense_training.commands.import_backbone import import_backbone
from shelfsense_training.commands.import_ubi import import_ubi
from shelfsense_training.commands.index import index
from shelfsense_training.commands.judge_labels import judge_labels
from shelfsense_training.commands.judge_pairs import judge_pairs
from shelfsense_training.commands.judged_queries import judged_queries
from shelfsense_training.commands.map_tree import map_tree
from shelfsense_training.commands.mine_heads import mine_heads
from shelfsense_training.commands.mine_labels import mine_labels
from shelfsense_training.commands.mine_pairs import mine_pairs
from shelfsense_training.commands.onboard import onboard
from shelfsense_training.commands.own_tree import own_tree
from shelfsense_training.commands.re_export import re_export
from shelfsense_training.commands.retrieval_study import retrieval_study
from shelfsense_training.commands.simulate import simulate
from shelfsense_training.commands.starter import starter
from shelfsense_training.commands.study import study

_CODES: dict[type[Exception], int] = {
    BundleRefused: 4,
    InputRefused: 3,
    InvalidQuery: 3,
    MissingExtra: 2,
    ShelfsenseError: 1,
    OSError: 1,
}
"""The first class that fits decides; anything else is a fault of ours and keeps its stack trace."""

app = typer.Typer(
    name="shelfsense-train",
    help="Makes what Shelfsense serves, and measures it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a stack trace with local variables would print queries
)
app.command()(accepted_heads)
app.command()(evaluate)
app.command()(evaluate_reformulation)
app.command()(fidelity)
app.command()(first_tier_study)
app.command()(fit_tree)
app.command()(fix_reformulations)
app.command()(held_out_names)
app.command()(import_backbone)
app.command()(import_ubi)
app.command()(index)
app.command()(judge_labels)
app.command()(judge_pairs)
app.command()(judged_queries)
app.command()(map_tree)
app.command()(onboard)
app.command()(mine_heads)
app.command()(mine_labels)
app.command()(mine_pairs)
app.command()(own_tree)
app.command()(re_export)
app.command()(retrieval_study)
app.command()(simulate)
app.command()(starter)
app.command()(study)


def main() -> None:
    """Run the command line; an error of ours becomes a line on stderr and an exit code."""
    try:
        app()
    except ModuleNotFoundError as error:
        missing = error.name or "a module"
        if missing.partition(".")[0] in {"shelfsense", "shelfsense_training"}:
            raise
        _leave(MissingExtra("training", missing))
    except tuple(_CODES) as error:
        _leave(error)


def _leave(error: Exception) -> None:
    sys.stderr.write(f"shelfsense-train: {error}\n")
    sys.exit(next(code for kind, code in _CODES.items() if isinstance(error, kind)))
