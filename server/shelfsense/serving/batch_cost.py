"""What a batch costs, counted in tokens, and how long a token takes: learned while serving. Knows no clock."""

from __future__ import annotations

from dataclasses import dataclass

_NEWEST = 0.1  # weight of the newest batch in the running mean
_FURTHEST = 4.0  # a batch that a busy machine held up counts as at most so many times the mean


@dataclass(frozen=True, slots=True)
class BatchCost:
    """What a batch costs, in units of one token of an engine that is busy.

    The figures are those of the int8 graph on one thread, 6 layers x 384; ``python -m benchmarks scheduler`` fits
    them anew to a bundle. Only their proportions matter: what a unit takes is learned.

    Attributes:
        per_batch: of a run, whatever is in it.
        per_query: of each query beside its tokens.
        padding: of a token of padding. 1 where the engine computes it like any other, less where only
            attention is padded.
    """

    per_batch: float = 10.0
    per_query: float = 0.5
    padding: float = 1.0

    def tokens(self, queries: int, real: int, longest: int) -> float:
        """Return what the tokens of a batch cost, padding included.

        Args:
            queries: in the batch.
            real: their tokens.
            longest: tokens of the longest of them.
        """
        return real + self.padding * (longest * queries - real)

    def units(self, queries: int, real: int, longest: int) -> float:
        """Return what a batch costs as a whole; arguments as in `tokens`."""
        return self.per_batch + self.per_query * queries + self.tokens(queries, real, longest)

    def alone(self, tokens: int) -> float:
        """Return what a query costs that is a batch of its own."""
        return self.per_batch + self.per_query + tokens


class Pace:
    """Seconds per unit of cost, learned.

    Attributes:
        running: while the engine runs: how long a batch will take.
        draining: from one batch to the next while others wait, with all that happens between: how long a queue
            will take.
        tokens_per_query: of the queries answered lately.
    """

    __slots__ = ("draining", "running", "tokens_per_query")

    def __init__(self) -> None:
        self.running = 0.0
        self.draining = 0.0
        self.tokens_per_query = 0.0

    def learn(self, units: float, *, running_s: float, cycle_s: float, tokens_per_query: float) -> None:
        """Take note of a batch.

        Args:
            units: its cost.
            running_s: seconds the engine ran.
            cycle_s: seconds from when it was chosen until the next one could be.
            tokens_per_query: its mean.
        """
        self.running = _mean(self.running, running_s / units)
        self.draining = _mean(self.draining, cycle_s / units)
        self.tokens_per_query = _mean(self.tokens_per_query, tokens_per_query)


def _mean(mean: float, newest: float) -> float:
    return mean + _NEWEST * (min(newest, _FURTHEST * mean) - mean) if mean else newest
