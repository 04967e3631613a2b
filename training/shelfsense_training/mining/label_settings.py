"""The settings of label mining: one row that the SQL reads, each figure with its reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import pyarrow as pa

from shelfsense.errors import InputRefused


@dataclass(frozen=True, slots=True)
class LabelSettings:
    """How evidence is weighed and which labels are kept.

    Attributes:
        click_weight, cart_weight, purchase_weight: of one action of a session on a product.
        min_probability: labels below are dropped.
        min_sessions: distinct sessions that acted on a product of the type; fewer are anecdotes.
        last_place: positions past it are pooled there; logs of deep scrolling have too few clicks to tell them apart.
        clip: smallest propensity, so that one action weighs at most 1 / clip exposures.
        harvest_reach: how far apart, in places, two showings of a product still make an experiment; bounds the join.
        smoothing: exposures that earned only noise, added to every type: shown once and clicked once stays small.
        likelihood_ratio: how much likelier a type's actions must be were it meant than were they noise; 10 is where
            evidence is usually called strong (Jeffreys, "Theory of Probability", appendix B).
        noise_prior: impressions by which the noise of one place leans on that of all places.
        meant_floor: a query's excess rates are shares of at least this part of what a meant type usually earns.
        min_exposure: exposures of a query from which it helps to say what a meant type usually earns.
    """

    click_weight: float = 1.0
    cart_weight: float = 3.0
    purchase_weight: float = 10.0
    min_probability: float = 0.2
    min_sessions: int = 3
    last_place: int = 50
    clip: float = 0.05
    harvest_reach: int = 10
    smoothing: float = 2.0
    likelihood_ratio: float = 10.0
    noise_prior: float = 100.0
    meant_floor: float = 0.3
    min_exposure: float = 20.0

    def __post_init__(self) -> None:
        """Refuse what has no meaning.

        Raises:
            InputRefused: naming the setting and its range.
        """
        for name in ("min_probability", "clip", "meant_floor"):
            if not 0 < getattr(self, name) <= 1:
                raise InputRefused(f"{name} is {getattr(self, name)}; choose a share above 0 and at most 1")
        for name in ("click_weight", "cart_weight", "purchase_weight", "smoothing", "noise_prior", "likelihood_ratio"):
            if not 0 < getattr(self, name) < float("inf"):
                raise InputRefused(f"{name} is {getattr(self, name)}; choose a number above 0")
        for name in ("min_sessions", "last_place", "harvest_reach"):
            if getattr(self, name) < 1:
                raise InputRefused(f"{name} is {getattr(self, name)}; choose 1 or more")

    def table(self) -> pa.Table:
        """Return the row the SQL reads."""
        return pa.Table.from_pylist([asdict(self)])
