"""What became of the requests of one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

OK = "OK"


@dataclass(slots=True)
class Played:
    """The requests of one run, in the order in which they ended.

    Attributes:
        seconds: from the first arrival to the last answer.
        latencies: of answers, in milliseconds from when the request was to be sent, so that a request that
            was sent late because the generator was busy counts in full.
        codes: how many ended with which status.
        late: milliseconds by which requests were sent after their time.
        generator_cpu_s: CPU seconds of the generating process.
        samples: the bytes of some answers.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    late: list[float] = field(default_factory=list)
    generator_cpu_s: float = 0.0
    samples: list[bytes] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many requests ended."""
        return self.codes.total()

    @property
    def answers_per_second(self) -> float:
        """Answers with OK per second."""
        return self.codes[OK] / self.seconds

    @property
    def errors(self) -> int:
        """How many ended otherwise."""
        return self.count - self.codes[OK]

    @property
    def broken(self) -> int:
        """How many ended otherwise, those left out that were refused as overload: a full server may refuse."""
        return self.errors - self.codes["RESOURCE_EXHAUSTED"]

    def latency(self, percentile: float) -> float:
        """Return a percentile of the answers' latencies, in milliseconds; infinite without an answer."""
        return float(np.percentile(self.latencies, percentile)) if self.latencies else float("inf")

    def within(self, limit_ms: float) -> int:
        """Return how many answers came within a time."""
        return sum(each <= limit_ms for each in self.latencies)

    def share(self, holds: Callable[[bytes], bool]) -> float:
        """Return the share of sampled answers of which something holds; 0 without any."""
        return sum(map(holds, self.samples)) / len(self.samples) if self.samples else 0.0
