"""The bounds of a batcher."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a batcher.

    Attributes:
        max_batch_tokens: most tokens of one batch, padding as the engine computes it; a longer item still runs.
        max_queue_tokens: most tokens waiting in each line, of single calls and of bulk.
        stall_s: seconds after which a batch that has not returned counts as an engine that is down.
        probe_every_s: seconds between two tries of an engine that is down.
        batch_s: seconds that a batch may run, by what was learned; whoever comes meanwhile waits for it.
        most_passes: in how many batches an item may be passed over for a younger one of a length that fits better.
        bulk_from: a call of at least so many items waits in the line for bulk.
        bulk_share: of the engine, for bulk while single calls wait too; between 0 and 1.
    """

    max_batch_tokens: int
    max_queue_tokens: int
    stall_s: float = 10.0
    probe_every_s: float = 0.5
    batch_s: float = 0.015
    most_passes: int = 8
    bulk_from: int = 9
    bulk_share: float = 0.25
