"""One rule of a shop's own, as its file states it, and what is wrong with a row that is none. Knows no bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from shelfsense.errors import InputRefused

_MOST_SHOWN = 20


class Action(StrEnum):
    """What a rule does to the answer of its query."""

    ADD_TYPE = "add_type"
    REMOVE_TYPE = "remove_type"
    PIN_HEAD = "pin_head"
    BLOCK_HEAD = "block_head"


@dataclass(frozen=True, slots=True)
class Override:
    """A row of the file that reads as a rule; whether the bundle has what it names is another question.

    Attributes:
        row: its row in the file, the first is 1.
        name: what answers call it.
        query: normal form; empty for every query, which only `Action.BLOCK_HEAD` may have.
        locale: a BCP 47 tag as in a request; empty for every locale.
        action: what it does.
        value: the id of a product type, or the normal form of a head.
        expires: Unix seconds from which on it does nothing; None: never.
    """

    row: int
    name: str
    query: str
    locale: str
    action: Action
    value: str
    expires: float | None = None

    def expired(self, now: float) -> bool:
        """Return whether its time is over, at a time in Unix seconds."""
        return self.expires is not None and self.expires <= now


@dataclass(frozen=True, slots=True)
class RowFault:
    """Why a row cannot be obeyed.

    Attributes:
        row: its row in the file, the first is 1.
        reason: the fact and the next step; never a query or a head, for it goes to the log.
    """

    row: int
    reason: str


class OverridesRefused(InputRefused):
    """A file of overrides that cannot be obeyed as a whole, hence not at all.

    Args:
        faults: what is wrong, row by row; at least one.
        place: the file, as the message names it.
    """

    def __init__(self, faults: Sequence[RowFault], place: str = "overrides") -> None:
        shown = "; ".join(f"row {fault.row}: {fault.reason}" for fault in faults[:_MOST_SHOWN])
        more = len(faults) - _MOST_SHOWN
        rest = f"; and {more:,} more: `shelfsense overrides check` lists them all" if more > 0 else ""
        super().__init__(f"{place}: not used, for its bad rows (there are {len(faults):,}): {shown}{rest}")
        self.faults = tuple(faults)
